"""A provider's logout token: what it must and must not say (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6).

The signature was verified before. The rules are those of the standard, in its order: type, issuer, audience, instants,
subject, event, nonce. Whether its `jti` was received before is asked last, where that is kept.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.errors import InvalidLogoutToken
from sojourn.domain.ids import TenantId, is_user_id
from sojourn.domain.tokens import LAST_SECOND, LogoutToken

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPES = frozenset({"logout+jwt", "jwt"})


def read_logout_token(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    *,
    tenant: TenantId | None,
    audiences: Collection[str],
    now: datetime,
    leeway: timedelta,
) -> LogoutToken:
    """The logout token that `header` and `claims` are, good at `now`; `leeway` is how far the clocks may differ.

    `audiences` are all those that it may name. Raises InvalidLogoutToken with the rule that it breaks.
    """
    typ = header.get("typ", "JWT")
    _require(isinstance(typ, str) and typ.lower().removeprefix("application/") in _TYPES, "typ")
    issuer = claims.get("iss")
    _require(isinstance(issuer, str) and bool(issuer), "iss")
    _require(_names_only(claims.get("aud"), audiences), "aud")
    latest = (now + leeway).timestamp()
    _require(_seconds(claims.get("iat")) and claims["iat"] <= latest, "iat")
    _require(_seconds(claims.get("exp")) and claims["exp"] > (now - leeway).timestamp(), "exp")
    _require("nbf" not in claims or (_seconds(claims["nbf"]) and claims["nbf"] <= latest), "nbf")
    _require("sub" in claims or "sid" in claims, "subject")
    for name in ("sub", "sid"):
        _require(name not in claims or (isinstance(claims[name], str) and is_user_id(claims[name])), name)
    events = claims.get("events")
    _require(isinstance(events, dict) and isinstance(events.get(EVENT), dict), "events")
    _require("nonce" not in claims, "nonce")
    _require(isinstance(claims.get("jti"), str) and bool(claims["jti"]), "jti")
    end = min(claims["exp"] + 2 * leeway.total_seconds(), LAST_SECOND)
    named = json.dumps(["logout", issuer, claims["jti"]])
    return LogoutToken(
        issuer=str(issuer),
        tenant=tenant,
        user=claims.get("sub"),
        session=claims.get("sid"),
        hash=hashlib.sha256(named.encode()).hexdigest(),
        until=datetime.fromtimestamp(end, UTC),
    )


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InvalidLogoutToken(rule)


def _names_only(value: Any, audiences: Collection[str]) -> bool:
    """Whether every audience is one of ours, and there is one (OpenID Connect Core 1.0 §3.1.3.7, rule 3)."""
    named = [value] if isinstance(value, str) else value
    return isinstance(named, list) and bool(named) and all(isinstance(one, str) and one in audiences for one in named)


def _seconds(value: Any) -> bool:
    """Whether it is seconds since 1970 (RFC 7519 §2), within the years of four digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_SECOND
