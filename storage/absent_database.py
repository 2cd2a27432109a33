"""The database that is not there (yet): whoever asks it anything is refused, whoever asks nothing is served."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any, TypeVar

from domain.errors import Unavailable
from domain.values import Tenant
from storage.database import Database
from storage.statements import Statement
from storage.unit_of_work import Row, SystemUnit, UnitOfWork

T = TypeVar("T")


class AbsentDatabase(Database):
    """Stands in while a process waits for its database."""

    async def close(self) -> None:
        """Nothing is open."""

    async def read(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run `work`. Raises Unavailable with its first statement."""
        return await work(UnitOfWork(_NoRunner(), tenant))

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemUnit]:
        """A unit whose first statement raises Unavailable."""
        yield SystemUnit(_NoRunner())

    async def write(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run `work`. Raises Unavailable with its first statement."""
        return await work(UnitOfWork(_NoRunner(), tenant))

    async def write_system(self, work: Callable[[SystemUnit], Awaitable[T]]) -> T:
        """Run `work`. Raises Unavailable with its first statement."""
        return await work(SystemUnit(_NoRunner()))

    async def is_reachable(self) -> bool:
        """It is not."""
        return False


class _NoRunner:
    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        raise Unavailable()

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        raise Unavailable()

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        raise Unavailable()

    def snapshot(self) -> AbstractContextManager[None]:
        return nullcontext()

    def shard(self) -> int:
        return 0
