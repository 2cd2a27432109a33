"""Instants as answers have them, and waiting for one."""

import time
from datetime import UTC, datetime


def instant(text: str) -> datetime:
    """The instant that a text of the contract's form names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    """Now, by the suite's own clock: the server's is not ours to set."""
    return datetime.now(UTC)  # noqa: TID251 - the suite waits for instants that the server named


def sleep_past(text: str, patience: float) -> None:
    """Wait until an instant is over. The check fails when that takes longer than `patience`, in seconds."""
    left = (instant(text) - now()).total_seconds() + 0.25
    assert left <= patience, f"{text} is {left:.0f} s away: --patience is {patience:.0f} s"
    time.sleep(max(left, 0))
