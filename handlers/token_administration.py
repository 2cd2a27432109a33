"""Tokens, as administrators see them: inventory, blacklist, lifetimes, introspection, exchange."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.clock import from_text
from domain.durations import format_duration, parse_duration
from domain.errors import (
    BlacklistEntryNotFound,
    InvalidSubjectToken,
    TokenNotFound,
    UnsupportedGrant,
    ValidationFailed,
    Violation,
)
from domain.ids import mint, session_id
from domain.paging import Page
from domain.token_validity import is_valid
from domain.tokens import AccessToken, Invalid, Lifetimes, RefreshState, Reuse, decide, read_refresh_token
from handlers.context import Context
from handlers.tenancy import require_tenant
from handlers.token_pairs import NO_CLIENT, lifetimes, sign_and_enter
from handlers.views.envelopes import View, data_response, list_response, simple_response
from handlers.views.tokens import (
    ACCESS_TOKEN_TYPE,
    blacklisted_token_response,
    token_info_response,
    token_introspection_response,
)
from storage import blacklist, token_configs, tokens
from storage.token_configs import TokenConfig
from storage.tokens import TokenStatus, TokenType

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
_MAX_LEEWAY = timedelta(minutes=5)
_DEAD: View = {"active": False}


async def list_tokens(
    ctx: Context,
    user_id: str | None,
    type: TokenType | None,  # noqa: A002 - the contract's name
    status: TokenStatus | None,
    page: int,
    page_size: int,
) -> View:
    """One page of the tokens that were issued in the tenant, newest first. Never a token itself."""
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    rows, total = await tokens.search(ctx.db, user_id, type, status, ctx.now_text, wanted)
    items = [token_info_response(row, ctx.now_text) for row in rows]
    return list_response(items, total, wanted, ctx.now_text)


async def get_token(ctx: Context, token_id: str) -> View:
    """One token of the inventory."""
    row = await tokens.get_issued(ctx.db, token_id)
    if row is None:
        raise TokenNotFound()
    return data_response(token_info_response(row, ctx.now_text), ctx.now_text)


async def list_blacklisted_tokens(ctx: Context, user_id: str | None, page: int, page_size: int) -> View:
    """One page of the blacklist entries in force, newest first."""
    await require_tenant(ctx)
    wanted = Page(page, page_size)
    entries, total = await blacklist.list_entries(ctx.db, user_id, ctx.now_text, wanted)
    return list_response([blacklisted_token_response(entry) for entry in entries], total, wanted, ctx.now_text)


async def remove_blacklist_entry(ctx: Context, entry_id: str) -> View:
    """Take an entry away: its token is judged by the other rules again."""
    if not await blacklist.remove(ctx.db, entry_id):
        raise BlacklistEntryNotFound()
    return simple_response("blacklist entry removed", ctx.now_text)


async def get_token_config(ctx: Context) -> View:
    """The tenant's token lifetimes, its own or the service's."""
    await require_tenant(ctx)
    own = await token_configs.get(ctx.db)
    return _config_response(ctx, own or _texts(ctx.service.tokens.lifetimes))


async def set_token_config(ctx: Context, body: dict[str, Any]) -> View:
    """Set the tenant's token lifetimes. Tokens issued before keep theirs."""
    await require_tenant(ctx)
    default = format_duration(ctx.service.tokens.lifetimes.leeway)
    config = TokenConfig(body["access_expiry"], body["refresh_expiry"], body.get("leeway", default))
    _check(config)
    await token_configs.put(ctx.db, config, ctx.now_text)
    return _config_response(ctx, config)


async def reset_token_config(ctx: Context) -> View:
    """Go back to the service's lifetimes."""
    await require_tenant(ctx)
    await token_configs.reset(ctx.db)
    return simple_response("token lifetimes reset", ctx.now_text)


async def revoke_all_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """Refuse every token issued so far: of one user or of the tenant, of one type or of both."""
    await require_tenant(ctx)
    for token_type in (body["type"],) if "type" in body else ("access", "refresh"):
        await token_configs.refuse_issued(ctx.db, body.get("user_id"), token_type, body.get("reason"), ctx.now_text)
    return simple_response("tokens revoked", ctx.now_text)


async def introspect_token(ctx: Context, body: dict[str, Any]) -> View:
    """What a good token says (RFC 7662); of any other nothing but that it is not active."""
    await require_tenant(ctx)
    text, wanted = body["token"], body.get("type")
    if wanted != "access" and text.startswith("rt_"):
        return await _introspect_refresh(ctx, text)
    token = await ctx.service.tokens.read(text)
    if wanted == "refresh" or token is None:
        return dict(_DEAD)
    if not is_valid(await ctx.service.tokens.judge(ctx.db, token, ctx.now)):
        return dict(_DEAD)
    session = await tokens.session(ctx.db, token.session) if token.session is not None else None
    return token_introspection_response(token, None if session is None else session.username)


async def exchange_token(ctx: Context, body: dict[str, Any]) -> View:
    """Another access token for the same subject and another audience (RFC 8693), never longer-lived."""
    await require_tenant(ctx)
    if body["grant_type"] != GRANT:
        raise UnsupportedGrant()
    if body.get("subject_token_type", ACCESS_TOKEN_TYPE) not in (ACCESS_TOKEN_TYPE, _JWT_TYPE):
        raise UnsupportedGrant()
    subject = await ctx.service.tokens.read(body["subject_token"])
    if subject is None or not is_valid(await ctx.service.tokens.judge(ctx.db, subject, ctx.now)):
        raise InvalidSubjectToken()
    session = await tokens.session(ctx.db, subject.session) if subject.session is not None else None
    audience = body.get("audience", ctx.service.tokens.audience)
    issued, span = int(ctx.now.timestamp()), await lifetimes(ctx)
    expires = min(int(subject.expires), issued + int(span.access.total_seconds()))
    claims = _exchanged(ctx, subject, audience, issued, expires)
    text = await sign_and_enter(ctx, claims, datetime.fromtimestamp(expires, UTC), session)
    return {
        "access_token": text,
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": max(0, expires - issued),
        "audience": audience,
        "grant_type": GRANT,
    }


def _exchanged(ctx: Context, subject: AccessToken, audience: str, issued: int, expires: int) -> View:
    """The claims of an exchanged token: the subject's own, and in `act` who acts for it (RFC 8693 §4.1)."""
    actor: View = {"sub": ctx.caller.id}
    if "act" in subject.claims:
        actor["act"] = subject.claims["act"]
    kept = {name: subject.claims[name] for name in ("amr", "auth_time", "scope") if name in subject.claims}
    if subject.session is not None:
        kept["sid"] = session_id(subject.session)
    return {
        "sub": subject.user,
        "aud": audience,
        "iat": issued,
        "exp": expires,
        "jti": mint("tok", ctx.now),
        "tenant_id": ctx.tenant.id,
        "client_id": str(subject.claims.get("client_id", NO_CLIENT)),
        "roles": sorted(subject.roles),
        "act": actor,
        **kept,
    }


async def _introspect_refresh(ctx: Context, text: str) -> View:
    token = read_refresh_token(ctx.service.tokens.refresh_keys, text)
    if token is None or token.tenant != ctx.tenant.id:
        return dict(_DEAD)
    row = await tokens.refresh_state(ctx.db, token.session)
    session = await tokens.session(ctx.db, token.session)
    if row is None or session is None or session.revoked_at is not None:
        return dict(_DEAD)
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
    until = await token_configs.refused_until(ctx.db, session.user_id, "refresh")
    dead = (
        isinstance(verdict, Invalid | Reuse)
        or min(session.expires_at, session.idle_expires_at) <= ctx.now_text
        or await blacklist.find(ctx.db, token.hash, ctx.now_text) is not None
        or (until is not None and row.rotated_at <= until)
    )
    if dead:
        return dict(_DEAD)
    view = {
        "active": True,
        "sub": session.user_id,
        "token_type": "refresh",
        "exp": int(from_text(row.expires_at).timestamp()),
        "iat": int(from_text(row.rotated_at).timestamp()),
        "iss": ctx.service.tokens.issuer,
        "client_id": row.client_id,
        "username": session.username,
    }
    return {name: value for name, value in view.items() if value is not None}


def _texts(span: Lifetimes) -> TokenConfig:
    return TokenConfig(format_duration(span.access), format_duration(span.refresh), format_duration(span.leeway))


def _config_response(ctx: Context, config: TokenConfig) -> View:
    """`TenantJWTConfigResponse`."""
    return {"tenant_id": ctx.tenant.id, **config._asdict()}


def _check(config: TokenConfig) -> None:
    """Raises ValidationFailed with a violation for each duration that cannot be used."""
    violations, spans = [], {}
    for name, text in config._asdict().items():
        try:
            spans[name] = parse_duration(text)
        except ValueError:
            violations.append(Violation(name, "format", {"format": "duration"}, text))
    for name in ("access_expiry", "refresh_expiry"):
        if name in spans and spans[name] < timedelta(seconds=1):
            violations.append(Violation(name, "minimum", {"limit": "1s"}, config._asdict()[name]))
    if spans.get("leeway", timedelta(0)) > _MAX_LEEWAY:
        violations.append(Violation("leeway", "maximum", {"limit": "5m"}, config.leeway))
    if not violations and spans["refresh_expiry"] < spans["access_expiry"]:
        violations.append(
            Violation("refresh_expiry", "minimum", {"limit": config.access_expiry}, config.refresh_expiry)
        )
    if violations:
        raise ValidationFailed(violations)
