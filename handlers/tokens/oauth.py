"""The forms of OAuth for clients that present tokens: introspection (RFC 7662) and revocation (RFC 7009)."""

from typing import Any

from sojourn.domain.endings import Ending
from sojourn.domain.refresh_tokens import RefreshToken
from sojourn.domain.tokens import AccessToken
from sojourn.handlers.context import Context, takes_token
from sojourn.handlers.tokens.blacklist import refuse_access_token
from sojourn.handlers.tokens.introspection import active_token
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.tokens import oauth_introspection
from sojourn.storage.queries import session_revocation

REVOKED = "revoked"
"""The free reason of what a client revokes: the form has no place for one."""


@takes_token("token")
async def introspect_oauth_token(ctx: Context, body: dict[str, Any]) -> View:
    """What a valid token of the client's tenant says; for any other token only `active: false`."""
    return oauth_introspection(await active_token(ctx, None), ctx.presented)


@takes_token("token")
async def revoke_oauth_token(ctx: Context, body: dict[str, Any]) -> None:
    """End the session of a refresh token, or refuse an access token; nothing for a token that is not the tenant's."""
    match ctx.presented:
        case RefreshToken() as token:
            ending = Ending(ctx.caller.id, REVOKED, "revoked_by_service", "service")
            await session_revocation.revoke(ctx.db, token.session, now=ctx.now_text, ending=ending)
        case AccessToken() as token if token.tenant == ctx.tenant.id:
            await refuse_access_token(ctx, token, reason=REVOKED)
