"""Instants and durations as answers have them."""

import re
from datetime import UTC, datetime
from decimal import Decimal

MILLISECOND = Decimal(1_000)
"""In microseconds: what is finer is left out where a policy is told."""
_UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1, "µs": 1}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|µs)")


def duration(text: str) -> Decimal:
    """The microseconds that a text of the contract's form names, such as `1h30m`."""
    return sum((Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(text)), Decimal(0))


def instant(text: str) -> datetime:
    """The instant that a text of the contract's form names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    """Now, by the suite's own clock: the server's is not ours to set."""
    return datetime.now(UTC)  # noqa: TID251 - the suite waits for instants that the server named
