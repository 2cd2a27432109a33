"""Sessions, as their users see them: started, listed, kept alive, upgraded and ended; administrators: anybody's."""

from typing import Any

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.errors import NotYourResource, RoleNotAllowed, SessionNotFound
from sojourn.domain.paging import Page
from sojourn.domain.sessions import amr_with_mfa, idle_deadline_after_activity
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.sessions.creation import begin_session
from sojourn.handlers.sessions.lookup import active_or_404, session_row
from sojourn.handlers.sessions.service import UNSTATED_REASON
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View, list_response, simple_response
from sojourn.handlers.views.sessions import session_record, session_response
from sojourn.storage.queries import sessions
from sojourn.storage.queries.sessions import SessionRow
from sojourn.storage.touches import Touch


async def list_own_sessions(ctx: Context, auth_user_id: str, page: int, page_size: int) -> View:
    """One page of a user's active sessions, newest first."""
    _require_self(ctx, auth_user_id)
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    rows, total = await sessions.list_active_of_user(ctx.db, auth_user_id, ctx.now_text, wanted)
    return list_response([session_response(row, ctx.now_text) for row in rows], total, wanted, ctx.now_text)


async def list_sessions_of_user(ctx: Context, user_id: str, page: int, page_size: int) -> View:
    """The same with the user in the path."""
    return await list_own_sessions(ctx, user_id, page, page_size)


async def start_session(ctx: Context, body: dict[str, Any]) -> View:
    """Record a sign-in of the caller; administrators, of any user of the tenant.

    Raises RoleNotAllowed when anybody but an administrator names a role: users give themselves no roles.
    """
    _require_self(ctx, body["auth_user_id"])
    if "role" in body and not ctx.caller.is_admin:
        raise RoleNotAllowed()
    return await begin_session(ctx, body)


async def get_session(ctx: Context, session_id: str) -> View:
    """One session of the caller; any of the tenant for an administrator, with who ended it."""
    row = await _owned(ctx, session_id)
    view = session_record if ctx.caller.is_admin else session_response
    return {"session": view(row, ctx.now_text)}


async def revoke_session(ctx: Context, session_id: str, body: dict[str, Any] | None) -> None:
    """End one session. Ending an ended session changes nothing."""
    row = await _owned(ctx, session_id)
    reason = (body or {}).get("reason", UNSTATED_REASON)
    await sessions.revoke(ctx.db, row.id, ctx.now_text, ctx.caller.id, reason)


@commits_itself
async def touch_session(ctx: Context, session_id: str) -> View:
    """Keep a session alive: the idle deadline moves, the absolute one never does."""
    row = await _owned_active(ctx, session_id)
    touch = Touch(ctx.now_text, _idle_deadline(ctx, row), row.idle_expires_at)
    if not await ctx.service.touch(ctx.db, row.id, ctx.now, touch):
        raise SessionNotFound()
    return simple_response("activity recorded", ctx.now_text)


async def upgrade_session_mfa(ctx: Context, session_id: str) -> View:
    """Record that the user authenticated with several factors now: `amr` gains `mfa` (RFC 8176)."""
    row = await _owned_active(ctx, session_id)
    amr = amr_with_mfa(row.amr)
    if not await sessions.upgrade(ctx.db, row.id, ctx.now_text, _idle_deadline(ctx, row), amr):
        raise SessionNotFound()
    return {"message": "session MFA status upgraded", "mfa_verified": True, "session_id": session_id}


def _require_self(ctx: Context, user_id: str) -> None:
    if user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()


async def _owned(ctx: Context, session_id: str) -> SessionRow:
    """The session, if the caller may see it: 404 for another tenant's, 403 for another user's."""
    row = await session_row(ctx, session_id)
    _require_self(ctx, row.user_id)
    return row


async def _owned_active(ctx: Context, session_id: str) -> SessionRow:
    return active_or_404(await _owned(ctx, session_id), ctx.now_text)


def _idle_deadline(ctx: Context, row: SessionRow) -> str:
    return to_text(idle_deadline_after_activity(ctx.now, from_text(row.expires_at), ctx.service.timeouts))
