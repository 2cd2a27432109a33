"""The lifetimes of a tenant's tokens, and revoking all tokens issued so far."""

from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.durations import format_duration
from sojourn.domain.token_lifetimes import Lifetimes, read_lifetimes, retention
from sojourn.handlers import auditing
from sojourn.handlers.context import Context
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.tokens.pairs import lifetimes
from sojourn.handlers.views.envelopes import View, simple_response
from sojourn.storage.queries import events, token_configs
from sojourn.storage.queries.token_configs import TokenConfig


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
    read_lifetimes(config.access_expiry, config.refresh_expiry, leeway=config.leeway)
    before = await token_configs.get(ctx.db)
    await token_configs.put(ctx.db, config, now=ctx.now_text)
    await auditing.record(ctx, "token_config.set", before=_shown(before), after=_shown(config))
    return _config_response(ctx, config)


async def reset_token_config(ctx: Context) -> View:
    """Go back to the service's lifetimes."""
    await require_tenant(ctx)
    before = await token_configs.get(ctx.db)
    await token_configs.reset(ctx.db)
    await auditing.record(ctx, "token_config.reset", before=_shown(before))
    return simple_response("token lifetimes reset", ctx.now_text)


async def revoke_all_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """Refuse every token issued so far: of one user or of the tenant, of one type or of both."""
    await require_tenant(ctx)
    token_types = (body["type"],) if "type" in body else ("access", "refresh")
    for token_type in token_types:
        await token_configs.refuse_issued(
            ctx.db, body.get("user_id"), token_type=token_type, reason=body.get("reason"), now=ctx.now_text
        )
    user = body.get("user_id")
    span = lifetimes(ctx, await token_configs.terms(ctx.db, user or "", now=ctx.now_text))
    await events.tell_refused(
        ctx.db,
        token_types,
        at=ctx.now_text,
        forget_at=to_text(retention(ctx.now, span)),
        user_id=user,
        actor=ctx.caller.id,
        reason=body.get("reason"),
    )
    target = None if user is None else await auditing.called(ctx, user)
    await auditing.record(ctx, "tokens.refused", target=target, after={"type": body.get("type")})
    return simple_response("tokens revoked", ctx.now_text)


def _texts(span: Lifetimes) -> TokenConfig:
    return TokenConfig(format_duration(span.access), format_duration(span.refresh), format_duration(span.leeway))


def _shown(config: TokenConfig | None) -> dict[str, Any] | None:
    return None if config is None else config._asdict()


def _config_response(ctx: Context, config: TokenConfig) -> View:
    """`TenantJWTConfigResponse`."""
    return {"tenant_id": ctx.tenant.id, **config._asdict()}
