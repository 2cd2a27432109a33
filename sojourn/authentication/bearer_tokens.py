"""Bearer tokens: JSON Web Tokens (RFC 7519) checked as RFC 8725 asks, and issued for the command line.

A verified signature is cached by the token's hash until the token expires; the instants are compared with `now` every
time. A token is never logged. Which check refused it appears in the operator's log only.
"""

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import jwt

from sojourn.authentication.api_keys import ApiKey
from sojourn.authentication.foreign_claims import bounded, numeric_date, require_access_token
from sojourn.authentication.issuers import Issuers
from sojourn.authentication.key_sets import KeySet
from sojourn.authentication.provider_claims import ProviderClaims, shown
from sojourn.authentication.signatures import Signatures
from sojourn.domain.errors import InvalidApiKey, InvalidToken, TokenExpired
from sojourn.domain.ids import is_user_id, session_key, uuid7
from sojourn.domain.token_identity import identity, text_identity
from sojourn.domain.tokens import AccessToken
from sojourn.domain.values import Caller, Tenant
from sojourn.settings import Settings
from sojourn.settings.algorithms import SYMMETRIC
from sojourn.settings.service_subjects import Subject, service_subjects

_OPTIONS: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_jti": False,
    "verify_aud": True,
    "verify_iss": True,
    "require": ["exp", "sub"],
}


class BearerTokens:
    """Reads bearer tokens: who calls, and in which tenant."""

    def __init__(
        self,
        settings: Settings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        max_remembered: int = 10_000,
    ) -> None:
        self._settings = settings
        self._max_remembered = max_remembered
        self._leeway = settings.jwt_leeway.total_seconds()
        self._remembered: dict[bytes, _Remembered] = {}
        self._claims = ProviderClaims(settings)
        self._services = service_subjects(settings.service_subjects)
        self.issuers = Issuers(settings, changed=self._remembered.clear, monotonic=monotonic)
        self.signatures = Signatures(settings, self.issuers)

    async def authenticate(self, token: str, now: datetime) -> tuple[Caller, Tenant]:
        """The caller and the tenant that a token names.

        Raises TokenExpired for a token that was good once, InvalidToken for any other that is refused, and
        Unavailable when the keys were never read or are too old.
        """
        verified = await self.read(token)
        try:
            self._require_time(AccessTimes(verified.issued, verified.not_before, verified.expires), now)
        except TokenExpired:
            self._remembered.pop(digest_of(token), None)
            raise
        return Caller("user", verified.user, verified.roles, verified.sid), Tenant(verified.tenant)

    def _require_time(self, times: "AccessTimes", now: datetime) -> None:
        """Raises TokenExpired for a token that was good once, InvalidToken for one that is not good yet."""
        seconds = now.timestamp()
        if times.expires <= seconds - self._leeway:
            raise TokenExpired().because("expired", f"exp: passed {seconds - times.expires:.0f} s ago")
        for name, instant in (("nbf", times.not_before), ("iat", times.issued)):
            if instant > seconds + self._leeway:
                raise InvalidToken().because("not_yet_valid", f"{name}: {instant - seconds:.0f} s ahead of this clock")

    async def read(self, token: str) -> AccessToken:
        """What a token says whose signature, type, issuer and audience hold; the time is not looked at.

        Waits for the network only when the key is not known, and never for longer than a reading may take. Raises
        InvalidToken for any other, and Unavailable when the keys were never read or are too old.
        """
        digest = digest_of(token)
        return await self.recall(digest) or await self._verify(token, digest)

    async def recall(self, digest: bytes) -> AccessToken | None:
        """A token whose signature was verified before, by its digest; forgotten with the key that signed it."""
        known = self._remembered.get(digest)
        if known is None:
            return None
        if known.keys is not None:
            known.keys.revalidate()
            if not known.keys.is_current:
                return None
        return known.token

    def _remember(self, digest: bytes, known: "_Remembered") -> None:
        if len(self._remembered) >= self._max_remembered:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = known

    async def service(self, token: str, now: datetime) -> ApiKey | None:
        """What a machine's token stands for in the place of an API key; None where no subject is a service.

        Raises InvalidApiKey for a token that stands for none, and Unavailable when the keys are not to be had.
        """
        if not self._services:
            return None
        try:
            claims, _ = await self._claims_of(token)
            self._require_time(AccessTimes.of(claims), now)
            subject, issuer = claims["sub"], claims.get("iss")
            scopes = self._services.get(Subject(issuer, subject)) or self._services.get(Subject(None, subject))
            if scopes is None:
                raise InvalidToken().because("claim_sub", f"sub: {shown(subject)} stands for no service")
            tenants = self._claims.tenants_of_service(claims)
        except (InvalidToken, TypeError) as error:
            why, detail = getattr(error, "why", "") or "claim", getattr(error, "detail", "")
            raise InvalidApiKey().because(why, detail) from None
        return ApiKey(Caller("internal", subject, tenants=tenants), tenants, scopes)

    async def _verify(self, token: str, digest: bytes) -> AccessToken:
        claims, keys = await self._claims_of(token)
        verified = self._read(claims, token)
        self._remember(digest, _Remembered(verified, keys))
        return verified

    async def _claims_of(self, token: str) -> tuple[dict[str, Any], KeySet | None]:
        """The claims of a token whose signature, type, issuer and audience hold, and the key set of its key."""
        signed = await self.signatures.read(token, options=_OPTIONS, audience=self._settings.jwt_audience)
        claims = bounded(signed.payload)
        require_access_token(signed.header.get("typ", "JWT"), claims)
        return claims, signed.keys

    def _read(self, claims: dict[str, Any], token: str) -> AccessToken:
        tenant = self._claims.tenant(claims)
        subject, session = claims["sub"], claims.get("sid")
        if not isinstance(subject, str) or not is_user_id(subject):
            raise InvalidToken().because("claim_sub", "sub: not 1 to 255 printable characters")
        if session is not None and (not isinstance(session, str) or not is_user_id(session)):
            raise InvalidToken().because("claim_sid", "sid: not 1 to 255 printable characters")
        return AccessToken(
            own=False,
            kid=None,
            hash=identity(token),
            text_hash=text_identity(token),
            tenant=tenant,
            user=subject,
            sid=session,
            session=None if session is None else session_key(session),
            roles=self._claims.roles(claims),
            **AccessTimes.of(claims)._asdict(),
            claims=claims,
        )


class AccessTimes(NamedTuple):
    """When a token is good, in seconds since 1970."""

    issued: float
    not_before: float
    expires: float

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "AccessTimes":
        """As the claims say. Raises InvalidToken for a claim that is no instant."""
        issued = max(numeric_date(claims.get("iat", 0)), 0.0)
        return cls(issued, numeric_date(claims.get("nbf", 0)), numeric_date(claims["exp"]))


class _Remembered(NamedTuple):
    """A token that was verified, and the key set that its key is of; None where a secret signed it."""

    token: AccessToken
    keys: KeySet | None


def digest_of(token: str) -> bytes:
    """What a token that was verified is remembered by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_token(
    settings: Settings,
    *,
    tenant: str,
    user: str,
    roles: tuple[str, ...],
    session: str | None,
    ttl: timedelta,
    now: datetime,
    amr: tuple[str, ...] = (),
    acr: str | None = None,
    auth_time: datetime | None = None,
) -> str:
    """A bearer token signed with the configured secret. Raises ValueError when there is none.

    It says that the user signed in at `auth_time`, `now` unless another instant is given.
    """
    if settings.jwt_secret is None:
        raise ValueError("a token needs a secret to be signed with")
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "sub": user,
        **ProviderClaims(settings).written(tenant, roles),
        "iat": issued,
        "exp": issued + math.ceil(ttl.total_seconds()),
        "auth_time": issued if auth_time is None else int(auth_time.timestamp()),
        "jti": uuid7(now),
    }
    optional: dict[str, Any] = {"iss": settings.jwt_issuer, "aud": settings.jwt_audience, "sid": session}
    optional |= {"acr": acr, "amr": list(amr) or None}
    claims |= {name: value for name, value in optional.items() if value is not None}
    return jwt.encode(claims, settings.jwt_secret, algorithm=_signing_algorithm(settings))


def _signing_algorithm(settings: Settings) -> str:
    accepted = [name for name in SYMMETRIC if name in settings.algorithms]
    if not accepted:
        raise ValueError("none of the accepted algorithms signs with a secret")
    return accepted[0]
