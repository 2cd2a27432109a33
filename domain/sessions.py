"""The rules of a session: its deadlines, what an activity does to them, and when it counts as active.

A session ends at whichever deadline comes first. The absolute deadline never moves; every activity moves
the idle deadline, never past the absolute one (NIST SP 800-63B-4 §5.2, OWASP ASVS 5.0 V7.3).
Deadlines are stored when they are set, so a query only compares columns.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sojourn.domain.clock import Instant

Status = Literal["active", "suspended", "expired", "revoked"]
Then = Literal["reactivate", "revoke"]
"""What becomes of a session once its suspension is over."""
FOREVER = Instant("9999-12-31T23:59:59.999Z")
"""The end of a suspension that has none."""
MFA = "mfa"
MAX_METHODS = 16
"""How many authentication methods a session names."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long sessions live. Both are positive; the idle timeout is at most the absolute one."""

    idle: timedelta
    absolute: timedelta

    def __post_init__(self) -> None:
        if not timedelta(0) < self.idle <= self.absolute:
            raise ValueError("timeouts must satisfy 0 < idle <= absolute")


class WithDeadlines(Protocol):
    """Anything that has the two deadlines of a session, as `sojourn.domain.clock` writes instants."""

    @property
    def expires_at(self) -> str:
        """The absolute deadline."""

    @property
    def idle_expires_at(self) -> str:
        """The idle deadline."""


class Session(WithDeadlines, Protocol):
    """As much of a session as its status depends on."""

    @property
    def revoked_at(self) -> str | None:
        """When it was revoked; None for a session that was not."""

    @property
    def suspended_until(self) -> str | None:
        """Until when it is suspended; None for a session that is not. Stays until housekeeping has seen it pass."""

    @property
    def suspended_then(self) -> str | None:
        """What becomes of it then, a `Then`."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The two instants at which a session ends by itself."""

    expires_at: datetime
    idle_expires_at: datetime


def deadlines_at_creation(now: datetime, timeouts: Timeouts) -> Deadlines:
    """The deadlines of a session created `now`."""
    return Deadlines(now + timeouts.absolute, now + timeouts.idle)


def shortened(deadlines: Deadlines, end: datetime) -> Deadlines:
    """The deadlines of a session that shall end at `end` at the latest. None is ever moved back."""
    return Deadlines(min(deadlines.expires_at, end), min(deadlines.idle_expires_at, end))


def idle_deadline_after_activity(now: datetime, expires_at: datetime, *, timeouts: Timeouts) -> datetime:
    """The idle deadline after an activity `now`: never later than the absolute deadline."""
    return min(now + timeouts.idle, expires_at)


def amr_with_mfa(amr: str | None) -> str:
    """The stored `amr` (comma-separated) of a session whose user has now authenticated with several factors.

    `mfa` is the reference of RFC 8176 §2; a session that has it keeps what it has. Of `MAX_METHODS` methods the latest
    is given up for it.
    """
    methods = methods_with(amr, (MFA,))
    return ",".join(methods if len(methods) <= MAX_METHODS else (*methods[: MAX_METHODS - 1], MFA))


def methods_with(amr: str | None, added: tuple[str, ...]) -> tuple[str, ...]:
    """The methods of a session, stored comma-separated, once its user has used others, too: each once, in order."""
    return tuple(dict.fromkeys((*(amr.split(",") if amr else ()), *added)))


def effective_end(session: WithDeadlines) -> str:
    """The deadline that comes first: when the session ends unless it is revoked earlier."""
    return min(session.expires_at, session.idle_expires_at)


def status_of(session: Session, now: Instant) -> Status:
    """What a session is at `now`. Revocation outlasts expiry; at a deadline a session is expired, suspended or not.

    Instants are compared as texts, which sort like time, because this runs for every row of every list.
    """
    if session.revoked_at is not None:
        return "revoked"
    if session.suspended_until is not None:
        return _status_with_suspension(session, now, until=session.suspended_until)
    return "active" if now < session.expires_at and now < session.idle_expires_at else "expired"


def is_active(session: Session, now: Instant) -> bool:
    """Whether a session is neither revoked nor past a deadline at `now`."""
    return status_of(session, now) == "active"


def is_open(session: Session, now: Instant) -> bool:
    """Whether a session has not ended at `now`: it is active or suspended."""
    return status_of(session, now) in ("active", "suspended")


def has_lapsed(session: Session, now: Instant) -> bool:
    """Whether a session that nobody revoked ended with its suspension, before any deadline."""
    until = session.suspended_until
    return until is not None and session.suspended_then == "revoke" and until <= now and until < effective_end(session)


def _status_with_suspension(session: Session, now: Instant, *, until: str) -> Status:
    if has_lapsed(session, now):
        return "revoked"
    if effective_end(session) <= now:
        return "expired"
    return "suspended" if now < until else "active"
