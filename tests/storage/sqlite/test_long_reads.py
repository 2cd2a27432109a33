"""Long reads: beside all others, one after the other, and ended when nobody waits for them any more."""

import asyncio
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any, cast

import pytest

from sojourn.domain.values import Tenant
from sojourn.storage.engines import open_database
from sojourn.storage.queries import tenants
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import T0

ACME = Tenant("acme")


class Counting:
    """A statement that counts up to a number: it takes as long as one likes."""

    def __init__(self, rows: int) -> None:
        self._text = (
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT max(i) FROM n"
        )

    def text(self, _: Any) -> str:
        return self._text


def counting(rows: int) -> Statement:
    return cast(Statement, Counting(rows))


async def longest_pause(seconds: float) -> float:
    """The longest time that the loop did nothing else, looked at for so long."""
    longest, end = 0.0, time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        await asyncio.sleep(0.001)
        longest = max(longest, time.monotonic() - begun)
    return longest


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """A file of its own, with the tables."""
    shutil.copy(migrated_file, tmp_path / "sojourn.db")
    return f"sqlite:///{tmp_path}/sojourn.db"


def test_the_loop_goes_on_while_a_long_read_runs(url: str) -> None:
    async def run() -> None:
        database = await open_database(url)
        begun = time.monotonic()
        reading = asyncio.create_task(database.read_long(ACME, lambda unit: unit.one(counting(4_000_000))))
        longest = 0.0
        while not reading.done():
            longest = max(longest, await longest_pause(0.02))
        took = time.monotonic() - begun

        assert await reading == (4_000_000,)
        assert longest < took / 3
        await database.close()

    asyncio.run(run())


def test_a_long_read_that_nobody_waits_for_ends_and_the_next_one_runs(url: str) -> None:
    async def count_for_ever(unit: UnitOfWork) -> Any:
        with unit.snapshot():
            return await unit.one(counting(10**12))

    async def run() -> None:
        database = await open_database(url)
        reading = asyncio.create_task(database.read_long(ACME, count_for_ever))
        await asyncio.sleep(0.2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

        assert await asyncio.wait_for(database.read_long(ACME, lambda unit: unit.all(counting(3))), 30) == [(3,)]
        await database.close()

    asyncio.run(run())


def test_a_database_closes_while_something_is_read(url: str) -> None:
    async def run() -> None:
        database = await open_database(url)
        reading = asyncio.create_task(database.read_long(ACME, lambda unit: unit.one(counting(10**12))))
        await asyncio.sleep(0.2)
        await database.close()
        with pytest.raises(sqlite3.OperationalError):
            await reading

    asyncio.run(run())


def test_a_long_read_sees_what_was_acknowledged_before_and_writes_nothing(url: str) -> None:
    async def make(unit: UnitOfWork) -> None:
        await tenants.ensure(unit, T0)

    async def run() -> None:
        database = await open_database(url)
        assert not await database.read_long(ACME, tenants.exists)
        await database.write(ACME, make)

        assert await database.read_long(ACME, tenants.exists)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await database.read_long(ACME, make)
        await database.close()

    asyncio.run(run())
