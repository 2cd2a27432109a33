"""What comes of a verification: a session, a refusal, or that nothing can be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Session:
    """What an accepted token says. Instants are seconds since 1970.

    `session_id` is None for a token that belongs to no session. `amr` are the methods by which the user authenticated
    (RFC 8176), `acr` is the class of the authentication, `authenticated_at` when it was. `claims` has everything
    (RFC 9068 section 2.2).
    """

    subject: str
    tenant: str
    session_id: str | None
    amr: tuple[str, ...]
    acr: str | None
    roles: tuple[str, ...]
    client_id: str | None
    authenticated_at: float | None
    expires_at: float
    claims: Mapping[str, Any]


class Refused(Exception):
    """The token is not accepted (401). `reason` is the word that the service itself has for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the token is refused: {reason}")
        self.reason = reason


class InvalidToken(Refused):
    """The text is no token of this service, or a key that was withdrawn signed it."""


class Expired(Refused):
    """The token has expired or is not valid yet, or its session came to its end. A refresh may help."""


class WrongAudience(Refused):
    """The token is meant for somebody else (RFC 9068 section 4)."""


class WrongTenant(Refused):
    """The token is of another tenant, or of one that the API key does not cover."""


class Revoked(Refused):
    """The token, its session, or all tokens of its user or tenant were refused. Only a new sign-in helps."""


class AssuranceRaised(Refused):
    """The token is from before its session's assurance was raised. A refresh brings the new one."""


class Stale(Exception):
    """It cannot be known whether the token is good (503): the service was not heard for too long."""


_CLASSES: Mapping[str, type[Refused]] = {
    "invalid_token": InvalidToken,
    "key_retired": InvalidToken,
    "issued_before_restore": Revoked,
    "not_yet_valid": Expired,
    "expired": Expired,
    "session_expired": Expired,
    "tenant_mismatch": WrongTenant,
    "audience_mismatch": WrongAudience,
    "assurance_raised": AssuranceRaised,
}


def refusal(reason: str) -> Refused:
    """The refusal for a reason, in the words of `validate-token`. Reasons that are not known here are `Revoked`."""
    return _CLASSES.get(reason, Revoked)(reason)


def session(claims: Mapping[str, Any]) -> Session:
    """The session that verified claims describe."""
    return Session(
        subject=claims["sub"],
        tenant=claims["tenant_id"],
        session_id=claims.get("sid"),
        amr=tuple(claims.get("amr", ())),
        acr=claims.get("acr"),
        roles=tuple(claims.get("roles", ())),
        client_id=claims.get("client_id"),
        authenticated_at=claims.get("auth_time"),
        expires_at=claims["exp"],
        claims=claims,
    )
