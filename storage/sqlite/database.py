"""SQLite: a file in WAL mode, one writer and one reader per process.

Reads take some tens of microseconds and run in the event loop, on a connection that cannot write. Writes go
through one `Writer` that groups what is waiting into one transaction, so the fsync that makes a write durable is
paid once for the group. Nothing is acknowledged before its COMMIT has returned.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from sojourn.domain.errors import Unavailable
from sojourn.storage.database import Database, Load
from sojourn.storage.sqlite.connections import connect
from sojourn.storage.sqlite.failures import is_in_the_way, unavailable
from sojourn.storage.sqlite.long_reads import LongReads
from sojourn.storage.sqlite.reader import SqliteReader
from sojourn.storage.sqlite.schema import prepare
from sojourn.storage.sqlite.writer import Writer
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import Runner, SystemUnit

T = TypeVar("T")

_READER_WAIT_SECONDS = 0.05


class SqliteDatabase(Database):
    """An open file."""

    engine = "sqlite"

    def __init__(self, reader: sqlite3.Connection, writer: Writer, *, long_reads: LongReads) -> None:
        self.touches = Touches()
        self._reader = SqliteReader(reader)
        self._connection = reader
        self._writer = writer
        self._long_reads = long_reads

    @classmethod
    async def connect(cls, path: Path, busy_timeout: timedelta = timedelta(seconds=5)) -> "SqliteDatabase":
        """Open a file, making file and tables that are missing.

        `busy_timeout` is how long a write waits for another process. Raises SchemaMismatch for a file of another
        release, Unavailable when it is locked for longer or its disk is full.
        """
        try:
            prepare(path, busy_timeout.total_seconds())
        except OperationalError as error:
            if is_in_the_way(error.orig):
                raise Unavailable() from error
            raise
        reader = connect(path, _READER_WAIT_SECONDS)
        reader.execute("PRAGMA query_only = ON")
        writer = connect(path, 0)
        # Each job's savepoint keeps the pages as they were. In a file (the default) that is half of all bytes written.
        writer.execute("PRAGMA temp_store = MEMORY")
        long_reads = LongReads(path, wait_seconds=busy_timeout.total_seconds())
        return cls(reader, Writer(writer, busy_timeout.total_seconds()), long_reads=long_reads)

    async def close(self) -> None:
        """Finish the writes that wait, then close the file."""
        await self._writer.close()
        await self._long_reads.close()
        self._connection.close()

    async def _read(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        try:
            return await attempt(self._reader)
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error

    async def _read_long(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        try:
            return await self._long_reads.run(attempt)
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemUnit]:
        """A unit that reads what belongs to no tenant."""
        try:
            yield SystemUnit(self._reader)
        except sqlite3.OperationalError as error:
            raise unavailable(error) from error

    async def _write(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        return await self._writer.submit(attempt)

    async def write_system(self, work: Callable[[SystemUnit], Awaitable[T]]) -> T:
        """The same for what belongs to no tenant."""
        return await self._writer.submit(lambda runner: work(SystemUnit(runner)))

    async def create_partitions(self, since: datetime, until: datetime) -> None:
        """Nothing to do: a file has no partitions."""

    async def drop_partitions(self, before: datetime) -> int:
        """Nothing to do either."""
        return 0

    def load(self) -> Load:
        """The writes that wait."""
        return Load(writes_waiting=self._writer.waiting)

    async def is_reachable(self) -> bool:
        """Whether the database answers now."""
        try:
            self._connection.execute("SELECT count(*) FROM tenants").fetchone()
        except sqlite3.Error:
            return False
        return True
