"""Tokens as values: what one says, verified or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.domain.endings import ReasonCode
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.domain.refresh_tokens import RefreshToken
from sojourn.domain.token_identity import TokenHash

LAST_SECOND = 253402300799
"""The last second that can be written as an instant: 9999-12-31T23:59:59Z."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token says whose signature holds; this does not say that it is valid now.

    `own` tells tokens that we signed from those of a configured issuer. `session` is the UUID inside `sid`,
    None when `sid` is absent or names a session of somebody else. Instants are seconds since 1970. `text_hash` is what
    the text was known by while it could not be verified, before its key was.
    """

    own: bool
    kid: str | None
    hash: TokenHash
    text_hash: TokenHash
    tenant: TenantId
    user: str
    sid: str | None
    session: SessionKey | None
    roles: frozenset[str]
    issued: float
    not_before: float
    expires: float
    claims: Mapping[str, Any]

    @property
    def audience(self) -> tuple[str, ...]:
        """Whom it is for; empty when it says nothing."""
        named = self.claims.get("aud", ())
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def epoch(self) -> str | None:
        """The epoch of the database it was issued in."""
        value = self.claims.get("epoch")
        return value if isinstance(value, str) else None

    @property
    def generation(self) -> int | None:
        """The refresh generation it was issued with."""
        value = self.claims.get("gen")
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class UnverifiedText:
    """A text presented as a token that no known key has signed. Nothing else is known of it."""

    hash: TokenHash


class LogoutToken(NamedTuple):
    """What a provider's logout token says: the session at the provider, or else the user, whose sessions end.

    `tenant` is None where it names none. `hash` is of `iss` and `jti`, `until` when it can no longer be sent again.
    """

    issuer: str
    tenant: TenantId | None
    user: str | None
    session: str | None
    hash: str
    until: datetime


class Signal(NamedTuple):
    """An event that ends sessions, and why: those of the session at the provider, or else of the user."""

    event: str
    user: str | None
    session: str | None
    code: ReasonCode


class SecurityEvents(NamedTuple):
    """What a provider's security event token says (RFC 8417); `names` are those of all its events.

    `tenant` is None where it names none. `hash` is of `iss` and `jti`, `until` when it can no longer be sent again.
    """

    issuer: str
    tenant: TenantId | None
    signals: tuple[Signal, ...]
    names: tuple[str, ...]
    hash: str
    until: datetime


PresentedToken = AccessToken | RefreshToken | UnverifiedText | LogoutToken | SecurityEvents
"""What a text presented as a token was found to be."""


class SignedToken(NamedTuple):
    """A token that was just signed, and the id of the key that signed it."""

    text: str
    key_id: str
