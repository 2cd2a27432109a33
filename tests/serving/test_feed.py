"""Whoever follows the feed is told each event behind the cursor once and in order, whatever happens meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import NamedTuple

import pytest

from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.cursors import Cursor
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.handlers.feed import Wanted
from sojourn.serving import feed as serving
from sojourn.serving import feed_window
from sojourn.serving.feed import Feed
from sojourn.storage.database import Database
from sojourn.storage.engines import open_database
from sojourn.storage.queries import events, feed
from sojourn.storage.queries.events import EVERY_TENANT, Event, EventType

SECONDS = 120
"""How long is waited at most for what must happen."""
TENANTS = ("acme", "globex", "initech")
TYPES: tuple[EventType, ...] = ("session.created", "session.ended", "tokens.refused")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_database(url, timedelta(seconds=30))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def running(database: Callable[[], Database]) -> AsyncIterator[Feed]:
    """A feed that looks, until it is left."""
    made = Feed(database, utc_now, retention=timedelta(hours=168))
    await made.follow(database())
    looking = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        made.end()
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def tell(database: Database, tenant: str, *types: EventType) -> None:
    """Events of a tenant, or of every tenant, in one transaction."""
    told = [Event(name, to_text(utc_now()), user_id="ann") for name in types]
    if tenant == EVERY_TENANT:
        await database.write_system(lambda unit: events.tell_all_tenants(unit, told[0]))
    else:
        await database.write(Tenant(TenantId(tenant)), lambda unit: events.tell(unit, told))


class Told(NamedTuple):
    """What somebody wanted behind a number, and the numbers of what came."""

    wanted: Wanted
    after: int
    numbers: list[int]


class Followers:
    """Readers who begin and pause at random, as pages, long polls and streams do."""

    def __init__(self, made: Feed, dice: random.Random) -> None:
        self._feed = made
        self._dice = dice
        self.cursors: list[Cursor] = []
        self.told: list[Told] = []
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        dice = self._dice
        tenants = (
            None if dice.random() < 0.3 else tuple(map(TenantId, sorted(dice.sample(TENANTS, dice.randint(1, 3)))))
        )
        types = frozenset(dice.sample(TYPES, dice.randint(0, 2)))
        start = dice.choice(self.cursors) if self.cursors and dice.random() < 0.7 else None
        told = Told(Wanted(tenants, types), 0 if start is None else start.number, [])
        self.told.append(told)
        self.tasks.append(asyncio.create_task(self._follow(told, start, polls=dice.random() < 0.4)))

    async def _follow(self, told: Told, start: Cursor | None, *, polls: bool) -> None:
        dice = random.Random(self._dice.random())
        limit = dice.choice((1, 2, 7, 100))
        page = await self._feed.page(told.wanted, start, limit=limit, wait_seconds=0)
        while True:
            told.numbers.extend(row.number for row in page.rows)
            self.cursors.append(page.cursor)
            if self._feed.has_ended and not page.has_more:
                return
            if dice.random() < 0.2:
                await asyncio.sleep(dice.random() * 0.2)
            wait = 0.0 if page.has_more else dice.choice((0.01, 0.1, 30.0))
            follow = self._feed.page if polls else self._feed.following
            page = await follow(told.wanted, page.cursor, limit=limit, wait_seconds=wait)


def wants(wanted: Wanted, tenant: str, kind: str) -> bool:
    is_of = wanted.tenants is None or tenant == EVERY_TENANT or tenant in wanted.tenants
    return is_of and (not wanted.types or kind in wanted.types)


@pytest.mark.parametrize("seed", range(3))
def test_readers_miss_nothing_and_hear_nothing_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The memory is so small that readers fall out of it and come back, and another process writes as well."""
    dice = random.Random(seed)
    monkeypatch.setattr(feed_window, "KEPT_ROWS", dice.choice((1, 5, 40)))
    monkeypatch.setattr(feed_window, "KEPT_SECONDS", dice.choice((0.0, 0.1, 10.0)))
    monkeypatch.setattr(serving, "READ_AT_ONCE", dice.choice((1, 3, 500)))

    async def work() -> None:
        async with opened(database_url) as own, opened(database_url) as other, running(lambda: own) as made:
            followers = Followers(made, dice)
            for _ in range(60):
                match dice.randrange(4):
                    case 0:
                        followers.begin()
                    case 1:
                        await asyncio.sleep(dice.random() * 0.05)
                    case _:
                        tenant = EVERY_TENANT if dice.random() < 0.1 else dice.choice(TENANTS)
                        types = dice.choices(TYPES, k=dice.choice((1, 1, 2, 12)))
                        await tell(dice.choice((own, other)), tenant, *types)
            ends, _ = await made.ends()
            rows = await own.read(
                feed.EVERYBODY, lambda unit: feed.read(unit, frozenset(), after=0, until=ends.newest, limit=10_000)
            )
            expected = [
                [row.number for row in rows if row.number > told.after and wants(told.wanted, row.tenant_id, row.type)]
                for told in followers.told
            ]
            async with asyncio.timeout(SECONDS):
                while any(
                    len(told.numbers) < len(wanted) for told, wanted in zip(followers.told, expected, strict=True)
                ):
                    assert not any(task.done() for task in followers.tasks), [t for t in followers.tasks if t.done()]
                    await asyncio.sleep(0.02)
                made.end()
                await asyncio.gather(*followers.tasks)
            assert [told.numbers for told in followers.told] == expected
            assert any(expected)

    asyncio.run(work())


@pytest.mark.parametrize("seconds", [0, 0.001, 0.02, 0.2])
def test_a_page_holds_what_was_committed_before_it_was_asked_for(database_url: str, seconds: float) -> None:
    """However short it waits, and although another process committed it."""
    wanted = Wanted(None)

    async def work() -> None:
        async with opened(database_url) as own, opened(database_url) as other, running(lambda: own) as made:
            cursor = (await made.page(wanted, None, limit=1, wait_seconds=0)).cursor
            for _ in range(3):
                quiet = await made.page(wanted, cursor, limit=1, wait_seconds=0.15)
                assert (quiet.rows, quiet.has_more) == ([], False)
                await tell(other, "acme", *TYPES)
                found: list[int] = []
                has_more, cursor = True, quiet.cursor
                while has_more:
                    page = await made.page(wanted, cursor, limit=2, wait_seconds=seconds)
                    found += [row.number for row in page.rows]
                    has_more, cursor = page.has_more, page.cursor
                assert len(found) == len(TYPES)

    asyncio.run(work())


def test_however_many_wait_an_event_is_read_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_window, "KEPT_SECONDS", 600.0)
    monkeypatch.setattr(serving, "FRESH_SECONDS", 600.0)
    readers: set[asyncio.Task[None] | None] = set()
    asked = 0

    async def work() -> None:
        async with opened(database_url) as database:

            def use() -> Database:
                nonlocal asked
                asked += asyncio.current_task() in readers
                return database

            async def read(page_number: int, *, polls: bool) -> None:
                wanted = Wanted((TenantId("acme"),) if page_number % 2 else None)
                page = await made.page(wanted, None, limit=100, wait_seconds=0)
                at_start.append(page_number)
                follow = made.page if polls else made.following
                while len(told[page_number]) < 6:
                    page = await follow(wanted, page.cursor, limit=100, wait_seconds=30)
                    told[page_number] += [row.number for row in page.rows]

            async with running(use) as made:
                at_start: list[int] = []
                told: dict[int, list[int]] = {number: [] for number in range(100)}
                tasks = [asyncio.create_task(read(number, polls=number % 3 == 0)) for number in told]
                async with asyncio.timeout(SECONDS):
                    while len(at_start) < len(told) or not made.is_followed_by(len(told)):
                        await asyncio.sleep(0.01)
                    readers.update(tasks)
                    for _ in range(3):
                        await tell(database, "acme", "session.created", "session.ended")
                    await asyncio.gather(*tasks)
                assert set(map(tuple, told.values())) == {(1, 2, 3, 4, 5, 6)}
                assert asked == 0

    asyncio.run(work())


def test_only_those_wake_for_whom_an_event_is(database_url: str) -> None:
    """A busy tenant costs the readers of the others nothing."""

    async def work() -> None:
        async with opened(database_url) as database, running(lambda: database) as made:
            page = await made.page(Wanted(None), None, limit=1, wait_seconds=0)

            async def wait(wanted: Wanted) -> list[str]:
                found = await made.page(wanted, page.cursor, limit=1, wait_seconds=SECONDS)
                return [row.tenant_id for row in found.rows]

            of = {name: asyncio.create_task(wait(Wanted((TenantId(name),)))) for name in TENANTS}
            other_type = asyncio.create_task(wait(Wanted(None, frozenset({"session.ended"}))))
            async with asyncio.timeout(SECONDS):
                while not made.is_followed_by(len(of) + 1):
                    await asyncio.sleep(0.01)
                await tell(database, "globex", "session.created")
                assert await of["globex"] == ["globex"]
                assert not any(task.done() for task in (of["acme"], of["initech"], other_type))
                await tell(database, EVERY_TENANT, "session.ended")
                assert await asyncio.gather(of["acme"], of["initech"], other_type) == [[EVERY_TENANT]] * 3

    asyncio.run(work())
