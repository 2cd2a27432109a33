"""Sessions, as internal services see them: created, listed, checked, counted, exported and ended."""

from typing import Any

from sojourn.domain.clock import day_of
from sojourn.domain.paging import Page
from sojourn.handlers.context import Context
from sojourn.handlers.sessions.creation import begin_session
from sojourn.handlers.sessions.lookup import active_or_404, session_row
from sojourn.handlers.views.envelopes import View, data_response, list_response, simple_response
from sojourn.handlers.views.sessions import session_record, session_response, session_usage_response
from sojourn.storage.queries import sessions, usage

UNSTATED_REASON = "unspecified"
USAGE_DAYS = 400


async def list_user_sessions(ctx: Context, user_id: str, page: int, page_size: int) -> View:
    """One page of the user's active sessions, newest first."""
    wanted = Page(page, page_size)
    rows, total = await sessions.list_active_of_user(ctx.db, user_id, ctx.now_text, wanted)
    return list_response([session_response(row, ctx.now_text) for row in rows], total, wanted, ctx.now_text)


async def check_user_active(ctx: Context, user_id: str) -> View:
    """Whether the user has an active session, and how many."""
    count = await sessions.count_active_of_user(ctx.db, user_id, ctx.now_text)
    return {"active": count > 0, "session_count": count}


async def create_session(ctx: Context, body: dict[str, Any]) -> View:
    """Record a sign-in; the caller has authenticated the user."""
    return data_response(await begin_session(ctx, body), ctx.now_text)


async def revoke_user_sessions(ctx: Context, user_id: str) -> View:
    """End every active session of a user."""
    count = await sessions.revoke_all_of_user(ctx.db, user_id, ctx.now_text, ctx.caller.id, UNSTATED_REASON)
    return simple_response(f"{count} sessions revoked", ctx.now_text)


async def export_user_data(ctx: Context, body: dict[str, Any]) -> View:
    """Every session of a user that is kept, in any state, newest first."""
    rows = await sessions.list_all_of_user(ctx.db, body["user_id"])
    return {"sessions": [session_record(row, ctx.now_text) for row in rows], "total": len(rows)}


async def get_session_usage(ctx: Context, session_id: str) -> View:
    """How often use of a session was recorded, by day in UTC, newest first."""
    row = await session_row(ctx, session_id)
    return session_usage_response(await usage.daily(ctx.db, row.id, USAGE_DAYS), ctx.now_text)


async def record_session_usage(ctx: Context, session_id: str) -> View:
    """Count one use of an active session today. This is not a touch: the deadlines do not move."""
    row = active_or_404(await session_row(ctx, session_id), ctx.now_text)
    await usage.count_use(ctx.db, row.id, day_of(ctx.now))
    return simple_response("use recorded", ctx.now_text)
