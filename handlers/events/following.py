"""Who follows the events, page by page or from a snapshot on."""

from sojourn.domain.durations import parse_duration
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.events.wanted import cursor_of, wanted_events
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.events import event_list
from sojourn.handlers.views.revocations import revocation_snapshot


@commits_itself
async def list_events(
    ctx: Context, after: str | None, *, types: str | None, limit: int, wait: str | None, x_tenant_id: str | None
) -> View:
    """Events behind a cursor, in their order; where there are none, perhaps later. Raises CursorExpired."""
    seconds = 0.0 if wait is None else parse_duration(wait).total_seconds()
    wanted = wanted_events(ctx, x_tenant_id, types=types)
    return event_list(await ctx.service.feed.page(wanted, cursor_of(after), limit=limit, wait_seconds=seconds))


@commits_itself
async def get_revocations(ctx: Context, x_tenant_id: str | None) -> View:
    """All that a verifier of tokens must know at the feed's end."""
    return revocation_snapshot(await ctx.service.feed.snapshot(wanted_events(ctx, x_tenant_id, types=None)))
