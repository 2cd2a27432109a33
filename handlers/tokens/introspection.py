"""Introspection (RFC 7662)."""

from typing import Any

from sojourn.domain.refresh_tokens import Invalid, RefreshToken, Reuse, Rotate, SameSuccessor
from sojourn.domain.tokens import AccessToken
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.tokens.judging import is_refused
from sojourn.handlers.tokens.refresh import judge
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import (
    refresh_introspection_response,
    token_introspection_response,
)
from sojourn.storage.queries import refresh_states

_DEAD: View = {"active": False}


@takes_token("token")
async def introspect_token(ctx: Context, body: dict[str, Any]) -> View:
    """The claims of a valid token (RFC 7662); for any other token only `active: false`."""
    await require_tenant(ctx)
    return await active_token(ctx, body.get("type"))


async def active_token(ctx: Context, wanted: str | None) -> View:
    """What the presented token says if it is valid, and of the `wanted` kind where one is named."""
    match ctx.presented:
        case RefreshToken() as token if wanted != "access":
            return await _introspect_refresh(ctx, token)
        case AccessToken() as token if wanted != "refresh":
            return await _introspect_access(ctx, token)
        case _:
            return dict(_DEAD)


async def _introspect_access(ctx: Context, token: AccessToken) -> View:
    if await is_refused(ctx, token, judge="introspection"):
        return dict(_DEAD)
    session = await refresh_states.session(ctx.db, token.session) if token.session is not None else None
    return token_introspection_response(token, None if session is None else session.username)


async def _introspect_refresh(ctx: Context, token: RefreshToken) -> View:
    """A refresh token is active when a refresh with it would return tokens."""
    family = await refresh_states.family(ctx.db, token, now=ctx.now_text)
    if family is None:
        return dict(_DEAD)
    match judge(ctx, token, family=family):
        case Rotate() | SameSuccessor():
            return refresh_introspection_response(family, ctx.service.tokens.issuer)
        case Reuse() | Invalid():
            return dict(_DEAD)
