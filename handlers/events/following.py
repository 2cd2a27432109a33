"""Who follows the events, page by page or from a snapshot on."""

from sojourn.domain.cursors import Cursor, read_cursor
from sojourn.domain.durations import parse_duration
from sojourn.domain.ids import TenantId
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.feed import Wanted
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.events import event_list
from sojourn.handlers.views.revocations import revocation_snapshot


@commits_itself
async def list_events(
    ctx: Context, after: str | None, *, types: str | None, limit: int, wait: str | None, x_tenant_id: str | None
) -> View:
    """Events behind a cursor, in their order; where there are none, perhaps later. Raises CursorExpired."""
    seconds = 0.0 if wait is None else parse_duration(wait).total_seconds()
    wanted = _wanted(ctx, x_tenant_id, types=types)
    return event_list(await ctx.service.feed.page(wanted, _cursor(after), limit=limit, wait_seconds=seconds))


@commits_itself
async def get_revocations(ctx: Context, x_tenant_id: str | None) -> View:
    """All that a verifier of tokens must know at the feed's end."""
    return revocation_snapshot(await ctx.service.feed.snapshot(_wanted(ctx, x_tenant_id, types=None)))


def _wanted(ctx: Context, x_tenant_id: str | None, *, types: str | None) -> Wanted:
    """The tenant that the request names, else those of the API key."""
    of = frozenset({x_tenant_id}) if x_tenant_id is not None else ctx.caller.tenants
    tenants = None if of is None else tuple(TenantId(name) for name in sorted(of))
    return Wanted(tenants, frozenset() if types is None else frozenset(types.split(",")))


def _cursor(text: str | None) -> Cursor | None:
    return None if text is None else read_cursor(text)
