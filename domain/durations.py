"""Durations as people write them: `1h30m`, `5s`, `500ms`, `1.5h`.

The notation is that of Go's `time.ParseDuration` without a sign: one or more numbers, each with a unit of
`h`, `m`, `s`, `ms` or `us`, or a lone `0`. Settings and the contract share it.
"""

import re
from datetime import timedelta
from fractions import Fraction

MAX_DURATION = timedelta(days=36525)
"""A hundred years: longer than anything here lives, short enough to be added to any instant."""

_MICROSECONDS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1, "µs": 1}
_TERM = re.compile(r"([0-9.]+)([a-zµ]+)")
DURATION_PATTERN = r"^([0-9]{1,15}((\.[0-9]{1,8})?h|(\.[0-9]{1,7})?m|(\.[0-9]{1,6})?s|(\.[0-9]{1,3})?ms|us|µs))+$"
"""What the contract says of a duration: no unit has more decimals than make whole microseconds."""

_DURATION = re.compile(DURATION_PATTERN)
_MICROSECOND = timedelta(microseconds=1)


class DurationTooLong(ValueError):
    """A duration that is written as one should be, and is longer than `MAX_DURATION`."""


def parse_duration(text: str) -> timedelta:
    """The duration that `text` names, to the microsecond.

    Raises ValueError, with a sentence that the author of the text can act on, for anything else: DurationTooLong for
    a duration of more than `MAX_DURATION`.
    """
    if text == "0":
        return timedelta(0)
    if not _DURATION.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a duration: write numbers with units h, m, s, ms, such as 1h30m or 500ms, "
            "none finer than a microsecond"
        )
    total = sum(Fraction(number) * _MICROSECONDS[unit] for number, unit in _TERM.findall(text))
    if total > MAX_DURATION // _MICROSECOND:
        raise DurationTooLong(f"{text!r} is longer than a hundred years")
    return timedelta(microseconds=int(total))


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back as `duration`: `1h30m`, `168h`, `0s`.

    Raises ValueError for a negative duration.
    """
    rest = duration // _MICROSECOND
    if rest < 0:
        raise ValueError("a duration is not negative")
    text = ""
    for unit in ("h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _MICROSECONDS[unit])
        if count:
            text += f"{count}{unit}"
    return text or "0s"
