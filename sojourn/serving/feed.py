"""The feed of events in a worker: those who wait for events hold no connection, and hear of them at once.

A commit of this process wakes them; what other processes commit is looked for ten times a second, while somebody
waits. On PostgreSQL this is also who numbers: a worker numbers what it has committed, and whoever reads numbers what is
left, so that an answer holds everything that was committed before it was asked for.
"""

import asyncio
import heapq
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from sojourn.domain.clock import Clock, Instant, to_text
from sojourn.domain.cursors import Cursor
from sojourn.domain.errors import CursorExpired, Unavailable
from sojourn.domain.values import Tenant
from sojourn.handlers.feed import Page, Snapshot, Wanted
from sojourn.storage.database import Database
from sojourn.storage.queries import epochs, feed
from sojourn.storage.queries.feed import EVERYBODY, Ends, EventRow
from sojourn.storage.unit_of_work import UnitOfWork

LOOK_SECONDS = 0.1
"""How often events of other processes are looked for while somebody waits."""
NUMBER_SECONDS = 0.05
"""A worker that commits all the time numbers this often."""

BEGINNING = "1970-01-01T00:00:00.000Z"
"""The instant of a feed in which nothing has happened."""

logger = logging.getLogger("sojourn")


class Feed:
    """Reads events, for requests and streams. `end` wakes everybody who waits, for good."""

    def __init__(self, database: Callable[[], Database], clock: Clock, *, retention: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._retention = retention
        self._heard = asyncio.Event()
        self._moved = asyncio.Event()
        self._newest = 0
        self._known = Ends(oldest=0, newest=0, as_of=None, epoch="", is_any_waiting=False), Instant("")
        self._waiting = 0
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
        self._moved.set()

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
            await asyncio.wait_for(self._heard.wait(), LOOK_SECONDS - NUMBER_SECONDS if self._waiting else None)
            self._heard.clear()
            return True
        return False

    async def _look(self, *, is_heard: bool) -> None:
        if is_heard and not await self._database().number_events(wait=False):
            self._heard.set()  # another process numbers, perhaps without what was committed here: once more
        if self._waiting:
            await self.ends()

    def _move_to(self, newest: int) -> None:
        if newest != self._newest:
            self._newest = newest
            self._moved.set()
            if not self.has_ended:
                self._moved = asyncio.Event()

    async def _wait(self, after: int, *, seconds: float) -> None:
        """Wait until there are events behind a number, or for some seconds, or until the worker is about to stop."""
        self._waiting += 1
        self._heard.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self._newest <= after and not self.has_ended:
                        await self._moved.wait()
        finally:
            self._waiting -= 1

    async def ends(self) -> tuple[Ends, Instant]:
        """Where the feed ends, and the instant until which everything that was committed is in it."""
        database, as_of = self._database(), to_text(self._clock())
        ends = await database.read(EVERYBODY, feed.ends)
        if ends.is_any_waiting:
            await database.number_events()
            ends = await database.read(EVERYBODY, feed.ends)
        self._known = ends, as_of
        self._move_to(ends.newest)
        return self._known

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

        Raises CursorExpired, Unavailable.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait_seconds
        ends, as_of = await self.ends()
        number = await self._start(after, ends)
        page = await self._read_page(wanted, number, ends=ends, as_of=as_of, limit=limit)
        while not page.rows and (left := deadline - clock()) > 0 and not self.has_ended:
            page = await self.following(wanted, page.cursor, limit=limit, wait_seconds=left)
        return page

    async def following(self, wanted: Wanted, after: Cursor, *, limit: int, wait_seconds: float) -> Page:
        """The same behind the cursor of a page that was just read. While nothing happens it asks nothing.

        It may come early and hold nothing. Raises CursorExpired where the database was restored meanwhile, or where the
        reader was so slow that events behind the cursor are gone; Unavailable.
        """
        if wait_seconds > 0:
            await self._wait(after.number, seconds=wait_seconds)
        ends, as_of = self._known
        if ends.epoch != after.epoch:
            ends, as_of = await self.ends()
        if ends.epoch != after.epoch or after.number < ends.oldest - 1:
            raise CursorExpired()
        return await self._read_page(wanted, after.number, ends=ends, as_of=as_of, limit=limit)

    async def _read_page(self, wanted: Wanted, number: int, *, ends: Ends, as_of: Instant, limit: int) -> Page:
        rows = await self._read(wanted, after=number, until=ends.newest, limit=limit + 1)
        has_more = len(rows) > limit
        last = rows[limit - 1].number if has_more else max(number, ends.newest)
        return Page(rows[:limit], Cursor(ends.epoch, last), has_more, as_of)

    async def _read(self, wanted: Wanted, *, after: int, until: int, limit: int) -> list[EventRow]:
        """Events with numbers after one and up to another."""
        if after >= until:
            return []

        def some(unit: UnitOfWork) -> Awaitable[list[EventRow]]:
            return feed.read(unit, wanted.types, after=after, until=until, limit=limit)

        return (await self._of_each(wanted, some))[:limit]

    async def snapshot(self, wanted: Wanted) -> Snapshot:
        """What a verifier of tokens must know at the feed's end. Raises Unavailable."""
        ends, _ = await self.ends()
        as_of = Instant(ends.as_of or BEGINNING)

        def some(unit: UnitOfWork) -> Awaitable[list[EventRow]]:
            return feed.live(unit, until=ends.newest, instant=as_of)

        rows = await self._of_each(wanted, some, is_long=True)
        return Snapshot(rows, Cursor(ends.epoch, ends.newest), as_of)

    async def _of_each(
        self, wanted: Wanted, some: Callable[[UnitOfWork], Awaitable[list[EventRow]]], *, is_long: bool = False
    ) -> list[EventRow]:
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


def _number(row: EventRow) -> int:
    return row.number
