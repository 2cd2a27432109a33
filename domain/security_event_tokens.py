"""A provider's security event token: what it must say (RFC 8417 §2.2, RFC 8935 §2), and which sessions end by it.

The signature was verified before. Events of CAEP and RISC that end sessions are known; every other event is accepted.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.endings import ReasonCode
from sojourn.domain.errors import InvalidSecurityEvent
from sojourn.domain.ids import TenantId, is_user_id
from sojourn.domain.tokens import LAST_SECOND, SecurityEvents, Signal

SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
CREDENTIAL_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
ACCOUNT_DISABLED = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
_CODES: Mapping[str, ReasonCode] = {
    SESSION_REVOKED: "revoked_by_service",
    CREDENTIAL_CHANGE: "credential_change",
    ACCOUNT_DISABLED: "account_disabled",
}
OLDEST = timedelta(days=7)
"""How old a token may be: for so long, and the leeway, its `jti` is remembered."""
_TYPES = frozenset({"secevent+jwt", "application/secevent+jwt"})


def read_security_events(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    *,
    tenant: TenantId | None,
    audiences: Collection[str],
    now: datetime,
    leeway: timedelta,
) -> SecurityEvents:
    """The token that `header` and `claims` are, good at `now`; `leeway` is how far the clocks may differ.

    Raises InvalidSecurityEvent with the rule that it breaks.
    """
    typ = header.get("typ")
    _require(isinstance(typ, str) and typ.lower() in _TYPES, "typ")
    issuer = claims.get("iss")
    _require(isinstance(issuer, str) and bool(issuer), "iss")
    named = claims.get("aud")
    listed = [named] if isinstance(named, str) else named
    _require(isinstance(listed, list) and bool(listed) and all(_is_ours(one, audiences) for one in listed), "aud")
    issued = claims.get("iat")
    _require(_seconds(issued) and (now + leeway).timestamp() - float(issued or 0) >= 0, "iat")
    _require((now - OLDEST).timestamp() <= float(issued or 0), "iat")
    _require("exp" not in claims, "exp")
    _require("sub" not in claims, "sub")
    jti = claims.get("jti")
    _require(isinstance(jti, str) and bool(jti), "jti")
    events = claims.get("events")
    _require(isinstance(events, dict) and bool(events), "events")
    told: Mapping[str, Any] = events if isinstance(events, dict) else {}
    _require(all(isinstance(event, dict) for event in told.values()), "events")
    until = min(float(issued or 0) + (OLDEST + 2 * leeway).total_seconds(), LAST_SECOND)
    return SecurityEvents(
        issuer=str(issuer),
        tenant=tenant,
        signals=tuple(
            _signal(name, event, claims=claims) for name, event in told.items() if name in _CODES and _ends(event)
        ),
        names=tuple(told),
        hash=hashlib.sha256(json.dumps(["event", issuer, jti]).encode()).hexdigest(),
        until=datetime.fromtimestamp(until, UTC),
    )


def _ends(event: Mapping[str, Any]) -> bool:
    """Whether an event that is known ends sessions: a credential that was added takes none away."""
    return event.get("change_type") != "create"


def _signal(name: str, event: Mapping[str, Any], *, claims: Mapping[str, Any]) -> Signal:
    """Whose sessions end by an event, and why. The subject is the token's (RFC 9493), or as in drafts the event's."""
    subject = claims.get("sub_id", event.get("subject"))
    _require(isinstance(subject, dict), "subject")
    parts: Mapping[str, Any] = subject if isinstance(subject, dict) else {}
    if not _format(parts) or _format(parts) == "complex":
        user, session = _name(parts.get("user"), claims), _name(parts.get("session"), claims)
    else:
        user, session = _name(parts, claims), None
    if name != SESSION_REVOKED:
        session = None
    _require(user is not None or session is not None, "subject")
    return Signal(name.rpartition("/")[2], user, session, _CODES[name])


def _name(subject: Any, claims: Mapping[str, Any]) -> str | None:
    """The id that a simple subject names; None for none, or for one of a form by which nobody is known here."""
    if subject is None:
        return None
    _require(isinstance(subject, dict), "subject")
    kind = _format(subject)
    if kind == "iss_sub":
        _require(subject.get("iss") == claims.get("iss"), "subject")
        name = subject.get("sub")
    else:
        name = subject.get("id") if kind == "opaque" else None
    if name is None:
        return None
    _require(isinstance(name, str) and is_user_id(name), "subject")
    return str(name)


def _format(subject: Mapping[str, Any]) -> str:
    """The subject's format, in the words of RFC 9493 where it has those of drafts."""
    kind = subject.get("format", subject.get("subject_type", ""))
    return kind.replace("-", "_") if isinstance(kind, str) else ""


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InvalidSecurityEvent(rule)


def _is_ours(named: Any, audiences: Collection[str]) -> bool:
    return isinstance(named, str) and named in audiences


def _seconds(value: Any) -> bool:
    """Whether it is seconds since 1970 (RFC 7519 §2), within the years of four digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_SECOND
