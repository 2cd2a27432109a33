"""Status lists in a worker: who gets which place, and what the lists say (draft-ietf-oauth-status-list-20).

A worker takes many positions at once, so that sign-ins do not wait for each other at a counter. A list is written from
the events that refuse sessions, when somebody asks for it and something has happened.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sojourn.domain.clock import Clock, to_text
from sojourn.domain.cursors import Cursor
from sojourn.domain.ids import SessionKey
from sojourn.domain.sessions import FOREVER
from sojourn.domain.status_lists import INDEX_BITS, INVALID, SIZE, STATUS_BITS, SUSPENDED, encoded, place, retires_at
from sojourn.domain.status_lists import week_of as week_of_session
from sojourn.domain.values import tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import status_lists
from sojourn.storage.queries.status_lists import Refusal, StatusList
from sojourn.storage.unit_of_work import UnitOfWork

TAKEN_AT_ONCE = 256
"""So many positions a worker takes; those that are left when it stops are not used."""
TTL = timedelta(minutes=1)
"""For so long who has a list need not ask again."""
EXPIRY = timedelta(minutes=10)
"""After that a list must not be relied upon: who cannot ask again refuses."""
FEW, REST_SECONDS = 2000, 1.0
"""A list of more refusals is written again after a while only, so that nobody keeps a worker busy by asking."""
_MOST_KEPT = 1000
_STATUSES = {"session.ended": INVALID, "session.suspended": SUSPENDED}

Sign = Callable[..., Awaitable[str]]
_Of = tuple[str, str, int]


class _Written(NamedTuple):
    """A list as it was written: with all events up to a cursor, at `now`; until `rests_until` it is not asked again."""

    text: bytes
    until: Cursor
    now: datetime
    rests_until: float


class StatusLists:
    """The places of sessions, and the lists. Without a URL there are none."""

    def __init__(
        self,
        database: Callable[[], Database],
        ends: Callable[[], Awaitable[Cursor]],
        *,
        sign: Sign,
        clock: Clock,
        url: str | None,
        longest: timedelta,
    ) -> None:
        """`url` is where the lists are, `longest` how long a session lasts at most, `ends` says where the feed ends."""
        self._database = database
        self._ends = ends
        self._sign = sign
        self._clock = clock
        self._url = url
        self._longest = longest
        self._next = self._last = 0
        self._known: dict[_Of, StatusList] = {}
        self._written: dict[str, _Written] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def place(self, unit: UnitOfWork, key: SessionKey) -> int | None:
        """A place for a session that is about to be written in this unit; its list is made when it is new."""
        if self._url is None:
            return None
        position = await self._position(unit)
        block, low = divmod(position, SIZE)
        of = (unit.tenant.id, week_of_session(key), block)
        found = self._known.get(of)
        if found is None:
            now = to_text(self._clock())
            found = await status_lists.ensure(unit.system(), of[0], week=of[1], block=block, now=now)
            unit.after_commit(partial(self._know, of, found))
        return block << INDEX_BITS | place(bytes.fromhex(found.secret), low)

    async def claim(self, unit: UnitOfWork, key: SessionKey, *, index: int) -> dict[str, Any] | None:
        """The claim `status` of a session's tokens (section 6.2); None for a session that stands in no list."""
        if self._url is None:
            return None
        of = (unit.tenant.id, week_of_session(key), index >> INDEX_BITS)
        found = self._known.get(of)
        if found is None:
            found = await status_lists.find(unit.system(), of[0], week=of[1], block=of[2])
            if found is None:
                return None
            unit.after_commit(partial(self._know, of, found))
        return {"status_list": {"idx": index % SIZE, "uri": self._address(found.id)}}

    async def addresses(self) -> list[str]:
        """Where the lists are that may still be needed."""
        if self._url is None:
            return []
        async with self._database().system() as unit:
            found = await status_lists.weeks_of_all(unit)
        return [self._address(key) for key, week in found if not self._is_over(week)]

    async def text(self, list_id: str) -> bytes | None:
        """A list, signed, that says what was refused when it was asked for; None where there is no such list."""
        async with self._database().system() as unit:
            found = await status_lists.get(unit, list_id)
        if found is None or self._url is None or self._is_over(found.week):
            return None
        async with self._locks.setdefault(found.id, asyncio.Lock()):
            written = await self._write(found, self._written.pop(found.id, None))
            self._written[found.id] = written
            if len(self._written) > _MOST_KEPT:
                self._written.pop(oldest := next(iter(self._written)))
                self._locks.pop(oldest, None)
        return written.text

    async def retire(self) -> None:
        """Delete the lists that nobody needs any more."""
        week = (self._clock() - self._longest - timedelta(weeks=1)).date().isoformat()
        await self._database().write_system(partial(status_lists.retire, before=week))

    async def _write(self, of: StatusList, before: _Written | None) -> _Written:
        now, clock = self._clock(), asyncio.get_running_loop().time
        is_good = before is not None and timedelta(0) <= now - before.now < TTL
        if is_good and before is not None and clock() < before.rests_until:
            return before
        until = await self._ends()
        if is_good and before is not None and until == before.until:
            return before
        instant = to_text(now)
        refused = await self._database().read_long(
            tenant(of.of_tenant), lambda unit: status_lists.refused(unit, instant)
        )
        entries = await asyncio.to_thread(_encoded, of, refused, now=instant)
        issued = int(now.timestamp())
        text = await self._sign(
            {
                "sub": self._address(of.id),
                "iat": issued,
                "exp": issued + int(EXPIRY.total_seconds()),
                "ttl": int(TTL.total_seconds()),
                "status_list": {"bits": STATUS_BITS, "lst": entries, "aggregation_uri": self._url},
            },
            now=now,
        )
        return _Written(text.encode(), until, now, clock() + (REST_SECONDS if len(refused) > FEW else 0.0))

    async def _position(self, unit: UnitOfWork) -> int:
        if self._next < self._last:
            self._next += 1
            return self._next - 1
        first = await status_lists.take_positions(unit.system(), TAKEN_AT_ONCE)
        unit.after_commit(partial(self._take, first + 1, first + TAKEN_AT_ONCE))
        return first

    async def _take(self, first: int, last: int) -> None:
        self._next, self._last = first, last

    async def _know(self, of: _Of, found: StatusList) -> None:
        if len(self._known) >= _MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known[of] = found

    def _is_over(self, week: str) -> bool:
        return retires_at(week, self._longest) <= self._clock()

    def _address(self, list_id: str) -> str:
        return f"{self._url}/{list_id}"


def _status(row: Refusal, now: str) -> int | None:
    """What an event makes of a session at an instant; None where it refuses nothing."""
    said = json.loads(row.data) if row.type == "session.suspended" and row.data else {}
    if said.get("until", FOREVER) > now:
        return _STATUSES.get(row.type)
    return INVALID if said["then"] == "revoke" else None


def _encoded(of: StatusList, refused: list[Refusal], *, now: str) -> str:
    """The entries of a list at an instant. A session that ended is not suspended any more."""
    statuses: dict[int, int] = {}
    for row in refused:
        block, index = divmod(row.status_index, SIZE)
        status = _status(row, now)
        if status is None or block != of.block or week_of_session(SessionKey(row.session_id)) != of.week:
            continue
        if statuses.get(index) != INVALID:
            statuses[index] = status
    return encoded(statuses)
