"""What administrators see of their tenant."""

from domain.paging import Page
from domain.sessions import Status
from handlers.context import Context
from handlers.tenancy import require_tenant
from handlers.views.envelopes import View, list_response
from handlers.views.sessions import all_sessions_item, session_response, session_stats_response
from storage import sessions, statistics
from storage.sessions import SessionFilter


async def get_session_stats(ctx: Context) -> View:
    """The tenant's numbers, right at this moment."""
    stats = await statistics.session_stats(ctx.db, ctx.now_text)
    if stats.total == 0:  # without a session nothing tells a new tenant from an unknown one
        await require_tenant(ctx)
    return session_stats_response(stats, ctx.caller.id, ctx.now_text)


async def list_tenant_sessions(
    ctx: Context, user_id: str | None, status: Status | None, page: int, page_size: int
) -> View:
    """One page of the tenant's sessions of any status, newest first."""
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    rows, total = await sessions.search(ctx.db, SessionFilter(user_id, status), ctx.now_text, wanted)
    return list_response([session_response(row, ctx.now_text) for row in rows], total, wanted, ctx.now_text)


async def list_all_sessions(ctx: Context, limit: int, cursor: str | None) -> View:
    """The tenant's active sessions in the second product's shape; `total` counts them all."""
    after = cursor.lower() if cursor is not None else None
    rows, total = await sessions.list_active_with_users(ctx.db, ctx.now_text, limit, after)
    return {"sessions": [all_sessions_item(row) for row in rows], "total": total}
