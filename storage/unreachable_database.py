"""Used until the real database is reachable: every statement raises Unavailable; requests that run none succeed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, TypeVar

from sojourn.domain.errors import Unavailable
from sojourn.storage.database import Database
from sojourn.storage.listeners import Listeners
from sojourn.storage.procedures import Procedure
from sojourn.storage.statements import Statement
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import Row, Runner, SystemUnit

T = TypeVar("T")


class UnreachableDatabase(Database):
    """Stands in while a process waits for its database."""

    engine = "none"

    def __init__(self) -> None:
        self.touches = Touches()
        self.listeners = Listeners()

    async def create_partitions(self, since: datetime, until: datetime) -> None:
        """Nothing to do."""

    async def drop_partitions(self, before: datetime) -> int:
        """Nothing to do."""
        return 0

    async def close(self) -> None:
        """Nothing is open."""

    async def _read(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        return await attempt(_NoRunner())

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemUnit]:
        """A unit whose first statement raises Unavailable."""
        yield SystemUnit(_NoRunner())

    async def _write(self, attempt: Callable[[Runner], Awaitable[T]]) -> T:
        return await attempt(_NoRunner())

    async def write_system(self, work: Callable[[SystemUnit], Awaitable[T]]) -> T:
        """Run `work`. Raises Unavailable with its first statement."""
        return await work(SystemUnit(_NoRunner()))

    async def is_reachable(self) -> bool:
        """Always False."""
        return False


class _NoRunner:
    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        raise Unavailable()

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        raise Unavailable()

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        raise Unavailable()

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        raise Unavailable()

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        raise Unavailable()

    async def pause(self) -> None:
        return

    def snapshot(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def alone(self, name: str) -> None:
        raise Unavailable()

    async def beside(self, *names: str) -> None:
        raise Unavailable()

    def shard(self) -> int:
        return 0
