"""Evidence about a session, from the user's earlier and parallel sessions.

A value is new only compared with earlier sessions that have the same kind of value: without a history nothing is new.
Instants are compared in the text form of `sojourn.domain.clock`.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.endings import REUSE
from sojourn.domain.risk import Evidence
from sojourn.domain.sessions import MFA, effective_end, is_active

REUSE_WINDOW = timedelta(days=7)
REVOCATION_WINDOW = timedelta(hours=24)
HOURS_NEED_SESSIONS = 10
_TRAVEL = ((timedelta(hours=1), 3, 1), (timedelta(hours=3), 2, 0))

# RFC 8176 §2, and the everyday names of the same methods.
_KINDS = {
    "knowledge": ("pwd", "password", "pin", "kba"),
    "possession": ("otp", "totp", "hotp", "sms", "tel", "hwk", "swk", "sc", "pop", "webauthn", "passkey"),
    "inherence": ("face", "fpt", "iris", "retina", "vbm"),
}
_KIND_OF = {method: kind for kind, methods in _KINDS.items() for method in methods}


class SeenSession(NamedTuple):
    """A session as far as risk looks at it. Ids sort by creation; instants in text form; None where unknown."""

    id: str
    user_id: str
    created_at: Instant
    authenticated_at: Instant
    expires_at: Instant
    idle_expires_at: Instant
    revoked_at: Instant | None = None
    revoked_by: str | None = None
    reason_code: str | None = None
    amr: str | None = None
    device_id: str | None = None
    device_fingerprint: str | None = None
    ip: str | None = None
    geoip: str | None = None
    suspended_until: Instant | None = None
    suspended_then: str | None = None


def evidence(
    session: SeenSession, of_user: Iterable[SeenSession], *, trusts_device: bool, now: Instant, users_of_device: int = 0
) -> Evidence:
    """The evidence for one session among its user's, in any order; itself may be among them.

    `trusts_device`: the user trusts the session's device `now`; then it is not new. `users_of_device`: how many users
    have sessions on it, where that was counted.
    """
    lately_reused, lately_ended = _before(now, REUSE_WINDOW), _before(now, REVOCATION_WINDOW)
    others = [other for other in of_user if other.id != session.id]
    earlier = [other for other in others if other.id < session.id]
    return Evidence(
        reuses=sum(_was_reused(each, lately_reused) for each in (session, *others)),
        travel=_travel(session, earlier),
        new_place=_new_place(session, earlier),
        new_device=int(not trusts_device and _is_new_device(session, earlier)),
        users_of_device=users_of_device,
        foreign_revocations=sum(_was_ended_by_others(each, lately_ended) for each in others),
        single_factor=int(_factor_kinds(session.amr) == 1),
        hours_since_authentication=_hours_since_authentication(session, now),
        new_network=int(_is_new_network(session, earlier)),
        unusual_hour=int(_is_unusual_hour(session, earlier)),
        parallel_sessions=sum(is_active(other, now) for other in others),
    )


@lru_cache(maxsize=4096)
def network(ip: str) -> str | None:
    """The /24 or /48 that an address is in, an IPv4 address in IPv6 form as itself; None for any other text."""
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address.packed, 24 if address.version == 4 else 48), strict=False))


def _before(instant: str, span: timedelta) -> str:
    return to_text(from_text(instant) - span)


def _was_reused(session: SeenSession, since: str) -> bool:
    return session.revoked_at is not None and session.reason_code == REUSE.code and session.revoked_at >= since


def _was_ended_by_others(session: SeenSession, since: str) -> bool:
    """Ended lately, and not by its user: signing out is no sign of danger."""
    return session.revoked_at is not None and session.revoked_by != session.user_id and session.revoked_at >= since


def _country(place: str) -> str:
    return place.rpartition(", ")[2]


def _travel(session: SeenSession, earlier: list[SeenSession]) -> int:
    """How impossible the way from an earlier sign-in is. An address is known at sign-in only, so these are compared."""
    place, worst = session.geoip, 0
    if place is None:
        return 0
    for span, abroad, at_home in _TRAVEL:
        since = _before(session.created_at, span)
        for other in earlier:
            if other.geoip in (None, place) or other.created_at < since:
                continue
            worst = max(worst, at_home if _country(str(other.geoip)) == _country(place) else abroad)
    return worst


def _new_place(session: SeenSession, earlier: list[SeenSession]) -> int:
    seen = {other.geoip for other in earlier if other.geoip is not None}
    if session.geoip is None or not seen or session.geoip in seen:
        return 0
    return 1 if _country(session.geoip) in {_country(place) for place in seen} else 2


def _device(session: SeenSession) -> set[tuple[str, str]]:
    """What names the device: a fingerprint and an id, each known to be that."""
    names = (("fingerprint", session.device_fingerprint), ("id", session.device_id))
    return {(kind, name) for kind, name in names if name is not None}


def _is_new_device(session: SeenSession, earlier: list[SeenSession]) -> bool:
    """One name that was seen is enough to know a device again."""
    mine, seen = _device(session), set().union(*map(_device, earlier))
    return bool({kind for kind, _ in mine} & {kind for kind, _ in seen}) and not mine & seen


def _is_new_network(session: SeenSession, earlier: list[SeenSession]) -> bool:
    mine = network(session.ip) if session.ip is not None else None
    seen = {network(other.ip) for other in earlier if other.ip is not None} - {None}
    return mine is not None and bool(seen) and mine not in seen


def _is_unusual_hour(session: SeenSession, earlier: list[SeenSession]) -> bool:
    """At an hour of the day (UTC) more than one away from every hour the user has signed in at."""
    if len(earlier) < HOURS_NEED_SESSIONS:
        return False
    hour = _hour(session)
    return all((hour - seen) % 24 not in (23, 0, 1) for seen in {_hour(other) for other in earlier})


def _hour(session: SeenSession) -> int:
    return int(session.authenticated_at[11:13])


def _factor_kinds(amr: str | None) -> int:
    """How many kinds of factor were used; 0 when the methods tell nothing."""
    methods = amr.split(",") if amr is not None else []
    return 2 if MFA in methods else len({_KIND_OF[method] for method in methods if method in _KIND_OF})


def _hours_since_authentication(session: SeenSession, now: Instant) -> int:
    """Full hours between the authentication and `now`, or the session's end where that was earlier."""
    end = min(now, effective_end(session), session.revoked_at or now)
    span = from_text(end) - from_text(session.authenticated_at)
    return max(0, span // timedelta(hours=1))
