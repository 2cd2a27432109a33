"""The pages for people below `/docs`."""

from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context

FOR_AN_HOUR = b"max-age=3600"
FOR_EVER = b"max-age=31536000, immutable"  # RFC 8246


async def get_front_page(ctx: Context, language: str | None) -> Answer:
    """What this is and where to look first, for people or programs."""
    chosen = language or ctx.locale
    return Answer(ctx.service.documentation.front(chosen, ctx.media_type), language=chosen)


async def get_favicon(ctx: Context) -> Answer:
    """The mark of the pages."""
    return Answer(ctx.service.documentation.mark(), kept=FOR_AN_HOUR)


async def get_reference(ctx: Context, language: str | None) -> Answer:
    """The contract to read, to search and to try."""
    chosen = language or ctx.locale
    page, policy = ctx.service.documentation.reference(chosen)
    return Answer(page, policy=policy, language=chosen)


async def get_reference_script(ctx: Context, hash: str | None) -> Answer:  # noqa: A002 - the parameter's own name
    """The script of the reference, which may be kept for ever under an address with its own hash."""
    pages = ctx.service.documentation
    return Answer(pages.script(), kept=FOR_EVER if hash == pages.script_hash() else FOR_AN_HOUR)


async def get_problem_catalogue(ctx: Context, language: str | None) -> Answer:
    """Every problem type on one page, in the language asked for or the one the reader likes best."""
    chosen = language or ctx.locale
    return Answer(ctx.service.documentation.problems(chosen), language=chosen)
