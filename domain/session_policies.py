"""A tenant's own rules of sessions: how long they live, how many there may be at once, what happens at the limit."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, NamedTuple

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.durations import DurationTooLong, format_duration, parse_duration
from sojourn.domain.errors import SessionLimitReached, ValidationFailed, Violation
from sojourn.domain.ids import SessionKey
from sojourn.domain.session_binding import NO_BINDING, Binding
from sojourn.domain.sessions import Timeouts

Per = Literal["user", "user_app"]
OnLimit = Literal["deny", "end_oldest", "end_idlest"]
MOST_SESSIONS = 10_000
"""The highest limit there is."""
SHORTEST_TIMEOUT = timedelta(seconds=2)
"""What a tenant may set at least: as for the lifetimes of tokens."""
LONGEST_TIMEOUT = timedelta(hours=87_600)
"""What a tenant may set at most, ten years."""

_MILLISECOND = timedelta(milliseconds=1)


class SessionLimit(NamedTuple):
    """At most `most` open sessions of each user, or of each user in each application; what one too many does.

    Sessions without an application are together those of one application.
    """

    most: int
    per: Per
    on_limit: OnLimit


class OwnTimeouts(NamedTuple):
    """How long a tenant lets its sessions live at most, in whole milliseconds; None where it has no such rule."""

    idle: timedelta | None = None
    absolute: timedelta | None = None


NO_TIMEOUTS = OwnTimeouts()


class SessionPolicy(NamedTuple):
    """The rules of a tenant; None where it has no such rule. `version` grows with each change, 0 before the first."""

    version: int
    max_sessions: SessionLimit | None
    binding: Binding = NO_BINDING
    timeouts: OwnTimeouts = NO_TIMEOUTS


NO_POLICY = SessionPolicy(0, None)
"""Of a tenant that never set one."""


Scope = tuple[str, str | None]
"""What a limit counts together: a user, and the application where it counts them apart."""


class OpenSession(NamedTuple):
    """A session that counts: active, or suspended, for that one may come back."""

    id: SessionKey
    app_id: str | None
    created_at: Instant
    last_active_at: Instant


def ends_for_one_more(
    limit: SessionLimit, open_sessions: Iterable[OpenSession], *, app_id: str | None, spared: SessionKey | None
) -> list[SessionKey]:
    """Which of a user's sessions end so that one more may begin in the application `app_id`, the first to end first.

    `spared` is the session of the caller, which never ends for another. Only sessions that the limit counts together
    with the new one end. Raises SessionLimitReached where none may begin.
    """
    counted = [one for one in open_sessions if limit.per == "user" or one.app_id == app_id]
    over = too_many(limit, len(counted))
    if over <= 0:
        return []
    others = [one for one in counted if one.id != spared]
    if limit.on_limit == "deny" or over > len(others):
        raise SessionLimitReached(limit=limit.most)
    others.sort(key=lambda one: rank(limit, one))
    return [one.id for one in others[:over]]


class Room:
    """How many more sessions fit a limit, for sessions that begin one after the other."""

    def __init__(self, limit: SessionLimit, counts: Iterable[tuple[str, str | None, int]]) -> None:
        """`counts` are the open sessions of users in applications."""
        self._limit = limit
        self._open: Counter[Scope] = Counter()
        for user_id, app_id, count in counts:
            self._open[self._scope(user_id, app_id)] += count

    def take(self, user_id: str, app_id: str | None) -> bool:
        """Count one more session; whether the limit allows it."""
        scope = self._scope(user_id, app_id)
        self._open[scope] += 1
        return self._open[scope] <= self._limit.most

    def _scope(self, user_id: str, app_id: str | None) -> Scope:
        return user_id, app_id if self._limit.per == "user_app" else None


def too_many(limit: SessionLimit, counted: int) -> int:
    """How many of the sessions that are counted together must go so that one more may begin; 0 or less: none."""
    return counted + 1 - limit.most


def rank(limit: SessionLimit, one: OpenSession) -> tuple[Instant, SessionKey]:
    """What orders the sessions of which some must end: the lowest ends first."""
    return (one.created_at if limit.on_limit == "end_oldest" else one.last_active_at), one.id


def read_timeouts(idle_timeout: str | None, absolute_timeout: str | None) -> OwnTimeouts:
    """The time-outs that a tenant wrote as durations. What is finer than a millisecond is left out.

    Raises ValidationFailed with a violation for each that is no duration or is out of bounds.
    """
    violations, spans = list[Violation](), dict[str, timedelta]()
    for name, text in (("idle_timeout", idle_timeout), ("absolute_timeout", absolute_timeout)):
        if text is None:
            continue
        try:
            span = parse_duration(text)
        except DurationTooLong:
            span = LONGEST_TIMEOUT + _MILLISECOND
        except ValueError:
            violations.append(Violation(name, "format", {"format": "duration"}, text))
            continue
        if span < SHORTEST_TIMEOUT:
            violations.append(Violation(name, "minimum", {"limit": format_duration(SHORTEST_TIMEOUT)}, text))
        if span > LONGEST_TIMEOUT:
            violations.append(Violation(name, "maximum", {"limit": format_duration(LONGEST_TIMEOUT)}, text))
        spans[name] = in_milliseconds(span)
    if violations:
        raise ValidationFailed(violations)
    return OwnTimeouts(spans.get("idle_timeout"), spans.get("absolute_timeout"))


def in_milliseconds(span: timedelta) -> timedelta:
    """A duration without what is finer than a millisecond."""
    return span // _MILLISECOND * _MILLISECOND


def shorter(timeouts: Timeouts, own: OwnTimeouts) -> Timeouts:
    """The service's time-outs and the tenant's own: of each the shorter one."""
    absolute = timeouts.absolute if own.absolute is None else min(timeouts.absolute, own.absolute)
    idle = timeouts.idle if own.idle is None else min(timeouts.idle, own.idle)
    return Timeouts(min(idle, absolute), absolute)


def ends_by(own: OwnTimeouts, *, created_at: Instant, last_active_at: Instant) -> tuple[Instant | None, Instant | None]:
    """When a session ends by each of a tenant's time-outs, the idle and the absolute one; None where it has no such."""
    idle = None if own.idle is None else to_text(from_text(last_active_at) + own.idle)
    return idle, None if own.absolute is None else to_text(from_text(created_at) + own.absolute)


def became_shorter(before: timedelta | None, after: timedelta | None) -> bool:
    """Whether a time-out of a tenant is shorter than before; None is longer than any other."""
    return after is not None and (before is None or after < before)
