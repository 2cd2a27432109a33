"""Tokens of a session: begun, issued and entered in the inventory."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from domain.clock import from_text, to_text
from domain.durations import parse_duration
from domain.ids import mint, session_id
from domain.tokens import Lifetimes, end_of_access, end_of_refresh, identity, write_refresh_token
from handlers.context import Context
from handlers.views.envelopes import View
from handlers.views.tokens import token_pair_response
from storage import token_configs, tokens
from storage.sessions import NewSession
from storage.tokens import IssuedToken, RefreshRow, TokenSession

NO_CLIENT = "unspecified"


async def lifetimes(ctx: Context) -> Lifetimes:
    """The tenant's lifetimes, or the service's where it has set none."""
    own = await token_configs.get(ctx.db)
    if own is None:
        return ctx.service.tokens.lifetimes
    return Lifetimes(parse_duration(own.access_expiry), parse_duration(own.refresh_expiry), parse_duration(own.leeway))


async def begin_first_tokens(ctx: Context, session: NewSession) -> View:
    """`TokenPairResponse`: the first pair of a session that was just written."""
    holder = TokenSession(
        id=session.id,
        user_id=session.user_id,
        username=session.username,
        authenticated_at=session.authenticated_at,
        expires_at=session.expires_at,
        idle_expires_at=session.idle_expires_at,
        revoked_at=None,
        amr=session.amr,
        role=session.role,
        app_id=session.app_id,
        ip=session.ip,
        user_agent=session.user_agent,
    )
    return await _begin(ctx, holder, session.app_id, 0)


async def begin_tokens(ctx: Context, session: TokenSession, client_id: str | None = None) -> View:
    """`TokenPairResponse`: the first pair of a session's new line. An earlier line of the session ends."""
    before = await tokens.refresh_state(ctx.db, session.id)
    generation = 0 if before is None else before.generation + 1
    return await _begin(ctx, session, client_id or session.app_id, generation)


async def _begin(ctx: Context, session: TokenSession, client: str | None, generation: int) -> View:
    span = await lifetimes(ctx)
    nonce = secrets.token_hex(32)
    refresh = write_refresh_token(ctx.service.tokens.refresh_keys, ctx.tenant.id, session.id, generation, nonce)
    end = to_text(end_of_refresh(ctx.now, span.refresh, from_text(session.expires_at)))
    await tokens.begin(
        ctx.db,
        RefreshRow(session.id, generation, generation, nonce, identity(refresh), None, ctx.now_text, end, 0, client),
    )
    await enter_refresh_token(ctx, session, refresh, end)
    access, seconds = await issue_access_token(ctx, session, generation, client, span)
    return token_pair_response(access, seconds, refresh)


async def enter_refresh_token(ctx: Context, session: TokenSession, text: str, end: str) -> None:
    """Enter a refresh token in the inventory."""
    await tokens.enter(
        ctx.db,
        IssuedToken(
            mint("tok", ctx.now),
            session.id,
            session.user_id,
            "refresh",
            identity(text),
            ctx.now_text,
            end,
            session.ip,
            session.user_agent,
        ),
    )


async def issue_access_token(
    ctx: Context, session: TokenSession, generation: int, client_id: str | None, span: Lifetimes
) -> tuple[str, int]:
    """A new access token of a session (RFC 9068), and for how many seconds it is good."""
    token_id = mint("tok", ctx.now)
    end = end_of_access(ctx.now, span.access, from_text(session.expires_at), _chance(token_id))
    claims: dict[str, Any] = {
        "sub": session.user_id,
        "aud": ctx.service.tokens.audience,
        "iat": int(ctx.now.timestamp()),
        "exp": int(end.timestamp()),
        "jti": token_id,
        "sid": session_id(session.id),
        "tenant_id": ctx.tenant.id,
        "client_id": client_id or NO_CLIENT,
        "roles": [session.role] if session.role else [],
        "amr": session.amr.split(",") if session.amr else [],
        "auth_time": int(from_text(session.authenticated_at).timestamp()),
        "gen": generation,
    }
    text = await sign_and_enter(ctx, claims, end, session)
    return text, max(0, claims["exp"] - claims["iat"])


async def sign_and_enter(ctx: Context, claims: dict[str, Any], end: datetime, session: TokenSession | None) -> str:
    """An access token with these claims, entered in the inventory under its `jti`."""
    text = await ctx.service.tokens.sign(ctx.db, claims)
    entry = IssuedToken(
        claims["jti"],
        None if session is None else session.id,
        claims["sub"],
        "access",
        identity(text),
        ctx.now_text,
        to_text(end),
        None if session is None else session.ip,
        None if session is None else session.user_agent,
    )
    await tokens.enter(ctx.db, entry)
    return text


def _chance(token_id: str) -> float:
    """A number from 0 to 1 out of an id's random tail."""
    return int(token_id[-4:], 16) / 0xFFFF


def retention(now: datetime, span: Lifetimes) -> datetime:
    """Until when a token of unknown end must be refused: longer than any that is issued now."""
    return now + max(span.access, span.refresh) + span.leeway + timedelta(days=1)
