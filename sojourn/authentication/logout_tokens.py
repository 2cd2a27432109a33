"""Reads logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6): keys and issuers are those of bearer tokens."""

from datetime import datetime
from typing import Any

from sojourn.authentication.provider_claims import ProviderClaims
from sojourn.authentication.signatures import Signatures
from sojourn.domain.errors import InvalidLogoutToken, InvalidToken
from sojourn.domain.logout_tokens import read_logout_token
from sojourn.domain.tokens import LogoutToken
from sojourn.settings import Settings

OPTIONS: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_jti": False,
    "verify_sub": False,
    "verify_aud": False,
    "verify_iss": True,
}
_RULES = {"algorithm": "alg", "claim_missing": "iss", "issuer": "iss", "claim_tenant": "tenant"}
"""The standard's word for what the log says of a token; the same word, or `form`, for what is not here."""
_SAME = ("form", "header", "signature")


class LogoutTokens:
    """Reads the logout tokens of the settings' issuers."""

    def __init__(self, settings: Settings, signatures: Signatures) -> None:
        self._signatures = signatures
        self._claims = ProviderClaims(settings)
        self._leeway = settings.jwt_leeway
        self._audiences = audiences_of(settings)

    async def read(self, token: str, now: datetime) -> LogoutToken:
        """A logout token that is good `now`, but for its `jti`, which may have been received before.

        Raises InvalidLogoutToken, and Unavailable while the issuer's keys cannot be had.
        """
        try:
            signed = await self._signatures.read(token, options=OPTIONS, audience=None)
            tenant = self._claims.tenant(signed.payload) if self._claims.names_tenant(signed.payload) else None
        except InvalidToken as error:
            rule = rule_of(error)
            raise InvalidLogoutToken(rule).because(rule, error.detail) from None
        return read_logout_token(
            signed.header,
            signed.payload,
            tenant=tenant,
            audiences=self._audiences,
            now=now,
            leeway=self._leeway,
        )


def audiences_of(settings: Settings) -> frozenset[str]:
    """Whom a provider's logout tokens and security events may be for."""
    one = () if settings.jwt_audience is None else (settings.jwt_audience,)
    return frozenset(settings.logout_audience or one)


def rule_of(error: InvalidToken) -> str:
    """The standard's word for why a token cannot be read."""
    return error.why if error.why in _SAME else _RULES.get(error.why or "", "form")
