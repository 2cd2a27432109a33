"""Finds the key that signed a token of a trusted issuer, of whatever kind the token is."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jwt

from sojourn.authentication.compact import read_compact
from sojourn.authentication.issuers import Issuers
from sojourn.authentication.key_sets import KeySet
from sojourn.authentication.provider_claims import shown
from sojourn.domain.errors import InvalidToken
from sojourn.settings import Settings

_MAX_CANDIDATES = 16
_NO_KEYS = "a token of this service: SOJOURN_OIDC_ISSUER, SOJOURN_JWT_JWKS and SOJOURN_JWT_SECRET are not set"
_REFUSALS = (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError, OverflowError)


class Signed(NamedTuple):
    """Header and payload of a token that a trusted key has signed; `keys` is the set of that key, None for a secret."""

    header: dict[str, Any]
    payload: dict[str, Any]
    keys: KeySet | None


class Signatures:
    """Verifies signatures with the keys of the settings' issuers (RFC 7515, RFC 8725)."""

    def __init__(self, settings: Settings, issuers: Issuers) -> None:
        self._settings = settings
        self._issuers = issuers
        self._algorithms = settings.algorithms

    async def read(self, token: str, *, options: Any, audience: str | None) -> Signed:
        """A token whose signature and issuer hold, and whatever else `options` asks of PyJWT.

        Raises InvalidToken for any other, and Unavailable when the keys were never read or are too old.
        """
        header, payload = read_compact(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            wanted = f"one of {_listed(self._algorithms)}" if self._algorithms else _NO_KEYS
            raise InvalidToken().because("algorithm", f"alg: got {shown(algorithm)}, want {wanted}")
        if "crit" in header or "b64" in header:
            raise InvalidToken().because("header", "crit: the header asks for an extension that is not served")
        if not isinstance(header.get("kid", ""), str):
            raise InvalidToken().because("header", "kid: not a text")
        trust = self._issuers.of(payload.get("iss"), algorithm)
        if trust is None:
            raise self._unknown_issuer(payload.get("iss"), algorithm)
        keys = await self._candidates(trust.keys, algorithm, kid=kid)
        wanted_claims = {"options": options, "audience": audience, "issuer": trust.issuer}
        for key in keys:
            if _has_signed(token, key, algorithm=algorithm, payload=payload, wanted=wanted_claims):
                return Signed(header, payload, trust.keys)
        if keys or trust.keys is None:
            raise InvalidToken().because("signature", "signature: made with another key")
        ids = trust.keys.ids
        if kid is None or kid in ids:
            which = "no key of the key set is for it" if kid is None else f"the key {shown(kid)} is not for it"
            raise InvalidToken().because("algorithm", f"alg: got {algorithm}, {which}")
        known = _listed(ids) if ids else "none"
        raise InvalidToken().because("signature", f"kid: got {shown(kid)}, the key set has {known}")

    def _unknown_issuer(self, issuer: Any, algorithm: str) -> InvalidToken:
        if issuer in self._issuers.names:
            return InvalidToken().because(
                "algorithm", f"alg: got {algorithm}, want another: no key for it is known of {shown(issuer)}"
            )
        wanted = _listed(self._issuers.names)
        return InvalidToken().because("issuer", f"iss: got {shown(issuer)} ({algorithm}), want {wanted}")

    async def _candidates(self, keys: KeySet | None, algorithm: str, *, kid: str | None) -> list[Any]:
        """The keys to try: those of the set, or where there is none the secret and the one before it. Never both."""
        if keys is None:
            secrets = (self._settings.jwt_secret, self._settings.jwt_secret_previous)
            return [secret for secret in secrets if secret is not None]
        return (await keys.candidates(kid, algorithm))[:_MAX_CANDIDATES]


def _has_signed(token: str, key: Any, *, algorithm: str, payload: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether `key` signed the token. Raises InvalidToken when it did and a claim is not as `wanted`."""
    try:
        jwt.decode(token, key, algorithms=[algorithm], **wanted)
    except jwt.InvalidSignatureError:
        return False
    except _REFUSALS as error:
        raise InvalidToken().because(_reason(error), _detail(error, payload, wanted=wanted)) from None
    return True


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


def _detail(error: Exception, payload: Mapping[str, Any], *, wanted: Mapping[str, Any]) -> str:
    """What the log says of a token whose signature holds and whose claims do not."""
    missing = getattr(error, "claim", None)
    if isinstance(error, jwt.InvalidAudienceError) or missing == "aud":
        return f"aud: got {shown(payload.get('aud'))}, want {shown(wanted['audience'] or 'none')}"
    if isinstance(error, jwt.InvalidIssuerError) or missing == "iss":
        return f"iss: got {shown(payload.get('iss'))}, want {wanted['issuer']}"
    return f"{missing}: missing" if missing else f"claims: {type(error).__name__}"


def _listed(names: Iterable[str]) -> str:
    return shown(sorted(names))
