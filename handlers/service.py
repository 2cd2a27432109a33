"""What the service tells about itself: its health, its contract, its problem types."""

from sojourn.domain.errors import MetadataNotFound, ProblemTypeNotFound, Unavailable
from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.metadata import oauth_metadata

READY_RETRY_SECONDS = 2


async def get_liveness(ctx: Context) -> View:
    """The process responds. The database is not queried."""
    return {"status": "ok"}


async def get_readiness(ctx: Context) -> View:
    """The process can do its work: the database responds."""
    if not await ctx.service.is_ready():
        raise Unavailable(retry_after=READY_RETRY_SECONDS)
    return {"status": "ok"}


async def get_contract_json(ctx: Context) -> Answer:
    """The contract itself, as JSON."""
    return Answer(ctx.service.contract("json"))


async def get_contract_yaml(ctx: Context) -> Answer:
    """The contract itself, as YAML."""
    return Answer(ctx.service.contract("yaml"))


async def get_oauth_metadata(ctx: Context) -> View:
    """Where the OAuth forms are (RFC 8414 §2). Raises MetadataNotFound where the service has no public URL."""
    if ctx.service.public_url is None:
        raise MetadataNotFound()
    return oauth_metadata(ctx.service.public_url)


async def list_problem_types(ctx: Context, language: str | None) -> Answer:
    """Every problem type, for people or programs."""
    chosen = language or ctx.locale
    return Answer(ctx.service.problem_pages.index(chosen, ctx.media_type), language=chosen)


async def get_problem_type(ctx: Context, slug: str, *, language: str | None) -> Answer:
    """One problem type: what it means and what to change."""
    chosen = language or ctx.locale
    page = ctx.service.problem_pages.page(slug, chosen, media_type=ctx.media_type)
    if page is None:
        raise ProblemTypeNotFound()
    return Answer(page, language=chosen)
