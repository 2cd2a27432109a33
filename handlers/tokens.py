"""Tokens: generated, refreshed, validated and refused one by one."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.clock import from_text, to_text
from domain.errors import (
    NotYourResource,
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionNotFound,
    TenantMismatch,
)
from domain.ids import mint, session_id, session_key
from domain.sessions import status
from domain.token_validity import reasons
from domain.tokens import (
    Invalid,
    RefreshState,
    RefreshToken,
    Reuse,
    Rotate,
    decide,
    end_of_refresh,
    identity,
    read_refresh_token,
    write_refresh_token,
)
from domain.values import Tenant
from handlers.context import Context
from handlers.tenancy import require_tenant
from handlers.token_pairs import (
    begin_tokens,
    enter_refresh_token,
    issue_access_token,
    lifetimes,
    retention,
)
from handlers.views.envelopes import View, simple_response
from handlers.views.tokens import blacklist_check_response, token_pair_response, token_validation_response
from storage import blacklist, sessions, token_configs, tokens
from storage.blacklist import BlacklistEntry
from storage.tokens import RefreshRow, TokenSession

REUSE_REASON = "refresh_token_reuse"
_OURSELVES = "sojourn"


async def generate_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """A first pair of tokens for a live session; earlier ones of the session can no longer be refreshed."""
    if body["tenant_id"] != ctx.tenant.id:
        raise TenantMismatch()
    key = session_key(body["session_id"])
    session = await tokens.session(ctx.db, key) if key is not None else None
    if session is None or session.user_id != body["auth_user_id"] or not _is_live(ctx, session):
        raise SessionNotFound()
    return await begin_tokens(ctx, session, body.get("app_id"))


async def refresh_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """The next pair of tokens. The parent of the present pair gets that same pair's refresh token again."""
    ctx, token, session = await _holder(ctx, body["refresh_token"])
    refresh, row = await _successor(ctx, token, session)
    access, seconds = await issue_access_token(ctx, session, row.generation, row.client_id, await lifetimes(ctx))
    return token_pair_response(access, seconds, refresh)


async def rotate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """A new access token; the refresh token stays what it is."""
    ctx, token, session = await _holder(ctx, body["refresh_token"])
    row, verdict = await _judged(ctx, token)
    if isinstance(verdict, Reuse):
        await _end_reused(ctx, token)
    access, _ = await issue_access_token(ctx, session, row.generation, row.client_id, await lifetimes(ctx))
    return {"access_token": access}


async def validate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """Whether an access token is good now, with its claims or the reason against it."""
    token = await ctx.service.tokens.read(body["access_token"])
    if token is None:
        return token_validation_response(None, ("invalid_token",))
    facts = await ctx.service.tokens.judge(ctx.db, token, ctx.now, body.get("device_fingerprint"))
    return token_validation_response(dict(token.claims), reasons(facts))


async def validate_session(ctx: Context, session_id: str) -> View:
    """Whether a session of the caller is active, with what its tokens would claim."""
    key = session_key(session_id)
    row = await tokens.session(ctx.db, key) if key is not None else None
    if row is None:
        raise SessionNotFound()
    if row.user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()
    state = status(row.revoked_at is not None, row.expires_at, row.idle_expires_at, ctx.now_text)
    return token_validation_response(_claims(ctx, row), () if state == "active" else (f"session_{state}",))


async def blacklist_token(ctx: Context, body: dict[str, Any]) -> View:
    """Refuse a token from now on, whatever is known of it."""
    return await _refuse(ctx, body, body.get("expires_at"))


async def add_to_blacklist(ctx: Context, body: dict[str, Any]) -> View:
    """The same for a user's own tokens; administrators for any of the tenant."""
    await require_tenant(ctx)
    if not ctx.caller.is_admin:
        owner = await _owner(ctx, body["token"])
        if body["user_id"] != ctx.caller.id or owner not in (None, ctx.caller.id):
            raise NotYourResource()
    return await _refuse(ctx, body, None)


async def check_blacklist(ctx: Context, token: str) -> View:
    """Whether a token is refused by the blacklist. Anybody but an administrator may ask of his own only."""
    if not ctx.caller.is_admin and await _owner(ctx, token) not in (None, ctx.caller.id):
        raise NotYourResource()
    token_hash = identity(token)
    return blacklist_check_response(token_hash, await blacklist.find(ctx.db, token_hash, ctx.now_text))


async def check_blacklisted_token(ctx: Context, body: dict[str, Any]) -> View:
    """The same with the token in the body, since URLs are logged."""
    return await check_blacklist(ctx, body["token"])


async def get_key_set(ctx: Context) -> View:
    """The public keys that verify our access tokens (RFC 7517)."""
    return await ctx.service.tokens.key_set()


async def _holder(ctx: Context, text: str) -> tuple[Context, RefreshToken, TokenSession]:
    """Whose refresh token it is, and the context of its tenant.

    Raises RefreshTokenInvalid, NotYourResource, RateLimited, or SessionNotFound when the session is no longer
    kept; none of them changes anything.
    """
    token = read_refresh_token(ctx.service.tokens.refresh_keys, text)
    if token is None:
        raise RefreshTokenInvalid()
    tenant = Tenant(token.tenant)
    ctx = replace(ctx, tenant=tenant, db=ctx.db.within(tenant))
    if ctx.caller.id and session_key(ctx.caller.session_id or "") != token.session:
        raise NotYourResource()
    ctx.service.tokens.permit_refresh(token.tenant, token.session, ctx.now)
    session = await tokens.session(ctx.db, token.session)
    if session is None:
        raise SessionNotFound()
    if not _is_live(ctx, session):
        raise RefreshTokenInvalid()
    return ctx, token, session


async def _judged(ctx: Context, token: RefreshToken) -> tuple[RefreshRow, Any]:
    """The session's refresh state and what the token means for it. Raises RefreshTokenInvalid."""
    row = await tokens.refresh_state(ctx.db, token.session)
    if row is None:
        raise RefreshTokenInvalid()
    state = RefreshState(
        row.first_generation,
        row.generation,
        row.token_hash,
        row.previous_hash,
        from_text(row.rotated_at),
        from_text(row.expires_at),
        bool(row.successor_used),
    )
    verdict = decide(token, state, ctx.now, ctx.service.tokens.reuse_interval)
    if isinstance(verdict, Reuse):
        return row, verdict
    if isinstance(verdict, Invalid) or await _is_refused(ctx, token, row):
        raise RefreshTokenInvalid()
    return row, verdict


async def _successor(ctx: Context, token: RefreshToken, session: TokenSession) -> tuple[str, RefreshRow]:
    """The refresh token that follows `token`, and the state in which it is the present one.

    One conditional update decides who rotates. Whoever comes second finds the new state and is judged by
    that.
    """
    row, verdict = await _judged(ctx, token)
    if isinstance(verdict, Rotate):
        await _rotate(ctx, token, session)
        row, verdict = await _judged(ctx, token)
    if isinstance(verdict, Reuse):
        await _end_reused(ctx, token)
    if isinstance(verdict, Rotate):
        raise RefreshTokenInvalid()
    keys = ctx.service.tokens.refresh_keys
    return write_refresh_token(keys, ctx.tenant.id, token.session, row.generation, row.nonce), row


async def _rotate(ctx: Context, token: RefreshToken, session: TokenSession) -> None:
    nonce, generation = secrets.token_hex(32), token.generation + 1
    refresh = write_refresh_token(ctx.service.tokens.refresh_keys, ctx.tenant.id, session.id, generation, nonce)
    span = await lifetimes(ctx)
    end = to_text(end_of_refresh(ctx.now, span.refresh, from_text(session.expires_at)))
    if await tokens.rotate(
        ctx.db, session.id, token.generation, token.hash, nonce, identity(refresh), end, ctx.now_text
    ):
        await tokens.revoke_by_hash(ctx.db, token.hash, ctx.now_text)
        await enter_refresh_token(ctx, session, refresh, end)


async def _end_reused(ctx: Context, token: RefreshToken) -> None:
    """End the session of a refresh token that came again, and refuse the request. That it ended is kept."""
    await sessions.revoke(ctx.db, token.session, ctx.now_text, _OURSELVES, REUSE_REASON)
    raise RefreshTokenReused()


async def _is_refused(ctx: Context, token: RefreshToken, row: RefreshRow) -> bool:
    """Whether the blacklist names the token or its successor, or a cut-off came after it."""
    for token_hash in {token.hash, row.token_hash}:
        if await blacklist.find(ctx.db, token_hash, ctx.now_text) is not None:
            return True
    session = await tokens.session(ctx.db, token.session)
    if session is None:
        return True
    until = await token_configs.refused_until(ctx.db, session.user_id, "refresh")
    return until is not None and row.rotated_at <= until


async def _refuse(ctx: Context, body: dict[str, Any], end: int | None) -> View:
    """Enter a token in the blacklist until it would have expired anyway. Doing so again changes nothing."""
    span = await lifetimes(ctx)
    until = await _end(ctx, body["token"])
    if until is None:
        until = retention(ctx.now, span) if end is None else _instant(end)
    if until + span.leeway > ctx.now:
        entry = BlacklistEntry(
            mint("bl", ctx.now),
            identity(body["token"]),
            body["token_type"],
            body["user_id"],
            body.get("reason"),
            ctx.now_text,
            to_text(until + span.leeway),
        )
        await blacklist.add(ctx.db, entry)
    return simple_response("token blacklisted", ctx.now_text)


async def _end(ctx: Context, text: str) -> datetime | None:
    """When a token of the tenant ends by itself; None when nothing is known of it."""
    refresh = read_refresh_token(ctx.service.tokens.refresh_keys, text)
    if refresh is not None and refresh.tenant == ctx.tenant.id:
        session = await tokens.session(ctx.db, refresh.session)
        return None if session is None else from_text(session.expires_at)
    access = await ctx.service.tokens.read(text)
    return None if access is None else _instant(access.expires)


async def _owner(ctx: Context, text: str) -> str | None:
    """Whose token it is; None when nothing is known of it. Another tenant's token is nobody's."""
    refresh = read_refresh_token(ctx.service.tokens.refresh_keys, text)
    if refresh is not None and refresh.tenant == ctx.tenant.id:
        session = await tokens.session(ctx.db, refresh.session)
        return None if session is None else session.user_id
    access = await ctx.service.tokens.read(text)
    return access.user if access is not None and access.tenant == ctx.tenant.id else None


def _is_live(ctx: Context, session: TokenSession) -> bool:
    revoked = session.revoked_at is not None
    return status(revoked, session.expires_at, session.idle_expires_at, ctx.now_text) == "active"


def _claims(ctx: Context, session: TokenSession) -> View:
    return {
        "sub": session.user_id,
        "sid": session_id(session.id),
        "tenant_id": ctx.tenant.id,
        "roles": [session.role] if session.role else [],
        "amr": session.amr.split(",") if session.amr else [],
        "auth_time": int(from_text(session.authenticated_at).timestamp()),
        "exp": int(from_text(session.expires_at).timestamp()),
    }


def _instant(seconds: float) -> datetime:
    """The instant of a NumericDate; beyond what can be written the last that can."""
    return datetime.fromtimestamp(min(max(seconds, 0), 253402214400), UTC)
