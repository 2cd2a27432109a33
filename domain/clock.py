"""Instants: where `now` comes from and the one text form they have.

The text form is RFC 3339 in UTC with milliseconds, always 24 characters, so that texts sort like the
instants they name. Rules never read the clock: they take `now`.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, NewType

Clock = Callable[[], datetime]
Instant = NewType("Instant", str)
"""The text form of an instant, made by `to_text`."""
FIRST_INSTANT = Instant("")
"""A text that sorts before every instant."""

STEP_SECONDS = 5.0
"""A wall clock that is set by more than this at once is in doubt."""
SECOND_LOOK_SECONDS = 60.0
"""It is believed when it still says so after so long, if no other clock can tell."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has the former, which also runs while the machine sleeps."""

_LEAP_SECOND = re.compile(r":60(?=[.Z+-])")
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock


class Reading(NamedTuple):
    """Both clocks at one moment, in seconds: `wall` since 1970, which may be set, and `steady`, which nobody sets."""

    wall: float
    steady: float


def read_clocks() -> Reading:
    """Both clocks now."""
    return Reading(time.time(), time.clock_gettime(_STEADY))


class Doubt(NamedTuple):
    """A step of the wall clock that is not believed yet: how far it is from the steady one, and since when."""

    offset: float
    since: float


class TrustedTime:
    """Which time is right, as far as readings of two clocks tell. It reads none itself.

    The wall clock is right while it keeps pace with the steady one. When it was set by more than STEP_SECONDS, time
    goes on with the steady clock from what it was, until the wall clock is back or `believe` says that it is right.
    `steps` counts how often it was set, `latest_step` is by how many seconds, compared with the time believed then.
    """

    def __init__(self, first: Reading) -> None:
        self._offset = first.wall - first.steady
        self.doubt: Doubt | None = None
        self.steps = 0
        self.latest_step = 0.0

    def at(self, reading: Reading) -> float:
        """The time at a reading, in seconds since 1970. Notices steps, and counts them."""
        offset = reading.wall - reading.steady
        if abs(offset - self._offset) <= STEP_SECONDS:
            self._offset, self.doubt = offset, None
            return reading.wall
        if self.doubt is None or abs(offset - self.doubt.offset) > STEP_SECONDS:
            self.doubt = Doubt(offset, reading.steady)
            self.steps, self.latest_step = self.steps + 1, offset - self._offset
        return reading.steady + self._offset

    def has_lasted(self, steady: float) -> bool:
        """Whether a step is still there at the second look."""
        return self.doubt is not None and steady - self.doubt.since >= SECOND_LOOK_SECONDS

    def confirmed_by(self, other: float, *, before: float | None) -> bool | None:
        """What another clock says of a step. `other` is how far it is from the steady one, `before` was so earlier.

        True: it is where the wall clock is now, and was there before. False: it is where the wall clock was. None: it
        cannot tell. It stepped at the same moment, as the same machine's does, and as every clock seems to do when the
        steady one stood still; or it agrees with neither.
        """
        if self.doubt is None or abs(other - self._offset) <= STEP_SECONDS:
            return False
        if before is None or abs(other - before) > STEP_SECONDS:
            return None
        return True if abs(other - self.doubt.offset) <= STEP_SECONDS else None

    def believe(self) -> float:
        """Take the wall clock to be right again; by how many seconds time steps."""
        if self.doubt is None:
            return 0.0
        step = self.doubt.offset - self._offset
        self._offset, self.doubt = self.doubt.offset, None
        return step


def to_text(instant: datetime) -> Instant:
    """`2026-04-15T08:00:00.123Z` for an aware instant; digits below a millisecond are cut off."""
    at = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    # Every request does this several times; isoformat and format take twice as long.
    return Instant("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (  # noqa: UP031 - see above
        at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond // 1000,
    ))  # fmt: skip


def read_instant(text: str) -> datetime:
    """The instant of an RFC 3339 §5.6 `date-time`, in UTC; a leap second is the one before it.

    Where UTC has no year for it (1 to 9999) its offset is left out. Raises ValueError.
    """
    at = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text.upper()))
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)


def day_of(instant: datetime) -> str:
    """The UTC day of an aware instant: `2026-04-15`."""
    return to_text(instant)[:10]


def from_text(text: str) -> datetime:
    """The aware instant that `to_text` wrote. Raises ValueError for any other text."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"{text!r} is not an instant such as 2026-04-15T08:00:00.123Z")
    return datetime.fromisoformat(text)
