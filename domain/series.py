"""Time series of a tenant's sessions: steps of time, what an event changes, and which steps one may ask for.

Steps are of UTC: `1m`, `1h` and `24h` begin with a minute, an hour and a day. An event belongs to the step in which it
happened, also where it was written down later.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.errors import ValidationFailed, Violation

STEPS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "24h": timedelta(hours=24)}
KEPT = {"1m": timedelta(days=7), "1h": timedelta(days=90), "24h": timedelta(days=730)}
"""How long steps are kept."""
SHOWN = {"1m": timedelta(hours=1), "1h": timedelta(hours=24), "24h": timedelta(days=30)}
"""What is shown where no beginning is given."""
MAX_POINTS = 2200
MAX_POINTS_SPLIT = 800
"""The most points of a response, and of one that is split."""
MAX_VALUES = 100
"""The most values of a dimension that are counted apart, besides `UNKNOWN` and `OTHERS`."""
WHOLE, UNKNOWN, OTHERS = "", "", " "
"""The dimension of what is not split; the value of a session that has none; what is beyond `MAX_VALUES`."""
DIMENSIONS = ("app_id", "device_type", "country", "reason_code")
_CUT = {"1m": 16, "1h": 13, "24h": 10}
_REST = "0000-01-01T00:00:00.000Z"
_NEVER = Instant("9999-12-31T00:00:00.000Z")


class Happened(NamedTuple):
    """An event that may count."""

    type: str
    occurred_at: Instant
    session_id: str
    reason_code: str | None


class Facts(NamedTuple):
    """By what a session is counted; None where it is not known."""

    app_id: str | None = None
    device_type: str | None = None
    country: str | None = None


class Change(NamedTuple):
    """How many sessions were created, how many ended, and by how many more are active."""

    created: int
    ended: int
    opened: int


class Bucket(NamedTuple):
    """What is counted together: one value of a dimension, in one minute."""

    dimension: str
    value: str
    minute: Instant


class Window(NamedTuple):
    """The steps that are asked for: from the first's beginning to the last's end."""

    step: str
    since: datetime
    until: datetime

    def points(self) -> list[Instant]:
        """When the steps begin."""
        size = STEPS[self.step]
        return [to_text(self.since + number * size) for number in range((self.until - self.since) // size)]


def begin_of(at: str, step: str) -> Instant:
    """When the step begins that an instant is in."""
    cut = _CUT[step]
    return Instant(at[:cut] + _REST[cut:])


def kept_since(step: str, now: Instant) -> Instant:
    """When the oldest step begins that is kept at `now`."""
    return begin_of(to_text(from_text(now) - KEPT[step]), step)


def following(at: Instant, step: str) -> Instant:
    """When the next step begins, given the beginning of one."""
    return to_text(from_text(at) + STEPS[step])


def after(until: datetime, step: str) -> list[tuple[str, Instant, Instant]]:
    """Everything from an instant on, which begins a `step`: as few steps of each size as do, with their ends."""
    parts, at = [], to_text(until)
    names = list(STEPS)[list(STEPS).index(step) :]
    for name, longer in pairwise(names):
        begin = begin_of(at, longer)
        end = at if begin == at else following(begin, longer)
        parts.append((name, at, end))
        at = end
    parts.append((names[-1], at, _NEVER))
    return [part for part in parts if part[1] < part[2]]


class Suspended(set[str]):
    """The sessions whose suspension was counted."""

    def opens(self, event: Happened) -> int:
        """By how many more sessions are active with an event; remembers suspensions, and forgets those that end."""
        was_suspended = event.session_id in self
        if event.type == "session.suspended":
            self.add(event.session_id)
            return 0 if was_suspended else -1
        self.discard(event.session_id)
        if event.type == "session.ended":
            return 0 if was_suspended else -1
        return 1


COUNTED = ("session.created", "session.ended", "session.suspended", "session.reactivated")


def count(events: Iterable[Happened], facts: dict[str, Facts], *, suspended: Suspended) -> dict[Bucket, Change]:
    """What events add, by bucket. `suspended` becomes what it is after them."""
    found: dict[Bucket, list[int]] = {}
    for event in events:
        if event.type not in COUNTED:
            continue
        opened = suspended.opens(event)
        created, ended = int(event.type == "session.created"), int(event.type == "session.ended")
        minute = begin_of(event.occurred_at, "1m")
        known: tuple[str | None, ...] = facts.get(event.session_id, Facts())
        values = {WHOLE: WHOLE} | {name: value or UNKNOWN for name, value in zip(DIMENSIONS, known, strict=False)}
        for dimension, value in values.items():
            _add(found, Bucket(dimension, value, minute), by=(created, ended, opened))
        _add(found, Bucket("reason_code", UNKNOWN, minute), by=(created, 0, opened))
        _add(found, Bucket("reason_code", event.reason_code or UNKNOWN, minute), by=(0, ended, 0))
    return {bucket: Change(*numbers) for bucket, numbers in found.items()}


def unknown_from_now_on(moved: Iterable[tuple[Facts, bool]], *, now: Instant) -> dict[Bucket, Change]:
    """What changes when nothing is known any more of sessions that count as active, or, where so, as suspended.

    Their ends, at the same time, will be counted as those of active ones of which nothing is known.
    """
    found: dict[Bucket, list[int]] = {}
    minute = begin_of(now, "1m")
    for facts, is_suspended in moved:
        known: tuple[str | None, ...] = (*facts, None)
        for dimension, value in zip(DIMENSIONS, known, strict=True):
            if is_suspended or value:
                _add(found, Bucket(dimension, UNKNOWN, minute), by=(0, 0, 1))
            if value and not is_suspended:
                _add(found, Bucket(dimension, value, minute), by=(0, 0, -1))
        if is_suspended:
            _add(found, Bucket(WHOLE, WHOLE, minute), by=(0, 0, 1))
    return {bucket: Change(*numbers) for bucket, numbers in found.items()}


def _add(found: dict[Bucket, list[int]], bucket: Bucket, *, by: tuple[int, int, int]) -> None:
    numbers = found.setdefault(bucket, [0, 0, 0])
    for place, number in enumerate(by):
        numbers[place] += number


class Values:
    """The values that are counted apart, by dimension: the first that come, and what comes later is `OTHERS`.

    None ever leaves: a session is counted at its end as it was at its beginning.
    """

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._known = {name: {UNKNOWN, OTHERS} for name in DIMENSIONS}
        for dimension, value in known:
            if dimension != WHOLE:
                self._known[dimension].add(value)

    def named(self, dimension: str, value: str) -> str:
        """What a value is counted as."""
        if dimension == WHOLE:
            return value
        known = self._known[dimension]
        if value not in known and len(known) < MAX_VALUES + 2:
            known.add(value)
        return value if value in known else OTHERS


def rise(opened: Iterable[tuple[int, int]]) -> int:
    """By how many more sessions were active at most, while some steps passed: each a change, and its own rise."""
    level, most = 0, 0
    for change, inside in opened:
        most = max(most, level + inside, level + change)
        level += change
    return most


def window(step: str, *, since: datetime | None, until: datetime | None, is_split: bool, now: datetime) -> Window:
    """The steps of a request, whole ones: none begins after `now`, and none that is kept no longer.

    Raises ValidationFailed where the end is not behind the beginning, or the steps are too many.
    """
    if since is not None and until is not None and since >= until:
        raise ValidationFailed([Violation("since", "before", {"other": "until"}, to_text(since))])
    kept = from_text(kept_since(step, to_text(now)))
    end = _whole(max(kept, min(until or now, now)), step, up=True)
    begin = end - SHOWN[step] if since is None else _whole(max(kept, since), step, up=False)
    begin = max(kept, begin)
    points, most = (end - begin) // STEPS[step], MAX_POINTS_SPLIT if is_split else MAX_POINTS
    if points > most:
        raise ValidationFailed([Violation("since", "too_many_points", {"points": points, "limit": most})])
    return Window(step, begin, max(begin, end))


def _whole(at: datetime, step: str, *, up: bool) -> datetime:
    begin = from_text(begin_of(to_text(at), step))
    return begin + STEPS[step] if up and begin < at else begin
