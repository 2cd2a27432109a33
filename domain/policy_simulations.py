"""What a policy would do: what it ends or leaves no room for now, and what it would have refused before.

Pure: the sessions come as they were, and the rules are those of `sojourn.domain.session_policies`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.session_policies import (
    NO_TIMEOUTS,
    OpenSession,
    OwnTimeouts,
    SessionLimit,
    ends_by,
    ends_for_one_more,
    rank,
    too_many,
)

WINDOW = timedelta(days=30)
"""How far back sign-ins are looked at, where ended sessions are kept so long."""


def known_since(now: datetime, *, retention: timedelta) -> Instant:
    """Since when sign-ins are looked at (UTC): ended sessions are kept for `retention`."""
    return to_text(now - min(WINDOW, retention))


class PastSession(NamedTuple):
    """A session as it is known afterwards; `ended_at` is None while it is open."""

    id: SessionKey
    app_id: str | None
    created_at: Instant
    last_active_at: Instant
    ended_at: Instant | None


class Sums(NamedTuple):
    """Of one user: sessions that time-outs end now, and those above the limit then; sign-ins that would have been
    denied; sessions ended by others.
    """

    idle: int = 0
    absolute: int = 0
    above: int = 0
    denied: int = 0
    ended_for_others: int = 0

    @property
    def ends(self) -> int:
        """How many sessions the policy has no room for now."""
        return self.idle + self.absolute + self.above


@dataclass(slots=True)
class Foretold:
    """The sums of all users that were looked at, and of how many users each sum is."""

    sessions: int = 0
    users: int = 0
    idle: int = 0
    absolute: int = 0
    above: int = 0
    ends: int = 0
    users_with_ends: int = 0
    denied: int = 0
    users_denied: int = 0
    ended_for_others: int = 0

    def add(self, sums: Sums, *, sessions: int) -> None:
        """Add those of a user who has so many sessions."""
        self.sessions += sessions
        self.users += 1
        self.idle += sums.idle
        self.absolute += sums.absolute
        self.above += sums.above
        self.ends += sums.ends
        self.users_with_ends += sums.ends > 0
        self.denied += sums.denied
        self.users_denied += sums.denied > 0
        self.ended_for_others += sums.ended_for_others


def above_limit(limit: SessionLimit, open_sessions: Iterable[OpenSession]) -> list[SessionKey]:
    """The open sessions of a user that are above the limit: those that end first at the user's next sign-ins.

    None where the limit denies: then sessions go on, and sign-ins are refused.
    """
    if limit.on_limit == "deny":
        return []
    scopes: defaultdict[str | None, list[OpenSession]] = defaultdict(list)
    for one in open_sessions:
        scopes[one.app_id if limit.per == "user_app" else None].append(one)
    wider = limit._replace(most=limit.most + 1)  # room for what is there and no new one
    return [key for app, found in scopes.items() for key in ends_for_one_more(wider, found, app_id=app, spared=None)]


@dataclass(slots=True)
class _Scope:
    """The sessions that a limit counts together, as they would stand."""

    open: dict[SessionKey, PastSession] = field(default_factory=dict)
    by_end: list[tuple[Instant, SessionKey]] = field(default_factory=list)
    by_rank: list[tuple[tuple[Instant, SessionKey], SessionKey]] = field(default_factory=list)

    def begin(self, one: PastSession, limit: SessionLimit) -> None:
        self.open[one.id] = one
        if one.ended_at is not None:
            heappush(self.by_end, (one.ended_at, one.id))
        if limit.on_limit != "deny":
            heappush(self.by_rank, (rank(limit, _as_open(one)), one.id))

    def forget_ended(self, now: Instant) -> None:
        while self.by_end and self.by_end[0][0] <= now:
            self.open.pop(heappop(self.by_end)[1], None)

    def end_first(self) -> None:
        while self.open.pop(heappop(self.by_rank)[1], None) is None:
            pass


def replayed(limit: SessionLimit, history: Iterable[PastSession], *, since: Instant) -> tuple[int, int]:
    """How many sign-ins of a user would have been denied from `since` on, and how many sessions ended for others.

    `history` is every session of the user that had not ended at `since`. A session ended when it really did, unless the
    policy had ended it before. Of what was idle it is known only until when each session was active at last.
    """
    scopes: defaultdict[str | None, _Scope] = defaultdict(_Scope)
    denied = ended = 0
    for one in sorted(history, key=lambda one: (one.created_at, one.id)):
        scope = scopes[one.app_id if limit.per == "user_app" else None]
        scope.forget_ended(one.created_at)
        over = too_many(limit, len(scope.open)) if one.created_at >= since else 0
        if over > 0 and limit.on_limit == "deny":
            denied += 1
            continue
        for _ in range(over):
            scope.end_first()
            ended += 1
        scope.begin(one, limit)
    return denied, ended


def foretell(
    limit: SessionLimit | None,
    history: list[PastSession],
    *,
    timeouts: OwnTimeouts = NO_TIMEOUTS,
    since: Instant,
    now: Instant,
) -> Sums:
    """What a policy would do to one user. `history` is as `replayed` takes it, up to now.

    Where a session has ended by both time-outs, it is counted for the absolute one, as its `reason_code` would be. Of
    its activities it is known only when the last one was.
    """
    idle = absolute = 0
    held: list[PastSession] = []
    for one in history:
        idle_end, end = ends_by(timeouts, created_at=one.created_at, last_active_at=one.last_active_at)
        over = min((at for at in (idle_end, end, one.ended_at) if at is not None and at <= now), default=None)
        if one.ended_at is None and over is not None:
            is_absolute = end is not None and end <= now
            idle, absolute = idle + (not is_absolute), absolute + is_absolute
        held.append(one._replace(ended_at=over))
    if limit is None:
        return Sums(idle, absolute)
    now_open = [_as_open(one) for one in held if one.ended_at is None]
    return Sums(idle, absolute, len(above_limit(limit, now_open)), *replayed(limit, held, since=since))


def _as_open(one: PastSession) -> OpenSession:
    return OpenSession(one.id, one.app_id, one.created_at, one.last_active_at)
