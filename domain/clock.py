"""Instants: where `now` comes from and the one text form they have.

The text form is RFC 3339 in UTC with milliseconds, always 24 characters, so that texts sort like the
instants they name. Rules never read the clock: they take `now`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NewType

Clock = Callable[[], datetime]
Instant = NewType("Instant", str)
"""The text form of an instant, made by `to_text`."""
FIRST_INSTANT = Instant("")
"""A text that sorts before every instant."""

_LEAP_SECOND = re.compile(r":60(?=[.Z+-])")
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock


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
