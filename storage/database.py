"""The database, whichever engine its URL names: SQLite by default, PostgreSQL for many instances of the program."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from sojourn.domain.errors import DomainError
from sojourn.domain.values import Tenant
from sojourn.storage.listeners import Listeners
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import Runner, Step, SystemUnit, Tally, UnitOfWork
from sojourn.storage.watched_runner import Watch, WatchedRunner

T = TypeVar("T")

AHEAD = timedelta(weeks=2)
"""How far ahead partitions are created. Housekeeping may be down this long without effect."""


class RowSecurityBypassed(Exception):
    """The role of PostgreSQL is a superuser, or may bypass row security: nothing would hold it to one tenant."""

    def __init__(self) -> None:
        super().__init__(
            "the database role steps over row security: use one that is no superuser and has no BYPASSRLS,"
            " or set SOJOURN_ALLOW_ROW_SECURITY_BYPASS"
        )


class Load(NamedTuple):
    """How busy a process is with its database just now."""

    writes_waiting: int = 0
    connections_in_use: int = 0
    connections_max: int = 0
    under_way: int = 0


class Database(ABC):
    """An open database. `engines` opens it, `close` ends it; in between `read`, `write` and their system twins.

    `touches` are this process's activities that are not written yet; `listeners` are told what it
    committed of events.
    """

    touches: Touches
    listeners: Listeners
    engine: str
    purge_grace: timedelta = timedelta(0)
    """How long past its retention a session may stay, because whole partitions are dropped."""
    tally: Tally | None = None
    """Counts what happens to sessions, for the metrics."""
    watch: Watch | None = None
    """Watches units of work, for traces."""
    _under_way = 0

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes that wait, then close."""

    async def read(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run `work` on one tenant's data without writing. Raises Unavailable when the database does not answer.

        `work` may run again, as in `write`.
        """
        return await self._in_unit(self._read, tenant, work=work)

    async def read_long(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """As `read`, for work whose statements look at very many rows: it holds up nobody else."""
        return await self._in_unit(self._read_long, tenant, work=work)

    @abstractmethod
    def system(self) -> AbstractAsyncContextManager[SystemUnit]:
        """A unit that reads what belongs to no tenant."""

    async def write(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run `work` inside a transaction and return its result once that is durable.

        A raise rolls back what `work` wrote (a DomainError with `persist` keeps it). Raises Unavailable when the
        write could not be made durable. `work` may run more than once, so it must change nothing outside the database.
        What is to change outside hangs on the unit (`after_commit`).
        """
        return await self._in_unit(self._write, tenant, work=work)

    async def _in_unit(
        self,
        transact: Callable[[Callable[[Runner], Awaitable[T]]], Awaitable[T]],
        tenant: Tenant,
        *,
        work: Callable[[UnitOfWork], Awaitable[T]],
    ) -> T:
        """`work` in a transaction of the engine, then the steps of the attempt that was committed."""
        steps: list[Step] = []

        def attempt(runner: Runner) -> Awaitable[T]:
            steps.clear()
            return work(
                UnitOfWork(
                    runner, tenant, touches=self.touches, steps=steps, tally=self.tally, listeners=self.listeners
                )
            )

        self._under_way += 1
        try:
            if self.watch is None:
                result = await transact(attempt)
            else:
                result = await self._watched(transact, attempt)
        except DomainError as error:
            if error.persist:
                await _do(steps)
            raise
        finally:
            self._under_way -= 1
        if steps:
            await _do(steps)
        return result

    async def _watched(
        self,
        transact: Callable[[Callable[[Runner], Awaitable[T]]], Awaitable[T]],
        attempt: Callable[[Runner], Awaitable[T]],
    ) -> T:
        """The same under watch, where anybody wants to know of it."""
        kind = "write" if transact == self._write else "read"
        watching = None if self.watch is None else self.watch.unit(kind, engine=self.engine)
        if watching is None:
            return await transact(attempt)
        with watching as unit:
            return await transact(lambda runner: attempt(WatchedRunner(runner, unit)))

    @abstractmethod
    async def _read(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        """Run `attempt` without writing. Raises Unavailable."""

    async def _read_long(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        """The same, beside other reads. An engine whose server is another process does so anyway."""
        return await self._read(attempt)

    @abstractmethod
    async def _write(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        """Run `attempt` inside a transaction, again where that is worth it. Raises Unavailable."""

    @abstractmethod
    async def write_system(self, work: Callable[[SystemUnit], Awaitable[T]]) -> T:
        """The same for what belongs to no tenant."""

    @abstractmethod
    async def create_partitions(self, since: datetime, until: datetime) -> None:
        """Create the partitions for sessions created from `since` to `until`, if the engine has partitions."""

    @abstractmethod
    async def drop_partitions(self, before: datetime) -> int:
        """Drop the partitions in which every session ended by `before`; how many sessions went. Raises Unavailable."""

    async def number_events(self, *, wait: bool = True) -> bool:
        """Give their numbers to events that are committed and have none yet. Raises Unavailable.

        One process at a time does it. False when another one does, and this one was not to `wait`.
        """
        return True

    def load(self) -> Load:
        """How busy this process is with the database."""
        return Load(under_way=self._under_way)

    async def time(self) -> float | None:
        """The engine's own clock, in seconds since 1970; None where it has only this machine's. Raises Unavailable."""
        return None

    @abstractmethod
    async def is_reachable(self) -> bool:
        """Whether the database answers now."""


async def _do(steps: list[Step]) -> None:
    for step in steps:
        await step()
