"""Bearer tokens: JSON Web Tokens (RFC 7519) checked as RFC 8725 asks, and issued for the command line.

A signature that was verified once is remembered by the token's hash until it expires; its instants are held
against `now` every time. A token is never logged, and which check refused it is never told.
"""

import hashlib
import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import jwt

from sojourn.authentication.compact import read_compact
from sojourn.authentication.foreign_claims import bounded, numeric_date, require_access_token
from sojourn.authentication.key_sets import KeySet
from sojourn.domain.errors import InvalidToken, TokenExpired
from sojourn.domain.ids import is_tenant_id, is_user_id, session_key, uuid7
from sojourn.domain.token_identity import identity, text_identity
from sojourn.domain.tokens import AccessToken
from sojourn.domain.values import Caller, Tenant
from sojourn.settings import Settings
from sojourn.settings.algorithms import SYMMETRIC

_MAX_CANDIDATES = 16
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
_REFUSALS = (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError)


class BearerTokens:
    """Tells whose token a text is."""

    def __init__(
        self,
        settings: Settings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        max_remembered: int = 10_000,
    ) -> None:
        self._settings = settings
        self._max_remembered = max_remembered
        self._algorithms = settings.algorithms
        self._leeway = settings.jwt_leeway.total_seconds()
        self._remembered: dict[bytes, _Remembered] = {}
        self._keys: KeySet | None = None
        if settings.jwt_jwks is not None:
            self._keys = KeySet(
                settings.jwt_jwks,
                self._algorithms,
                changed=self._remembered.clear,
                stale_limit_seconds=settings.jwt_jwks_stale_limit.total_seconds(),
                monotonic=monotonic,
            )

    async def authenticate(self, token: str, now: datetime) -> tuple[Caller, Tenant]:
        """The caller and the tenant that a token names.

        Raises TokenExpired for a token that was good once, InvalidToken for any other that is refused, and
        Unavailable when the keys were never read or are too old.
        """
        verified = await self.read(token)
        seconds = now.timestamp()
        if verified.expires <= seconds - self._leeway:
            self._remembered.pop(digest_of(token), None)
            raise TokenExpired()
        if verified.not_before > seconds + self._leeway or verified.issued > seconds + self._leeway:
            raise InvalidToken().because("not_yet_valid")
        return Caller("user", verified.user, verified.roles, verified.sid), Tenant(verified.tenant)

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

    async def _verify(self, token: str, digest: bytes) -> AccessToken:
        header, payload = read_compact(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise InvalidToken().because("algorithm")
        if "crit" in header or "b64" in header:
            raise InvalidToken().because("header")
        if not isinstance(header.get("kid", ""), str):
            raise InvalidToken().because("header")
        for key in await self._candidates(algorithm, kid):
            if self._has_signed(token, key, algorithm=algorithm):
                claims = bounded(payload)
                require_access_token(header.get("typ", "JWT"), claims)
                verified = self._read(claims, token)
                keys = None if algorithm in SYMMETRIC else self._keys
                self._remember(digest, _Remembered(verified, keys))
                return verified
        raise InvalidToken().because("signature")

    async def _candidates(self, algorithm: str, kid: str | None) -> list[Any]:
        """The keys to try: the secret for a symmetric algorithm, else keys of the set. Never both."""
        if algorithm in SYMMETRIC:
            return [self._settings.jwt_secret]
        return [] if self._keys is None else (await self._keys.candidates(kid, algorithm))[:_MAX_CANDIDATES]

    def _has_signed(self, token: str, key: Any, *, algorithm: str) -> bool:
        """Whether `key` signed the token. Raises InvalidToken when it did and issuer or audience do not hold."""
        try:
            jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                options=_OPTIONS,
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
            )
        except jwt.InvalidSignatureError:
            return False
        except _REFUSALS as error:
            raise InvalidToken().because(_reason(error)) from None
        return True

    def _read(self, claims: dict[str, Any], token: str) -> AccessToken:
        tenant = claims.get(self._settings.jwt_tenant_claim)
        subject, session = claims["sub"], claims.get("sid")
        if not isinstance(tenant, str) or not is_tenant_id(tenant):
            raise InvalidToken().because("claim_tenant")
        if not isinstance(subject, str) or not is_user_id(subject):
            raise InvalidToken().because("claim_sub")
        if session is not None and (not isinstance(session, str) or not is_user_id(session)):
            raise InvalidToken().because("claim_sid")
        return AccessToken(
            own=False,
            kid=None,
            hash=identity(token),
            text_hash=text_identity(token),
            tenant=tenant,
            user=subject,
            sid=session,
            session=None if session is None else session_key(session),
            roles=_roles(claims.get(self._settings.jwt_roles_claim, [])),
            issued=max(numeric_date(claims.get("iat", 0)), 0.0),
            not_before=numeric_date(claims.get("nbf", 0)),
            expires=numeric_date(claims["exp"]),
            claims=claims,
        )


class _Remembered(NamedTuple):
    """A token that was verified, and the key set that its key is of; None where a secret signed it."""

    token: AccessToken
    keys: KeySet | None


def _reason(error: Exception) -> str:
    """What the operator's log says of a token that a known key has signed."""
    for kind, why in (
        (jwt.InvalidAudienceError, "audience"),
        (jwt.InvalidIssuerError, "issuer"),
        (jwt.MissingRequiredClaimError, "claim_missing"),
    ):
        if isinstance(error, kind):
            return why
    return "claim"


def digest_of(token: str) -> bytes:
    """What a token that was verified is remembered by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _roles(claim: Any) -> frozenset[str]:
    """Roles as a list of texts or as one text separated by spaces. Raises InvalidToken for anything else."""
    names = claim.split(" ") if isinstance(claim, str) else claim
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidToken().because("claim_roles")
    return frozenset(name for name in names if name)


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
        settings.jwt_tenant_claim: tenant,
        settings.jwt_roles_claim: list(roles),
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
