"""How long tokens live."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sojourn.domain.durations import DurationTooLong, format_duration, parse_duration
from sojourn.domain.errors import ValidationFailed, Violation

MAX_JITTER = 0.05
SHORTEST_LIFETIME = timedelta(seconds=2)
"""What a tenant may set at least: an end in whole seconds takes up to one of them."""
LONGEST_LIFETIME = timedelta(hours=87_600)
"""What a tenant may set at most, ten years: `expires_in` and every end stay numbers that all clients can read."""
MAX_LEEWAY = timedelta(minutes=5)
"""How far a tenant may let clocks be off at most."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens live, and how far clocks may be off."""

    access: timedelta
    refresh: timedelta
    leeway: timedelta


def end_of_refresh(now: datetime, lifetime: timedelta, *, session_end: datetime) -> datetime:
    """When a refresh token issued `now` ends: never after its session."""
    return min(now + lifetime, session_end)


def end_of_access(now: datetime, lifetime: timedelta, *, session_end: datetime | None, chance: float) -> datetime:
    """When an access token issued `now` ends, to the second: up to 5 % early by `chance` (0..1), never late.

    Tokens that were issued together are thus not renewed together.
    """
    spread = lifetime * MAX_JITTER
    end = now + lifetime - (spread * chance if spread >= timedelta(seconds=1) else timedelta(0))
    if session_end is not None:
        end = min(end, session_end)
    return max(end.replace(microsecond=0), now.replace(microsecond=0))


def chance_of(token_id: str) -> float:
    """A number from 0 to 1 out of the random tail of a token's id: the same id is always as early."""
    return int(token_id[-4:], 16) / 0xFFFF


def retention(now: datetime, span: Lifetimes) -> datetime:
    """Until when a token of unknown end must be refused: longer than any that is issued now."""
    return now + max(span.access, span.refresh) + span.leeway + timedelta(days=1)


def read_lifetimes(access_expiry: str, refresh_expiry: str, *, leeway: str) -> Lifetimes:
    """The lifetimes that a tenant wrote as durations.

    Raises ValidationFailed with a violation for each that is no duration or is out of bounds. A refresh token lives at
    least as long as an access token.
    """
    texts = {"access_expiry": access_expiry, "refresh_expiry": refresh_expiry, "leeway": leeway}
    bounds = {
        "access_expiry": (SHORTEST_LIFETIME, LONGEST_LIFETIME),
        "refresh_expiry": (SHORTEST_LIFETIME, LONGEST_LIFETIME),
        "leeway": (timedelta(0), MAX_LEEWAY),
    }
    violations, spans = [], {}
    for name, text in texts.items():
        try:
            spans[name] = parse_duration(text)
        except DurationTooLong:
            violations.append(Violation(name, "maximum", {"limit": format_duration(bounds[name][1])}, text))
        except ValueError:
            violations.append(Violation(name, "format", {"format": "duration"}, text))
    for name, span in spans.items():
        least, most = bounds[name]
        if span < least:
            violations.append(Violation(name, "minimum", {"limit": format_duration(least)}, texts[name]))
        if span > most:
            violations.append(Violation(name, "maximum", {"limit": format_duration(most)}, texts[name]))
    if not violations and spans["refresh_expiry"] < spans["access_expiry"]:
        violations.append(Violation("refresh_expiry", "minimum", {"limit": access_expiry}, refresh_expiry))
    if violations:
        raise ValidationFailed(violations)
    return Lifetimes(spans["access_expiry"], spans["refresh_expiry"], spans["leeway"])
