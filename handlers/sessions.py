"""Sessions: created and ended by internal services, seen, kept alive and ended by their users."""

from typing import Any

from domain.clock import from_text, to_text
from domain.errors import NotYourResource, SessionNotFound
from domain.ids import session_key, uuid7
from domain.paging import Page
from domain.sessions import deadlines_at_creation, idle_deadline_after_activity, status
from handlers.context import Context
from handlers.tenancy import require_provisioned_tenant
from handlers.views.envelopes import View, data_response, list_response, simple_response
from handlers.views.sessions import session_response
from storage import sessions
from storage.sessions import NewSession, SessionRow

UNSTATED_REASON = "unspecified"


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
    """Record a sign-in that the caller vouches for."""
    await require_provisioned_tenant(ctx)
    row = await sessions.add(ctx.db, _new_session(ctx, body))
    return data_response({"session": session_response(row, ctx.now_text)}, ctx.now_text)


async def revoke_user_sessions(ctx: Context, user_id: str) -> View:
    """End every active session of a user."""
    count = await sessions.revoke_all_of_user(ctx.db, user_id, ctx.now_text, ctx.caller.id, UNSTATED_REASON)
    return simple_response(f"{count} sessions revoked", ctx.now_text)


async def get_session(ctx: Context, session_id: str) -> View:
    """One session of the caller; any of the tenant for an administrator."""
    row = await _owned(ctx, session_id)
    return {"session": session_response(row, ctx.now_text)}


async def revoke_session(ctx: Context, session_id: str, body: dict[str, Any] | None) -> None:
    """End one session. Ending an ended session changes nothing."""
    row = await _owned(ctx, session_id)
    reason = (body or {}).get("reason", UNSTATED_REASON)
    await sessions.revoke(ctx.db, row.id, ctx.now_text, ctx.caller.id, reason)


async def touch_session(ctx: Context, session_id: str) -> View:
    """Keep a session alive: the idle deadline moves, the absolute one never does."""
    row = await _owned(ctx, session_id)
    if status(row.revoked_at is not None, row.expires_at, row.idle_expires_at, ctx.now_text) != "active":
        raise SessionNotFound()
    deadline = idle_deadline_after_activity(ctx.now, from_text(row.expires_at), ctx.service.timeouts)
    if not await sessions.touch(ctx.db, row.id, ctx.now_text, to_text(deadline)):
        raise SessionNotFound()
    return simple_response("activity recorded", ctx.now_text)


async def _require(ctx: Context, key: str | None) -> SessionRow:
    row = await sessions.get(ctx.db, key) if key is not None else None
    if row is None:
        raise SessionNotFound()
    return row


async def _owned(ctx: Context, session_id: str) -> SessionRow:
    """The session, if the caller may see it: another tenant's is absent, another user's is refused."""
    row = await _require(ctx, session_key(session_id))
    if row.user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()
    return row


def _new_session(ctx: Context, body: dict[str, Any]) -> NewSession:
    """The session that the request describes, its facts completed from the User-Agent and the address."""
    facts = [body.get(name) for name in ("device_type", "browser", "os")]
    if None in facts and "user_agent" in body:
        agent = ctx.service.describe_agent(body["user_agent"])
        told = (agent.device_type, agent.browser, agent.os)
        facts = [given or read for given, read in zip(facts, told, strict=True)]
    device_type, browser, os = facts
    deadlines = deadlines_at_creation(ctx.now, ctx.service.timeouts)
    return NewSession(
        id=uuid7(ctx.now),
        user_id=body["auth_user_id"],
        username=body.get("username"),
        created_at=ctx.now_text,
        authenticated_at=ctx.now_text,
        last_active_at=ctx.now_text,
        expires_at=to_text(deadlines.expires_at),
        idle_expires_at=to_text(deadlines.idle_expires_at),
        amr=",".join(body["amr"]) if body.get("amr") else None,
        role=body.get("role"),
        app_id=body.get("app_id"),
        device_id=body.get("device_id"),
        device_fingerprint=body.get("device_fingerprint"),
        device_type=device_type,
        browser=browser,
        os=os,
        ip=body.get("ip"),
        user_agent=body.get("user_agent"),
        geoip=ctx.service.locate(body["ip"]) if "ip" in body else None,
    )
