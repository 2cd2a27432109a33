"""A sign-in becomes a session with its first tokens."""

from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.ids import uuid7
from sojourn.domain.sessions import LIMIT_REASON, OURSELVES, deadlines_at_creation
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_provisioned_tenant
from sojourn.handlers.tokens.pairs import begin_first_tokens
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_response
from sojourn.storage.queries import session_limit, sessions
from sojourn.storage.queries.sessions import NewSession


async def begin_session(ctx: Context, body: dict[str, Any]) -> View:
    """`CreateSessionData`: the session that `CreateSessionRequest` describes, and its first tokens."""
    await require_provisioned_tenant(ctx)
    await session_limit.end_idlest(
        ctx.db,
        body["auth_user_id"],
        limit=ctx.service.limits.sessions_per_user,
        now=ctx.now_text,
        by=OURSELVES,
        reason=LIMIT_REASON,
    )
    session = _new_session(ctx, body)
    row = await sessions.add(ctx.db, session)
    return {"session": session_response(row, ctx.now_text), "tokens": await begin_first_tokens(ctx, session)}


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
