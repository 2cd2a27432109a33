"""SQLite: a file in WAL mode, one writer and one reader per process.

Reads take some tens of microseconds and run in the event loop, on a connection that cannot write. Writes go
through one `Writer` that groups what is waiting into one transaction, so the fsync that makes a write durable is
paid once for the group. Nothing is acknowledged before its COMMIT has returned.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from sojourn.domain.errors import Unavailable
from sojourn.storage.database import Database, Load
from sojourn.storage.listeners import Listeners
from sojourn.storage.sqlite.connections import MissingFile, connect, connect_again
from sojourn.storage.sqlite.failures import is_file_lost, is_in_the_way, is_locked, unavailable
from sojourn.storage.sqlite.long_reads import LongReads
from sojourn.storage.sqlite.reader import SqliteReader
from sojourn.storage.sqlite.schema import prepare
from sojourn.storage.sqlite.writer import Writer
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import Runner, SystemUnit

T = TypeVar("T")

_READER_WAIT_SECONDS = 0.05
_LOOK_SECONDS = 1.0

logger = logging.getLogger("sojourn.storage")


class SqliteDatabase(Database):
    """An open file."""

    engine = "sqlite"

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self.touches = Touches()
        self.listeners = Listeners()
        self._path = path
        self._reader = SqliteReader(_reading(connect(path, _READER_WAIT_SECONDS)))
        self._writer = Writer(_writing(connect(path, 0)), busy_seconds, reopen=self._reopen)
        self._long_reads = LongReads(path, wait_seconds=busy_seconds)
        self._device = _device_of(path)
        self._watch = asyncio.get_running_loop().create_task(self._watch_file())
        self._is_told = self._is_gone = False

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
        return cls(path, busy_timeout.total_seconds())

    async def close(self) -> None:
        """Finish the writes that wait, then close the file."""
        self._watch.cancel()
        await self._writer.close()
        await self._long_reads.close()
        self._reader.connection.close()

    async def _read(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        try:
            return await attempt(self._reader)
        except sqlite3.OperationalError as error:
            raise self._reading_failed(error) from error

    async def _read_long(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        try:
            return await self._long_reads.run(attempt)
        except sqlite3.OperationalError as error:
            raise self._reading_failed(error) from error

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemUnit]:
        """A unit that reads what belongs to no tenant."""
        try:
            yield SystemUnit(self._reader)
        except sqlite3.OperationalError as error:
            raise self._reading_failed(error) from error

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
        return Load(writes_waiting=self._writer.waiting, under_way=self._under_way)

    async def is_reachable(self) -> bool:
        """Whether the database answers now."""
        try:
            self._reader.connection.execute("SELECT count(*) FROM tenants").fetchone()
        except sqlite3.Error:
            return False
        return True

    def _reading_failed(self, error: sqlite3.OperationalError) -> Exception:
        if is_file_lost(error):
            self._writer.reopen_soon()
        return unavailable(error)

    async def _watch_file(self) -> None:
        """Notice that the file's system was unmounted, or that another one was mounted there, though nobody writes."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._is_gone or _device_of(self._path) != self._device:
                self._writer.reopen_soon()

    def _reopen(self, old: sqlite3.Connection) -> sqlite3.Connection | None:
        """Open the file anew; the connection for writes, None while the old one has to do.

        Connections keep a file system in use: one that failed cannot be mended before they are closed. They are, when
        it is unmounted. Until a file is there again everything is refused.
        """
        if self._reader.connection.in_transaction:
            return None
        try:
            with ExitStack() as opened:
                reader = opened.enter_context(closing(_reading(connect_again(self._path, _READER_WAIT_SECONDS))))
                reader.execute("SELECT count(*) FROM tenants").fetchone()
                writer = opened.enter_context(closing(_writing(connect_again(self._path, 0))))
                _try_to_write(writer)
                opened.pop_all()
        except sqlite3.Error as error:
            if not self._is_told:
                logger.error("the database file cannot be written, nor opened anew: %s", error)
            self._is_told = True
            return self._let_go() if not self._is_gone and not self._path.exists() and _has_failed(old) else None
        self._is_told, self._is_gone, self._device = False, False, _device_of(self._path)
        self._read_from(reader)
        logger.warning("the database file was opened anew")
        return writer

    def _let_go(self) -> sqlite3.Connection:
        self._is_gone = True
        gone: Any = MissingFile()
        self._read_from(gone)
        missing: sqlite3.Connection = gone
        return missing

    def _read_from(self, reader: sqlite3.Connection) -> None:
        old = self._reader.connection
        self._reader.use(reader)
        old.close()
        self._long_reads.renew()


def _device_of(path: Path) -> int | None:
    """The file system that the file is on; None where there is none."""
    try:
        return path.stat().st_dev
    except OSError:
        return None


def _has_failed(connection: sqlite3.Connection) -> bool:
    """Whether the file of a connection cannot be written. (One that was moved away can.)"""
    try:
        _try_to_write(connection)
    except sqlite3.Error:
        return True
    return False


def _reading(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA query_only = ON")
    return connection


def _writing(connection: sqlite3.Connection) -> sqlite3.Connection:
    # Each job's savepoint keeps the pages as they were. In a file (the default) that is half of all bytes written.
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _try_to_write(connection: sqlite3.Connection) -> None:
    """Raises the driver's error when the file cannot be written, except for a lock that somebody holds."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if not is_locked(error):
            raise
