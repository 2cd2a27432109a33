"""Reads that may take long run in a thread, on a connection of their own: the event loop serves others meanwhile.

They come one after the other. The engine works without Python's lock: a scan of many rows takes nothing from the loop.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sojourn.storage.sqlite.connections import connect_again
from sojourn.storage.sqlite.runner import SqliteRunner
from sojourn.storage.statements import SQLITE, Statement
from sojourn.storage.unit_of_work import Row, Runner

T = TypeVar("T")


class LongReads:
    """The thread and the connection. Both begin with the first long read."""

    def __init__(self, path: Path, *, wait_seconds: float) -> None:
        self._path, self._wait_seconds = path, wait_seconds
        self._thread = ThreadPoolExecutor(1, "long-reads")
        self._turn = asyncio.Lock()
        self._runner: _LongRunner | None = None
        self._is_stale = False

    async def run(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        """Run `attempt`, whose statements only read, when its turn has come."""
        async with self._turn:
            if self._is_stale and self._runner is not None:
                self._runner.connection.close()
                self._runner = None
            self._is_stale = False
            if self._runner is None:
                connection = await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)
                self._runner = _LongRunner(connection, self._thread)
            return await attempt(self._runner)

    def renew(self) -> None:
        """Close the file, after the long read that is under way, and open it anew for the next one."""
        if self._turn.locked():
            self._is_stale = True
        elif self._runner is not None:
            self._runner.connection.close()
            self._runner = None

    async def close(self) -> None:
        """End what is still being read, and close the connection."""
        if self._runner is not None:
            self._runner.connection.interrupt()
        self._thread.shutdown()
        if self._runner is not None:
            self._runner.connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = connect_again(self._path, self._wait_seconds)
        connection.execute("PRAGMA query_only = ON")
        return connection


class _LongRunner(SqliteRunner):
    """Runs statements in the thread."""

    __slots__ = ("_thread",)

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        super().__init__(connection)
        self._thread = thread

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        text = statement.text(SQLITE)
        return await self._wait_for(lambda: self._execute(text, parameters).fetchall())

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        text = statement.text(SQLITE)
        return await self._wait_for(lambda: self._execute(text, parameters).fetchone())

    async def _wait_for(self, work: Callable[[], T]) -> T:
        """The result of the thread. A cancelled caller ends the statement: the next needs the connection."""
        result = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            self.connection.interrupt()
            with suppress(sqlite3.Error):
                await result
            raise
