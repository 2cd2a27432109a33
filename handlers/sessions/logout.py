"""Ends here what ended at the identity provider (OpenID Connect Back-Channel Logout 1.0 §2.7)."""

from dataclasses import replace
from typing import Any

from sojourn.domain.clock import to_text
from sojourn.domain.endings import Ending
from sojourn.domain.errors import InvalidLogoutToken
from sojourn.domain.tokens import LogoutToken
from sojourn.domain.values import Caller, Tenant, tenant
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, takes_logout_token
from sojourn.handlers.sessions.ending import end_user
from sojourn.storage.queries import provider_sessions, sign_ins, tenants

_LONGEST_NAME = 255
"""How much of an issuer's name is kept with a session that it ended."""


@takes_logout_token("logout_token")
async def revoke_provider_sessions(ctx: Context, body: dict[str, Any]) -> None:
    """End the sessions that a logout token names: by `sid` those of the provider's session, else all of the user.

    Raises InvalidLogoutToken for one that was received before, which ends nothing.
    """
    token = ctx.logout_token
    await end_named(
        ctx, token, ending=Ending(token.issuer[:_LONGEST_NAME], "back-channel logout", "signed_out", "service")
    )
    if not await sign_ins.present(ctx.db, token.hash, until=to_text(token.until)):
        raise InvalidLogoutToken("replayed")


async def end_named(ctx: Context, token: LogoutToken, *, ending: Ending) -> None:
    """End the sessions that a provider's token names, in every tenant that it concerns."""
    for of in await _tenants(ctx, token):
        caller = Caller("internal", token.issuer)
        await _end(replace(ctx, tenant=of, db=ctx.db.of(of), caller=caller), token, ending=ending)


async def _tenants(ctx: Context, token: LogoutToken) -> list[Tenant]:
    """The tenant that the token names; else each that has a session which the provider's token began or names."""
    if token.tenant is not None:
        return [tenant(token.tenant)]
    found = []
    for row in await tenants.all_tenants(ctx.db.system()):
        unit = ctx.db.of(tenant(row.id))
        if await provider_sessions.is_known(
            unit, token.issuer, session=token.session, user=token.user, now=ctx.now_text
        ):
            found.append(unit.tenant)
    return found


async def _end(ctx: Context, token: LogoutToken, *, ending: Ending) -> None:
    target, session, now = None, token.session, ctx.now_text
    if session is not None:
        count = await provider_sessions.revoke(ctx.db, token.issuer, session=session, now=now, ending=ending)
    else:
        count = await end_user(ctx, token.user or "", ending=ending)
        target = await auditing.called(ctx, token.user or "") if count else None
    if count:
        await auditing.record(ctx, "sessions.ended", target=target, after={"sessions": count})
