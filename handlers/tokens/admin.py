"""Tokens, as administrators see them: inventory, blacklist, lifetimes, introspection, exchange."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.durations import format_duration, parse_duration
from sojourn.domain.errors import (
    BlacklistEntryNotFound,
    InvalidSubjectToken,
    TokenNotFound,
    UnsupportedGrant,
    ValidationFailed,
    Violation,
)
from sojourn.domain.ids import mint, session_id
from sojourn.domain.paging import Page
from sojourn.domain.token_validity import Judge, reasons
from sojourn.domain.tokens import (
    LONGEST_LIFETIME,
    SHORTEST_LIFETIME,
    AccessToken,
    Invalid,
    Lifetimes,
    RefreshToken,
    Reuse,
    Rotate,
    SameSuccessor,
)
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.tokens.pairs import NO_CLIENT, lifetimes, sign_and_enter
from sojourn.handlers.tokens.refresh import judge
from sojourn.handlers.views.envelopes import View, data_response, list_response, simple_response
from sojourn.handlers.views.tokens import (
    ACCESS_TOKEN_TYPE,
    blacklisted_token_response,
    refresh_introspection_response,
    token_info_response,
    token_introspection_response,
)
from sojourn.storage.queries import blacklist, refresh_states, token_configs, tokens
from sojourn.storage.queries.token_configs import TokenConfig
from sojourn.storage.queries.tokens import Moment, TokenStatus, TokenType

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
    rows, total = await tokens.search(
        ctx.db, user_id=user_id, token_type=type, status=status, at=await _moment(ctx), page=wanted
    )
    return list_response([token_info_response(row) for row in rows], total, wanted, ctx.now_text)


async def get_token(ctx: Context, token_id: str) -> View:
    """One token of the inventory."""
    row = await tokens.get_issued(ctx.db, token_id, await _moment(ctx))
    if row is None:
        raise TokenNotFound()
    return data_response(token_info_response(row), ctx.now_text)


async def _moment(ctx: Context) -> Moment:
    """The instants that the inventory's tokens are held against."""
    own = await token_configs.get(ctx.db)
    leeway = ctx.service.tokens.lifetimes.leeway if own is None else parse_duration(own.leeway)
    return Moment(ctx.now_text, to_text(ctx.now - leeway), to_text(ctx.now - ctx.service.tokens.reuse_interval))


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


@takes_token("token")
async def introspect_token(ctx: Context, body: dict[str, Any]) -> View:
    """What a good token says (RFC 7662); of any other nothing but that it is not active."""
    await require_tenant(ctx)
    wanted = body.get("type")
    match ctx.presented:
        case RefreshToken() as token if wanted != "access":
            return await _introspect_refresh(ctx, token)
        case AccessToken() as token if wanted != "refresh":
            return await _introspect_access(ctx, token)
        case _:
            return dict(_DEAD)


@takes_token("subject_token")
async def exchange_token(ctx: Context, body: dict[str, Any]) -> View:
    """Another access token for the same subject and another audience (RFC 8693), never longer-lived."""
    await require_tenant(ctx)
    if body["grant_type"] != GRANT:
        raise UnsupportedGrant()
    if body.get("subject_token_type", ACCESS_TOKEN_TYPE) not in (ACCESS_TOKEN_TYPE, _JWT_TYPE):
        raise UnsupportedGrant()
    subject = ctx.presented
    if not isinstance(subject, AccessToken) or await _wrong(ctx, subject, "exchange"):
        raise InvalidSubjectToken()
    session = await refresh_states.session(ctx.db, subject.session) if subject.session is not None else None
    terms = await token_configs.terms(ctx.db, subject.user)
    audience = body.get("audience", ctx.service.tokens.audience)
    issued = int(ctx.now.timestamp())
    expires = min(int(subject.expires), issued + int(lifetimes(ctx, terms).access.total_seconds()))
    claims = _exchanged(ctx, subject, audience, issued, expires)
    end = datetime.fromtimestamp(expires, UTC)
    text = await sign_and_enter(ctx, claims, end=end, session=session, cut_offs=terms.access_cut_offs)
    return {
        "access_token": text,
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": max(0, expires - issued),
        "audience": audience,
        "grant_type": GRANT,
    }


async def _wrong(ctx: Context, token: AccessToken, judge: Judge) -> bool:
    """Whether one that judges refuses an access token now."""
    facts = await ctx.service.tokens.judge(ctx.db, token, ctx.now)
    return bool(reasons(facts, judge))


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


async def _introspect_access(ctx: Context, token: AccessToken) -> View:
    if await _wrong(ctx, token, "introspection"):
        return dict(_DEAD)
    session = await refresh_states.session(ctx.db, token.session) if token.session is not None else None
    return token_introspection_response(token, None if session is None else session.username)


async def _introspect_refresh(ctx: Context, token: RefreshToken) -> View:
    """A refresh token is active when a refresh with it would be answered with tokens."""
    family = await refresh_states.family(ctx.db, token, ctx.now_text)
    if family is None:
        return dict(_DEAD)
    match judge(ctx, token, family):
        case Rotate() | SameSuccessor():
            return refresh_introspection_response(family, ctx.service.tokens.issuer)
        case Reuse() | Invalid():
            return dict(_DEAD)


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
        if name in spans and spans[name] < SHORTEST_LIFETIME:
            limit = {"limit": format_duration(SHORTEST_LIFETIME)}
            violations.append(Violation(name, "minimum", limit, config._asdict()[name]))
        if name in spans and spans[name] > LONGEST_LIFETIME:
            limit = {"limit": format_duration(LONGEST_LIFETIME)}
            violations.append(Violation(name, "maximum", limit, config._asdict()[name]))
    if spans.get("leeway", timedelta(0)) > _MAX_LEEWAY:
        violations.append(Violation("leeway", "maximum", {"limit": "5m"}, config.leeway))
    if not violations and spans["refresh_expiry"] < spans["access_expiry"]:
        violations.append(
            Violation("refresh_expiry", "minimum", {"limit": config.access_expiry}, config.refresh_expiry)
        )
    if violations:
        raise ValidationFailed(violations)
