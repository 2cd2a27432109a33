"""Token Status Lists (draft-ietf-oauth-status-list-20): which sessions ended, for everybody."""

from sojourn.domain.errors import StatusListNotFound
from sojourn.handlers.answers import Answer
from sojourn.handlers.context import Context
from sojourn.handlers.views.envelopes import View

_KEPT = b"public, max-age=60"


async def list_status_lists(ctx: Context) -> View:
    """The aggregation (section 9.3): the address of every list."""
    return {"status_lists": await ctx.service.status_lists.addresses()}


async def get_status_list(ctx: Context, list_id: str) -> Answer:
    """A list, signed (section 5.1). Raises StatusListNotFound."""
    text = await ctx.service.status_lists.text(list_id)
    if text is None:
        raise StatusListNotFound()
    return Answer(text, kept=_KEPT)
