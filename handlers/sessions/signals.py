"""Ends sessions here by what a provider signals of a session or an account (RFC 8935; CAEP, RISC)."""

import logging

from sojourn.domain.clock import to_text
from sojourn.domain.endings import Ending
from sojourn.domain.tokens import LogoutToken
from sojourn.handlers.context import Context, takes_security_events
from sojourn.handlers.sessions.logout import end_named
from sojourn.storage.queries import sign_ins

_LONGEST_NAME = 255

logger = logging.getLogger("sojourn.signals")


@takes_security_events
async def receive_security_events(ctx: Context, body: str) -> None:
    """Do what the events of a token say. One that was received before is accepted again, and nothing is done twice."""
    token = ctx.security_events
    if not await sign_ins.present(ctx.db, token.hash, until=to_text(token.until)):
        return
    for signal in token.signals:
        ending = Ending(token.issuer[:_LONGEST_NAME], signal.event, signal.code, "service")
        named = LogoutToken(
            issuer=token.issuer,
            tenant=token.tenant,
            user=signal.user,
            session=signal.session,
            hash=token.hash,
            until=token.until,
        )
        await end_named(ctx, named, ending=ending)
    logger.info("security events accepted: %s", ", ".join(name[:_LONGEST_NAME] for name in token.names[:5]))
