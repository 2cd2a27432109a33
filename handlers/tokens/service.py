"""Tokens: generated, validated and refused one by one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.errors import NotYourResource, SessionNotFound, TenantMismatch
from sojourn.domain.ids import mint, session_id, session_key
from sojourn.domain.sessions import status
from sojourn.domain.token_validity import reasons
from sojourn.domain.tokens import LAST_SECOND, AccessToken, RefreshToken, text_identity
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tenancy import require_provisioned_tenant, require_tenant
from sojourn.handlers.tokens.pairs import begin_tokens, lifetimes, retention
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.handlers.views.tokens import blacklist_check_response, token_validation_response
from sojourn.storage.queries import blacklist, refresh_states, token_configs
from sojourn.storage.queries.blacklist import BlacklistEntry
from sojourn.storage.queries.refresh_states import TokenSession


async def generate_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """A first pair of tokens for a live session; earlier ones of the session can no longer be refreshed."""
    if body["tenant_id"] != ctx.tenant.id:
        raise TenantMismatch()
    key = session_key(body["session_id"])
    session = await refresh_states.session(ctx.db, key) if key is not None else None
    if session is None or session.user_id != body["auth_user_id"] or not _is_live(ctx, session):
        raise SessionNotFound()
    return await begin_tokens(ctx, session, body.get("app_id"))


@takes_token("access_token")
async def validate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """Whether an access token is good now, with its claims or the reason against it."""
    token = ctx.presented
    if not isinstance(token, AccessToken):
        return token_validation_response(None, ("invalid_token",))
    facts = await ctx.service.tokens.judge(ctx.db, token, ctx.now, body.get("device_fingerprint"))
    return token_validation_response(dict(token.claims), reasons(facts, "validation"))


async def validate_session(ctx: Context, session_id: str) -> View:
    """Whether a session of the caller is active, with what its tokens would claim."""
    key = session_key(session_id)
    row = await refresh_states.session(ctx.db, key) if key is not None else None
    if row is None:
        raise SessionNotFound()
    if row.user_id != ctx.caller.id and not ctx.caller.is_admin:
        raise NotYourResource()
    state = status(row.revoked_at is not None, row.expires_at, row.idle_expires_at, ctx.now_text)
    return token_validation_response(_claims(ctx, row), () if state == "active" else (f"session_{state}",))


@takes_token("token")
async def blacklist_token(ctx: Context, body: dict[str, Any]) -> View:
    """Refuse a token from now on, whatever is known of it. A tenant is made on first use. Raises TenantNotFound."""
    await require_provisioned_tenant(ctx)
    shown = await _shown(ctx, body["token"])
    return await _refuse(ctx, body, shown, body.get("expires_at"))


@takes_token("token")
async def add_to_blacklist(ctx: Context, body: dict[str, Any]) -> View:
    """The same for a user's own tokens; administrators for any of the tenant.

    What a user shows and nobody we know has signed is no token that could be refused: the answer is the same
    (RFC 7009 §2.2), and nothing is kept of it. Raises NotYourResource.
    """
    await require_tenant(ctx)
    shown = await _shown(ctx, body["token"])
    if not ctx.caller.is_admin:
        if body["user_id"] != ctx.caller.id or shown.owner not in (None, ctx.caller.id):
            raise NotYourResource()
        if not shown.is_verified:
            return simple_response("token blacklisted", ctx.now_text)
    return await _refuse(ctx, body, shown, None)


@takes_token("token")
async def check_blacklist(ctx: Context, token: str) -> View:
    """Whether a token is refused by the blacklist. Anybody but an administrator may ask of their own only."""
    return await _check(ctx, await _shown(ctx, token))


@takes_token("token")
async def check_blacklisted_token(ctx: Context, body: dict[str, Any]) -> View:
    """The same with the token in the body, since URLs are logged."""
    return await _check(ctx, await _shown(ctx, body["token"]))


async def get_key_set(ctx: Context) -> View:
    """The public keys that verify our access tokens (RFC 7517)."""
    return await ctx.service.tokens.key_set()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token as the blacklist sees it. `owner` and `end` are None where nothing is known of it.

    `text_hash` is what an entry may name that was made before the token could be verified.
    """

    hash: str
    is_verified: bool
    owner: str | None = None
    end: datetime | None = None
    text_hash: str | None = None


async def _shown(ctx: Context, text: str) -> _Shown:
    """What is known of the token that the request shows. One of another tenant is nothing here."""
    token = ctx.presented
    if isinstance(token, AccessToken) and token.tenant == ctx.tenant.id:
        return _Shown(token.hash, True, token.user, _instant(token.expires), token.text_hash)
    if isinstance(token, RefreshToken):
        session = await refresh_states.session(ctx.db, token.session)
        if session is None:
            return _Shown(token.hash, True)
        return _Shown(token.hash, True, session.user_id, from_text(session.expires_at))
    return _Shown(text_identity(text), False)


async def _check(ctx: Context, shown: _Shown) -> View:
    """`BlacklistCheckResponse`. Raises NotYourResource."""
    entry = await blacklist.find(ctx.db, shown.hash, ctx.now_text)
    if entry is None and shown.text_hash is not None:
        entry = await blacklist.find(ctx.db, shown.text_hash, ctx.now_text)
    owner = shown.owner if shown.owner is not None or entry is None else entry.user_id
    if not ctx.caller.is_admin and owner not in (None, ctx.caller.id):
        raise NotYourResource()
    return blacklist_check_response(shown.hash, entry)


async def _refuse(ctx: Context, body: dict[str, Any], shown: _Shown, stated_end: int | None) -> View:
    """Enter a token in the blacklist until it would have expired anyway. Doing so again changes nothing.

    The end that a caller states counts only for a token that nothing is known of, and only when it is still to come:
    many languages write 0 for "not known".
    """
    span = lifetimes(ctx, await token_configs.terms(ctx.db, body["user_id"]))
    until = shown.end
    if until is None and stated_end is not None and _instant(stated_end) > ctx.now:
        until = _instant(stated_end)
    if until is None:
        until = retention(ctx.now, span)
    if until + span.leeway > ctx.now:
        entry = BlacklistEntry(
            id=mint("bl", ctx.now),
            token_hash=shown.hash,
            token_type=body["token_type"],
            user_id=body["user_id"],
            reason=body.get("reason"),
            created_at=ctx.now_text,
            expires_at=to_text(min(until + span.leeway, _instant(LAST_SECOND))),
        )
        await blacklist.add(ctx.db, entry)
    return simple_response("token blacklisted", ctx.now_text)


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
    return datetime.fromtimestamp(min(max(seconds, 0), LAST_SECOND), UTC)
