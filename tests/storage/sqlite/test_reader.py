"""Reads of one turn of the event loop share a read transaction; each is answered as if it were alone."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, column, func, select, table

from sojourn.storage.sqlite.connections import connect
from sojourn.storage.sqlite.reader import SqliteReader
from sojourn.storage.statements import Statement

_NAMES = table("names", column("id"), column("name"))
NAME = Statement(select(_NAMES.c.name).where(_NAMES.c.id == bindparam("id")))
COUNT = Statement(select(func.count()).select_from(_NAMES))
BROKEN = Statement(select(column("x")).select_from(table("nowhere")))
WAIT_SECONDS = 0.2


class Observed:
    """A file with some rows, a reader on it, and what the reader's connection ran."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = connect(path, 1)
        self.writer.execute("CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT)")
        self.writer.executemany("INSERT INTO names VALUES (?, ?)", [(n, f"name {n}") for n in range(100)])
        self.connection = connect(path, WAIT_SECONDS)
        self.reader = SqliteReader(self.connection)
        self.ran: list[str] = []
        self.connection.set_trace_callback(self.ran.append)

    async def name(self, number: int) -> Any:
        row = await self.reader.one(NAME, {"id": number})
        return None if row is None else row[0]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Observed]:
    observed = Observed(tmp_path / "names.db")
    yield observed
    observed.connection.close()
    observed.writer.close()


def test_reads_side_by_side_share_a_transaction_and_get_their_own_answers(file: Observed) -> None:
    async def scenario() -> list[Any]:
        return await asyncio.gather(*(file.name(number) for number in range(20)))

    assert asyncio.run(scenario()) == [f"name {number}" for number in range(20)]
    assert [sql for sql in file.ran if not sql.startswith("SELECT")] == ["BEGIN", "COMMIT"]


def test_a_read_sees_what_was_committed_before_it_was_asked(file: Observed) -> None:
    async def scenario() -> None:
        for number in range(100, 200):
            file.writer.execute("INSERT INTO names VALUES (?, 'new')", (number,))
            others = [asyncio.ensure_future(file.name(1)) for _ in range(3)]
            assert await file.name(number) == "new"
            await asyncio.gather(*others)

    asyncio.run(scenario())


def test_one_that_fails_fails_alone(file: Observed) -> None:
    async def scenario() -> list[Any]:
        questions = [file.name(1), file.reader.all(BROKEN, {}), file.name(2)]
        return await asyncio.gather(*questions, return_exceptions=True)

    first, broken, second = asyncio.run(scenario())

    assert (first, second) == ("name 1", "name 2")
    assert isinstance(broken, sqlite3.OperationalError)
    assert not file.connection.in_transaction


def test_a_connection_that_was_closed_meanwhile_leaves_nobody_waiting(file: Observed) -> None:
    async def scenario() -> list[Any]:
        asked = [asyncio.ensure_future(file.name(number)) for number in range(3)]
        await asyncio.sleep(0)
        file.connection.close()
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 30)

    assert all(isinstance(answer, sqlite3.ProgrammingError) for answer in asyncio.run(scenario()))


def test_who_has_gone_is_not_waited_for_and_takes_nobody_along(file: Observed) -> None:
    async def scenario() -> Any:
        gone, here = asyncio.ensure_future(file.name(1)), asyncio.ensure_future(file.name(2))
        await asyncio.sleep(0)  # both have asked
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await here

    assert asyncio.run(scenario()) == "name 2"


def test_statements_of_a_snapshot_see_its_instant(file: Observed) -> None:
    async def scenario() -> None:
        with file.reader.snapshot():
            before = await file.reader.one(COUNT, {})
            file.writer.execute("INSERT INTO names VALUES (1000, 'new')")
            assert await file.reader.one(COUNT, {}) == before == (100,)
        assert await file.reader.one(COUNT, {}) == (101,)

    asyncio.run(scenario())


def test_a_locked_file_is_waited_for_once_and_not_by_each(file: Observed) -> None:
    """An exclusive lock, as a recovery or another program may hold it."""
    file.connection.close()
    file.writer.execute("PRAGMA journal_mode = DELETE")
    file.writer.execute("BEGIN EXCLUSIVE")
    reader = SqliteReader(sqlite3.connect(file.path, timeout=WAIT_SECONDS, isolation_level=None))

    async def scenario() -> list[Any]:
        return await asyncio.gather(*(reader.one(COUNT, {}) for _ in range(60)), return_exceptions=True)

    began = time.monotonic()
    answers = asyncio.run(scenario())

    assert {getattr(answer, "sqlite_errorcode", None) for answer in answers} == {sqlite3.SQLITE_BUSY}
    assert time.monotonic() - began < 60 * WAIT_SECONDS / 2
    file.writer.execute("COMMIT")
    assert asyncio.run(scenario()) == [(100,)] * 60
    reader.connection.close()
