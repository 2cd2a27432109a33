"""The writer: every write of a process, one after the other, grouped into durable transactions.

While one group is being committed in a thread, the next one is collected. Each job runs inside a savepoint of its own,
so a job that is refused does not affect the others.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sojourn.domain.errors import DomainError, Unavailable
from sojourn.storage.sqlite.failures import is_file_lost, writing_failed
from sojourn.storage.sqlite.runner import SqliteRunner

T = TypeVar("T")

MAX_GROUP = 256
"""More jobs than this wait for the next group, so that the first of a group is not kept waiting for the last."""


@dataclass(slots=True)
class _Job:
    work: Callable[[SqliteRunner], Awaitable[Any]]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """One writing connection and the task that feeds it."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        busy_seconds: float,
        *,
        reopen: Callable[[sqlite3.Connection], sqlite3.Connection | None] = lambda _: None,
    ) -> None:
        """`reopen` is called between two groups with the connection that failed; it gives another one, if there is."""
        self._reopen = reopen
        self._reopen_wanted = False
        self._connection = connection
        self._runner = SqliteRunner(connection)
        self._busy_seconds = busy_seconds
        self._waiting: list[_Job] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def submit(self, work: Callable[[SqliteRunner], Awaitable[T]]) -> T:
        """The result of `work`, once it is durable. A caller that gives up does not undo it."""
        if self._closing:
            raise Unavailable()
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._wake.set()
        result: T = await job.done
        return result

    def reopen_soon(self) -> None:
        """Open the file anew before the next group."""
        self._reopen_wanted = True
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many writes wait for the next group."""
        return len(self._waiting)

    async def close(self) -> None:
        """Write what waits, then close the connection."""
        self._closing = True
        self._wake.set()
        await self._task
        self._connection.close()

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._reopen_wanted:
                self._open_anew()
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                await self._write(group)
            if self._closing:
                return

    async def _write(self, group: list[_Job]) -> None:
        try:
            await self._begin()
            for job in group:
                await self._run(job)
            await asyncio.to_thread(self._connection.execute, "COMMIT")
        except Exception as error:
            self._roll_back()
            if is_file_lost(error):
                self._open_anew()
            for job in group:
                _finish(job, None, error=_outcome_of_failure(error))
            return
        for job in group:
            _finish(job, job.result, error=job.error)

    async def _begin(self) -> None:
        """Take the write lock: at once where it is free, else waiting in a thread up to the busy time-out."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            await asyncio.to_thread(self._begin_patiently)

    def _begin_patiently(self) -> None:
        milliseconds = round(self._busy_seconds * 1000)
        self._connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        finally:
            self._connection.execute("PRAGMA busy_timeout = 0")

    async def _run(self, job: _Job) -> None:
        """One job inside its savepoint. Its refusal is its own; a database that fails ends the whole group."""
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = await job.work(self._runner)
        except sqlite3.OperationalError:
            raise
        except BaseException as error:
            if not (isinstance(error, DomainError) and error.persist):
                self._connection.execute("ROLLBACK TO job")
            job.error = error
        self._connection.execute("RELEASE job")

    def _open_anew(self) -> None:
        """Leave the old connection only when there is a new one: it may be the only one that can still read."""
        self._reopen_wanted = False
        fresh = self._reopen(self._connection)
        if fresh is not None:
            old, self._connection = self._connection, fresh
            self._runner.use(fresh)
            with suppress(sqlite3.Error):
                old.close()

    def _roll_back(self) -> None:
        """End the transaction. Where even that fails, the next BEGIN tells its own group so: the task lives on."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")


def _finish(job: _Job, result: Any, *, error: BaseException | None) -> None:
    if job.done.done():
        return
    if error is not None:
        job.done.set_exception(error)
    else:
        job.done.set_result(result)


def _outcome_of_failure(error: Exception) -> Exception:
    """The error that every job of a failed group gets."""
    return writing_failed(error) if isinstance(error, sqlite3.OperationalError) else error
