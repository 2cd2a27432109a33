"""Reads security event tokens (RFC 8417): keys, issuers and audiences are those of logout tokens."""

from datetime import datetime

from sojourn.authentication.logout_tokens import OPTIONS, audiences_of, rule_of
from sojourn.authentication.provider_claims import ProviderClaims
from sojourn.authentication.signatures import Signatures
from sojourn.domain.errors import InvalidSecurityEvent, InvalidToken
from sojourn.domain.security_event_tokens import read_security_events
from sojourn.domain.tokens import SecurityEvents
from sojourn.settings import Settings


class SecurityEventTokens:
    """Reads the security event tokens of the settings' issuers."""

    def __init__(self, settings: Settings, signatures: Signatures) -> None:
        self._signatures = signatures
        self._claims = ProviderClaims(settings)
        self._leeway = settings.jwt_leeway
        self._audiences = audiences_of(settings)

    async def read(self, token: str, now: datetime) -> SecurityEvents:
        """A token that is good `now`, but for its `jti`, which may have been received before.

        Raises InvalidSecurityEvent, and Unavailable while the issuer's keys cannot be had.
        """
        try:
            signed = await self._signatures.read(token, options=OPTIONS, audience=None)
            tenant = self._claims.tenant(signed.payload) if self._claims.names_tenant(signed.payload) else None
        except InvalidToken as error:
            rule = rule_of(error)
            raise InvalidSecurityEvent(rule).because(rule, error.detail) from None
        return read_security_events(
            signed.header, signed.payload, tenant=tenant, audiences=self._audiences, now=now, leeway=self._leeway
        )
