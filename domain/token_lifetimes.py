"""How long tokens live."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_JITTER = 0.05


def end_of_refresh(now: datetime, lifetime: timedelta, session_end: datetime) -> datetime:
    """When a refresh token issued `now` ends: never after its session."""
    return min(now + lifetime, session_end)


def end_of_access(now: datetime, lifetime: timedelta, session_end: datetime | None, chance: float) -> datetime:
    """When an access token issued `now` ends, to the second: up to 5 % early by `chance` (0..1), never late.

    Tokens that were issued together are thus not renewed together.
    """
    spread = lifetime * MAX_JITTER
    end = now + lifetime - (spread * chance if spread >= timedelta(seconds=1) else timedelta(0))
    if session_end is not None:
        end = min(end, session_end)
    return max(end.replace(microsecond=0), now.replace(microsecond=0))


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens live, and how far clocks may be off."""

    access: timedelta
    refresh: timedelta
    leeway: timedelta
