"""The feed of events in a worker: those who wait for events hold no connection, and hear of them at once.

A commit of this process wakes them; what other processes commit is looked for ten times a second, while somebody
waits. New events are read once, for everybody: who waits is given them from memory (`Window`), and who is too far
behind for that reads the database until the memory begins. On PostgreSQL this is also who numbers: a worker numbers
what it has committed, and whoever reads numbers what is left, so that an answer holds everything that was committed
before it was asked for.
"""

import asyncio
import heapq
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from typing import Any, TypeVar

from sojourn.domain.clock import Clock, Instant, to_text
from sojourn.domain.cursors import Cursor
from sojourn.domain.errors import CursorExpired, Unavailable
from sojourn.domain.values import Tenant
from sojourn.handlers.feed import Page, Snapshot, Wanted
from sojourn.serving import feed_window
from sojourn.serving.feed_readers import Readers
from sojourn.serving.feed_window import Window
from sojourn.storage.database import Database
from sojourn.storage.queries import epochs, feed, revocation_plans, tightenings
from sojourn.storage.queries.feed import EVERYBODY, Ends, EventRow, LiveRow
from sojourn.storage.unit_of_work import UnitOfWork

Row = TypeVar("Row", EventRow, LiveRow)

LOOK_SECONDS = 0.1
"""How often events of other processes are looked for while somebody waits."""
NUMBER_SECONDS = 0.05
"""A worker that commits all the time numbers this often."""
FRESH_SECONDS = 1.0
"""For so long after a look who waits need not ask the database whether there is something to wait for."""
READ_AT_ONCE = 500
"""So many events are read by one statement, and told before the next ones are read."""

BEGINNING = "1970-01-01T00:00:00.000Z"
"""The instant of a feed in which nothing has happened."""

EVERYTHING = Wanted(None)

logger = logging.getLogger("sojourn")


class Feed:
    """Reads events, for requests and streams. `end` wakes everybody who waits, for good."""

    def __init__(self, database: Callable[[], Database], clock: Clock, *, retention: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention
        self._heard = asyncio.Event()
        self._window = Window()
        self._readers = Readers()
        self._known = Ends(oldest=0, newest=0, as_of=None, epoch="", is_any_waiting=False), Instant("")
        self._is_followed = False
        self._looked_at = -FRESH_SECONDS
        self.has_ended = False

    async def follow(self, database: Database) -> None:
        """Listen to a database that was opened. Raises Unavailable."""
        async with database.system() as unit:
            is_new = not await epochs.has_first(unit)
        if is_new:
            text = secrets.token_hex(16)
            await database.write_system(lambda unit: epochs.begin_first(unit, text))
        database.listeners.add(self._heard.set)
        self._heard.set()

    def end(self) -> None:
        """The worker is about to stop: whoever waits is answered now."""
        self.has_ended = True
        self._readers.wake_all()

    def is_followed_by(self, number: int) -> bool:
        """Whether so many wait, and what comes is read for them."""
        return len(self._readers) >= number and self._is_followed

    def load(self) -> tuple[int, float]:
        """How many wait, and for how many seconds they have not known whether there is something new."""
        age = asyncio.get_running_loop().time() - self._looked_at
        return len(self._readers), age if self._readers else 0.0

    async def run(self) -> None:
        """Number and look, until cancelled. No failure ends it."""
        while True:
            try:
                await self._look(is_heard=await self._hear())
            except Unavailable:
                logger.debug("the feed found the database busy")
            except Exception:
                logger.exception("the feed of events failed; it goes on")
            await asyncio.sleep(NUMBER_SECONDS)

    async def _hear(self) -> bool:
        """Wait until something was committed here; while somebody waits for events, until the next look at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), LOOK_SECONDS - NUMBER_SECONDS if self._readers else None)
            self._heard.clear()
            return True
        return False

    async def _look(self, *, is_heard: bool) -> None:
        if is_heard and not await self._database().number_events(wait=False):
            self._heard.set()  # another process numbers, perhaps without what was committed here: once more
        if self._readers:
            await self._follow()
        else:
            self._is_followed = False

    async def _follow(self) -> None:
        """Read what is new into the memory, and wake those for whom something of it is."""
        window, now = self._window, asyncio.get_running_loop().time
        begun = now()
        ends, as_of = await self.ends()
        if not self._is_followed or ends.epoch != self._known[0].epoch or ends.newest < window.end:
            self._known, self._is_followed = (ends, as_of), True
            self._begin_at(ends.newest)
        if ends.newest - window.end > feed_window.KEPT_ROWS:
            self._begin_at(ends.newest - feed_window.KEPT_ROWS)
        while window.end < ends.newest:
            rows = await self._read(EVERYTHING, after=window.end, until=ends.newest, limit=READ_AT_ONCE)
            until = rows[-1].number if len(rows) == READ_AT_ONCE else ends.newest
            window.add(rows, until=until, now=now())
            await self._readers.wake(rows)
        window.forget(now() - feed_window.KEPT_SECONDS)
        self._known, self._looked_at = (ends, as_of), begun

    def _begin_at(self, number: int) -> None:
        """Remember what comes after a number. Who waits for what is before it reads the database."""
        self._window.begin(number)
        self._readers.wake_all()

    async def _wait(self, wanted: Wanted, after: int, *, seconds: float) -> None:
        """Wait until events behind a number may be there, or for some seconds, or until the worker is about to stop."""
        window = self._window
        if self.has_ended or not window.holds(after) or window.behind(after, wanted, limit=1):
            return
        with self._readers.waiting(wanted) as waiter, suppress(TimeoutError):
            if len(self._readers) == 1:
                self._heard.set()
            await asyncio.wait_for(waiter, seconds)

    async def ends(self) -> tuple[Ends, Instant]:
        """Where the feed ends, and the instant until which everything that was committed is in it."""
        database, as_of = self._database(), to_text(self._clock())
        ends = await database.read(EVERYBODY, feed.ends)
        if ends.is_any_waiting:
            await database.number_events()
            ends = await database.read(EVERYBODY, feed.ends)
        return ends, as_of

    async def end_of_all(self) -> Cursor:
        """The cursor behind everything that was committed. Raises Unavailable."""
        ends, _ = await self.ends()
        return Cursor(ends.epoch, ends.newest)

    async def _start(self, after: Cursor | None, ends: Ends) -> int:
        """The number after which a reader goes on. Raises CursorExpired."""
        since = to_text(self._clock() - self._retention)
        if after is None:
            found = await self._database().read(EVERYBODY, lambda unit: feed.before_first(unit, since))
            return ends.newest if found is None else found
        if after.epoch != ends.epoch or not ends.oldest - 1 <= after.number <= ends.newest:
            raise CursorExpired()
        if not await self._database().read(EVERYBODY, lambda unit: feed.is_kept(unit, after.number, since=since)):
            raise CursorExpired()
        return after.number

    async def page(self, wanted: Wanted, after: Cursor | None, *, limit: int, wait_seconds: float) -> Page:
        """Up to `limit` events behind a cursor, from the oldest on without one; where there are none, perhaps later.

        However short the wait, it holds what was committed before it was asked for. Raises CursorExpired, Unavailable.
        """
        clock = asyncio.get_running_loop().time
        begun = clock()
        deadline = begun + wait_seconds
        page = None
        if after is not None and wait_seconds > 0 and self._is_fresh(after):
            page = self._empty_page(wanted, after)
        is_from_memory = page is not None
        if page is None:
            page = await self._first_page(wanted, after, limit=limit)
        while not page.rows and (left := deadline - clock()) > 0 and not self.has_ended:
            page = await self.following(wanted, page.cursor, limit=limit, wait_seconds=left)
        if is_from_memory and not page.has_more and self._looked_at < begun:
            page = await self._first_page(wanted, after, limit=limit)
        return page

    def _empty_page(self, wanted: Wanted, after: Cursor) -> Page | None:
        """A page without events, where the memory says that there are none; None where it does not."""
        window = self._window
        if not window.holds(after.number) or window.behind(after.number, wanted, limit=1):
            return None
        return Page([], Cursor(after.epoch, window.end), has_more=False, as_of=self._known[1])

    async def _first_page(self, wanted: Wanted, after: Cursor | None, *, limit: int) -> Page:
        ends, as_of = await self.ends()
        start = Cursor(ends.epoch, await self._start(after, ends))
        rows = await self._read(wanted, after=start.number, until=ends.newest, limit=limit + 1)
        return _page(rows, after=start, until=ends.newest, as_of=as_of, limit=limit)

    async def following(self, wanted: Wanted, after: Cursor, *, limit: int, wait_seconds: float) -> Page:
        """The same behind the cursor of a page that was just read. While nothing happens it asks nothing.

        It may come early and hold nothing. Raises CursorExpired where the database was restored meanwhile, or where the
        reader was so slow that events behind the cursor are gone; Unavailable.
        """
        if wait_seconds > 0:
            await self._wait(wanted, after.number, seconds=wait_seconds)
        elif not self._is_fresh(after):
            return await self._read_page(wanted, after, limit=limit)
        (ends, as_of), window = self._known, self._window
        if ends.epoch != after.epoch:
            return await self._read_page(wanted, after, limit=limit)
        if after.number < ends.oldest - 1:
            raise CursorExpired()
        until = window.end
        if window.holds(after.number):
            rows = window.behind(after.number, wanted, limit=limit + 1)
        else:
            rows = await self._read(wanted, after=after.number, until=until, limit=limit + 1)
        return _page(rows, after=after, until=until, as_of=as_of, limit=limit)

    def _is_fresh(self, after: Cursor) -> bool:
        """Whether the memory goes as far as a cursor, and was compared with the database just now."""
        is_known = self._known[0].epoch == after.epoch and self._window.end >= after.number
        return is_known and asyncio.get_running_loop().time() - self._looked_at < FRESH_SECONDS

    async def _read_page(self, wanted: Wanted, after: Cursor, *, limit: int) -> Page:
        """The same from the database, up to its end. Raises CursorExpired, Unavailable."""
        ends, as_of = await self.ends()
        if ends.epoch != after.epoch or after.number < ends.oldest - 1:
            raise CursorExpired()
        rows = await self._read(wanted, after=after.number, until=ends.newest, limit=limit + 1)
        return _page(rows, after=after, until=ends.newest, as_of=as_of, limit=limit)

    async def _read(self, wanted: Wanted, *, after: int, until: int, limit: int) -> list[EventRow]:
        """Events with numbers after one and up to another."""
        if after >= until:
            return []

        def some(unit: UnitOfWork) -> Awaitable[list[EventRow]]:
            return feed.read(unit, wanted.types, after=after, until=until, limit=limit)

        return (await self._of_each(wanted, some))[:limit]

    async def snapshot(self, wanted: Wanted) -> Snapshot:
        """What a verifier of tokens must know at the feed's end, and whom plans have revoked. Raises Unavailable.

        The latter are looked for first: none ends between the two looks without being found by one of them.
        """
        not_told = await self._not_told(wanted)
        ends, _ = await self.ends()
        as_of = Instant(ends.as_of or BEGINNING)

        def some(unit: UnitOfWork) -> Awaitable[list[LiveRow]]:
            return feed.live(unit, until=ends.newest, instant=as_of)

        rows = await self._of_each(wanted, some, is_long=True)
        return Snapshot([*rows, *not_told], Cursor(ends.epoch, ends.newest), as_of, wanted.tenants)

    async def _not_told(self, wanted: Wanted) -> list[LiveRow]:
        """The ends that are in force and stand in no event yet: by a plan, or by a time-out that became shorter."""
        database, now = self._database(), to_text(self._clock())
        found = list[LiveRow]()
        for cause in (revocation_plans, tightenings):
            open_ones = await database.read(EVERYBODY, cause.tenants_with_open_ones)

            def some(unit: UnitOfWork, cause: Any = cause) -> Awaitable[list[LiveRow]]:
                rows: Awaitable[list[LiveRow]] = cause.not_told(unit, number=0, instant=now)
                return rows

            of = [name for name in open_ones if wanted.tenants is None or name in wanted.tenants]
            found += [row for name in of for row in await database.read_long(Tenant(name), some)]
        return found

    async def _of_each(
        self, wanted: Wanted, some: Callable[[UnitOfWork], Awaitable[list[Row]]], *, is_long: bool = False
    ) -> list[Row]:
        """Rows of all tenants at once, or of those that are named, one after the other, in one order."""
        database = self._database()
        read = database.read_long if is_long else database.read
        if wanted.tenants is None:
            return await read(EVERYBODY, some)
        found = [await read(Tenant(name), some) for name in wanted.tenants]
        if len(found) == 1:
            return found[0]
        merged = heapq.merge(*found, key=_number)
        return [next(same) for _, same in groupby(merged, key=_number)]  # what concerns everybody is found by each


def _page(rows: list[EventRow], *, after: Cursor, until: int, as_of: Instant, limit: int) -> Page:
    """A page of `limit` events, given one more than that of those behind `after` and up to `until`, if there are."""
    has_more = len(rows) > limit
    last = rows[limit - 1].number if has_more else max(after.number, until)
    return Page(rows[:limit], Cursor(after.epoch, last), has_more, as_of)


def _number(row: EventRow | LiveRow) -> int:
    return row.number
