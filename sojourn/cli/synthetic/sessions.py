"""Makes sessions fast: a million in seconds, the same ones for the same seed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sojourn.cli.synthetic.people import Person, person
from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.sessions import Timeouts
from sojourn.storage.queries.session_rows import NewSession

SPAN = timedelta(days=30)
"""How far back the sessions go."""

_DAY = 86_400_000
_RECENT = 3
"""The power that crowds sessions towards the end: about a third begin in the last day."""

_SIGN_OUT_RATE = 0.25

_MADE = tuple[NewSession, Instant | None]


def sessions_of_old(seed: str, *, people: int, count: int, until: datetime, timeouts: Timeouts) -> Iterator[_MADE]:
    """`count` sessions of `people` users in the order they began, each with when it was revoked or None.

    They begin within `SPAN` before `until`.
    """
    chance = random.Random(seed)  # noqa: S311 (made-up data, no secret)
    users = [person(chance, number + 1) for number in range(people)]
    end, span = _milliseconds(until), SPAN // timedelta(milliseconds=1)
    idle, absolute = (limit // timedelta(milliseconds=1) for limit in (timeouts.idle, timeouts.absolute))
    for number in range(count):
        began = end - int(span * ((count - number - chance.random()) / count) ** _RECENT) - 1000
        last = began + int((min(began + absolute, end) - began) * chance.random() ** 2)
        deadline = min(last + idle, began + absolute)
        left = last + int(chance.random() * idle / 2)
        revoked = chance.random() < _SIGN_OUT_RATE and left < deadline and left <= end
        who = users[int(people * chance.random() ** 2)]
        session = _session(chance, who, began=began, last=last, expires=began + absolute, idle_expires=deadline)
        yield session, _text(left) if revoked else None


def _session(
    chance: random.Random, who: Person, *, began: int, last: int, expires: int, idle_expires: int
) -> NewSession:
    device, created_at = who.devices[int(len(who.devices) * chance.random())], _text(began)
    return NewSession(
        id=SessionKey(_uuid7(chance, began)),
        user_id=who.user_id,
        username=who.username,
        created_at=created_at,
        authenticated_at=created_at,
        last_active_at=_text(last),
        expires_at=_text(expires),
        idle_expires_at=_text(idle_expires),
        amr=",".join(who.amr),
        app_id="app_web",
        device_id=device.device_id,
        device_fingerprint=device.fingerprint,
        device_type=device.facts.device_type,
        browser=device.facts.browser,
        os=device.facts.os,
        ip=device.ip,
        user_agent=device.user_agent,
        geoip=who.city,
    )


def _uuid7(chance: random.Random, milliseconds: int) -> str:
    """A UUID version 7 (RFC 9562 §5.7) whose random bits come from the seed."""
    time, noise = f"{milliseconds:012x}", chance.getrandbits(74)
    variant = 0x8000 | noise >> 60 & 0x3FFF
    return f"{time[:8]}-{time[8:]}-7{noise & 0xFFF:03x}-{variant:04x}-{noise >> 12 & 0xFFFFFFFFFFFF:012x}"


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


_days: dict[int, str] = {}


def _text(milliseconds: int) -> Instant:
    """What `sojourn.domain.clock.to_text` writes, ten times as fast: the date is looked up."""
    day, rest = divmod(milliseconds, _DAY)
    date = _days.get(day)
    if date is None:
        date = _days[day] = datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%dT")
    seconds, fraction = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return Instant(f"{date}{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
