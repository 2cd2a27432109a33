"""A tenant's own rules of sessions: how many there may be at once, and what happens at the limit."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from sojourn.domain.clock import Instant
from sojourn.domain.errors import SessionLimitReached
from sojourn.domain.ids import SessionKey
from sojourn.domain.session_binding import NO_BINDING, Binding

Per = Literal["user", "user_app"]
OnLimit = Literal["deny", "end_oldest", "end_idlest"]
MOST_SESSIONS = 10_000
"""The highest limit there is."""


class SessionLimit(NamedTuple):
    """At most `most` open sessions of each user, or of each user in each application; what one too many does.

    Sessions without an application are together those of one application.
    """

    most: int
    per: Per
    on_limit: OnLimit


class SessionPolicy(NamedTuple):
    """The rules of a tenant; None where it has no such rule. `version` grows with each change, 0 before the first."""

    version: int
    max_sessions: SessionLimit | None
    binding: Binding = NO_BINDING


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
