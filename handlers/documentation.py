"""The pages for people below `/docs`."""

from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context

SCRIPT_MAX_AGE = 3600


async def get_front_page(ctx: Context, language: str | None) -> Answer:
    """What this is and where to look first, for people or programs."""
    chosen = language or ctx.locale
    return Answer(ctx.service.documentation.front(chosen, ctx.media_type), language=chosen)


async def get_favicon(ctx: Context) -> Answer:
    """The mark of the pages."""
    return Answer(ctx.service.documentation.mark(), max_age=SCRIPT_MAX_AGE)


async def get_reference(ctx: Context) -> Answer:
    """The contract to read, to search and to try."""
    page, policy = ctx.service.documentation.reference()
    return Answer(page, policy=policy)


async def get_reference_script(ctx: Context) -> Answer:
    """The script of the reference."""
    return Answer(ctx.service.documentation.script(), max_age=SCRIPT_MAX_AGE)


async def get_problem_catalogue(ctx: Context, language: str | None) -> Answer:
    """Every problem type on one page, in the language asked for or the one the reader likes best."""
    chosen = language or ctx.locale
    return Answer(ctx.service.documentation.problems(chosen), language=chosen)
