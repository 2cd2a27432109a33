"""Who may vouch for a sign-in, and what a provider's token proves about it.

How and when a user signed in, the address, the device and the role of a session are attested: by a service with an API
key, by an administrator, or by the claims of a configured identity provider's token. A user alone attests nothing. A
token of our own proves a session and never a sign-in, so it opens no other session and raises no assurance (NIST SP
800-63B-4 §5.2, OWASP ASVS 5.0 V7.2.4, V8.2.3).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sojourn.domain.errors import NotEntitledToVouch, RoleNotAllowed
from sojourn.domain.sessions import MAX_METHODS, MFA
from sojourn.domain.tokens import AccessToken

ATTESTED = ("ip", "user_agent", "device_id", "device_fingerprint", "device_type", "browser", "os")
"""Facts that a token attests by a claim of the same name."""
ONLY_OF_SERVICES = ("authenticated_at", "impersonator")
"""Facts that an API key alone may vouch for."""
_NEVER_ATTESTED = (*ONLY_OF_SERVICES, "factors", "metadata")
_METHOD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_ISSUER = re.compile(r"[^\x00-\x20\x7f]{1,255}")
_ACR = re.compile(r"[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,253}[^\x00-\x20\x7f])?")


class SignIn(NamedTuple):
    """A sign-in as a token attests it: when, with which methods (RFC 8176), in which context class (`acr`)."""

    at: datetime
    amr: tuple[str, ...] = ()
    acr: str | None = None

    @property
    def has_several_factors(self) -> bool:
        """Whether the methods show more than one factor."""
        return MFA in self.amr or len(self.amr) > 1


def attested_sign_in(token: AccessToken | None, now: datetime, *, max_age: timedelta, leeway: timedelta) -> SignIn:
    """The sign-in that a bearer token proves `now`: at `auth_time`, without it at `iat` (both in seconds since 1970).

    Methods and context classes that no session could be shown with are left out. `leeway` is how far the provider's
    clock may be ahead. Raises NotEntitledToVouch for a token of our own, and for a sign-in that is `max_age` old or
    lies in the future.
    """
    if token is None or token.own:
        raise NotEntitledToVouch("own_token")
    at = float(token.claims.get("auth_time", token.issued))
    if not -leeway.total_seconds() <= now.timestamp() - at < max_age.total_seconds():
        raise NotEntitledToVouch("stale")
    methods = dict.fromkeys(name for name in token.claims.get("amr", ()) if _METHOD.fullmatch(name))
    acr = token.claims.get("acr")
    return SignIn(
        at=min(datetime.fromtimestamp(at, UTC), now),
        amr=tuple(methods)[:MAX_METHODS],
        acr=acr if acr is not None and _ACR.fullmatch(acr) else None,
    )


def attested_facts(token: AccessToken, sign_in: SignIn, *, said: Mapping[str, Any]) -> dict[str, Any]:
    """What a session opened by a provider's token may say: `said`, and where it is silent the token's `amr` and `acr`.

    It remembers the session at the provider that the token names.

    Raises NotEntitledToVouch for anything in `said` that the token does not attest, RoleNotAllowed for such a role.
    """
    if "role" in said and said["role"] not in token.roles:
        raise RoleNotAllowed()
    beyond = [name for name in ATTESTED if name in said and said[name] != token.claims.get(name)]
    beyond += [name for name in _NEVER_ATTESTED if name in said]
    if not set(said.get("amr", ())) <= set(sign_in.amr):
        beyond.append("amr")
    if "acr" in said and said["acr"] != sign_in.acr:
        beyond.append("acr")
    at_provider = provider_session(token)
    if "idp" in said and said["idp"] != at_provider:
        beyond.append("idp")
    if beyond:
        raise NotEntitledToVouch("beyond", members=sorted(beyond))
    facts = dict(said)
    if sign_in.amr:
        facts.setdefault("amr", list(sign_in.amr))
    if sign_in.acr is not None:
        facts.setdefault("acr", sign_in.acr)
    if at_provider is not None:
        facts["idp"] = at_provider
    return facts


def require_no_service_facts(said: Mapping[str, Any]) -> None:
    """Raise NotEntitledToVouch where an administrator says what an API key alone may vouch for."""
    if beyond := [name for name in ONLY_OF_SERVICES if name in said]:
        raise NotEntitledToVouch("beyond", members=sorted(beyond))


def provider_session(token: AccessToken) -> dict[str, str] | None:
    """The session at the provider that a token names by `iss` and `sid`; None where it names no issuer."""
    issuer, session = token.claims.get("iss"), token.claims.get("sid")
    if not isinstance(issuer, str) or not _ISSUER.fullmatch(issuer):
        return None
    return {"issuer": issuer} | (
        {"session_id": session} if isinstance(session, str) and _ACR.fullmatch(session) else {}
    )


def presentation(token: AccessToken) -> str:
    """The hash under which a presented token of a provider is remembered: of `iss` and `jti`, else its own."""
    if "jti" not in token.claims:
        return token.hash
    named = json.dumps([token.claims.get("iss"), token.claims["jti"]])
    return hashlib.sha256(named.encode()).hexdigest()


def end_of_presentation(token: AccessToken, sign_in: SignIn, *, max_age: timedelta, leeway: timedelta) -> datetime:
    """Until when a token can be presented: it expires, or the sign-in that it proves is too old."""
    end = min(sign_in.at.timestamp() + max_age.total_seconds(), token.expires + leeway.total_seconds())
    return datetime.fromtimestamp(end, UTC) + leeway


def is_superseded(began: datetime, sign_in: SignIn | None, *, ended: datetime | None) -> bool:
    """Whether a user was `ended` after a request `began`, or not before the sign-in that a token proves.

    Tokens tell seconds: one of the second in which the user was ended is taken for one of before.
    """
    if ended is None:
        return False
    return began < ended or (sign_in is not None and sign_in.at <= ended)
