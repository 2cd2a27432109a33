"""Tokens for services: generated for a session, validated one by one, and the keys that verify them."""

from typing import Any

from sojourn.domain.errors import SessionNotFound, TenantMismatch
from sojourn.domain.ids import session_key
from sojourn.domain.sessions import is_active
from sojourn.domain.token_validity import reasons
from sojourn.domain.tokens import AccessToken
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tokens.pairs import begin_tokens
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import token_validation_response
from sojourn.storage.queries import refresh_states, sign_ins


async def generate_tokens(ctx: Context, body: dict[str, Any]) -> View:
    """A first pair of tokens for a live session; earlier ones of the session can no longer be refreshed."""
    if body["tenant_id"] != ctx.tenant.id:
        raise TenantMismatch()
    await sign_ins.begin(ctx.db, body["auth_user_id"])  # an erasure of the user waits for this, or comes first
    key = session_key(body["session_id"])
    session = await refresh_states.session(ctx.db, key) if key is not None else None
    if session is None or session.user_id != body["auth_user_id"] or not is_active(session, ctx.now_text):
        raise SessionNotFound()
    return await begin_tokens(ctx, session, client_id=body.get("app_id"))


@takes_token("access_token")
async def validate_access_token(ctx: Context, body: dict[str, Any]) -> View:
    """Whether an access token is good now, with its claims or the reason against it."""
    token = ctx.presented
    if not isinstance(token, AccessToken):
        return token_validation_response(None, ("invalid_token",))
    facts = await ctx.service.tokens.judge(
        ctx.db,
        token,
        now=ctx.now,
        audience=body.get("audience"),
        device_fingerprint=body.get("device_fingerprint"),
    )
    return token_validation_response(dict(token.claims), reasons(facts, "validation"))


async def get_key_set(ctx: Context) -> View:
    """The public keys that verify our access tokens (RFC 7517)."""
    return await ctx.service.tokens.key_set()
