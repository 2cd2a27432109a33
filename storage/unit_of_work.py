"""A unit of work: one request's view of the data, held to one tenant.

Every statement on a tenant's table names `:tenant`; the unit supplies it and nobody else can. There is no unit
without a tenant for tenants' data, and no way to ask for "all".
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal, Protocol

from sojourn.domain.values import Tenant
from sojourn.storage.listeners import Listeners
from sojourn.storage.procedures import Procedure
from sojourn.storage.statements import Statement
from sojourn.storage.touches import Touches

Row = tuple[Any, ...]
Step = Callable[[], Awaitable[None]]
"""Something to do once a transaction is over."""
Occurrence = Literal["created", "ended", "refreshed"]
"""Counted of sessions: one was created; one ended, with its reason code; one was refreshed, with the outcome."""


class Tally(Protocol):
    """Counts what happened to sessions: what, a word from a closed set, and how often."""

    def __call__(self, occurrence: Occurrence, word: str, *, times: int) -> Awaitable[None]: ...


class Runner(Protocol):
    """An engine's connection, as a unit sees it."""

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]: ...

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None: ...

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int: ...

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None: ...

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int: ...

    async def pause(self) -> None: ...

    def snapshot(self) -> AbstractContextManager[None]: ...

    async def alone(self, name: str) -> None: ...

    async def beside(self, *names: str) -> None: ...

    def shard(self) -> int: ...


class SystemUnit:
    """A unit for what belongs to no tenant: API keys, the tenants themselves."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def all(self, statement: Statement, **parameters: Any) -> Awaitable[list[Row]]:
        """Every row."""
        return self._runner.all(statement, parameters)

    def one(self, statement: Statement, **parameters: Any) -> Awaitable[Row | None]:
        """The first row, or None."""
        return self._runner.one(statement, parameters)

    def run(self, statement: Statement, **parameters: Any) -> Awaitable[int]:
        """Change rows; how many were changed."""
        return self._runner.run(statement, parameters)

    def of(self, tenant: Tenant) -> "UnitOfWork":
        """The same transaction for one tenant's data: what is done to the service may have to be recorded there."""
        return UnitOfWork(self._runner, tenant, touches=Touches())


class UnitOfWork:
    """A unit for one tenant's data."""

    __slots__ = ("_listeners", "_runner", "_steps", "_tally", "_tenant_id", "tenant", "touches")

    def __init__(
        self,
        runner: Runner,
        tenant: Tenant,
        *,
        touches: Touches,
        steps: list[Step] | None = None,
        tally: Tally | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        self._runner = runner
        self._tally = tally
        self.tenant = tenant
        self.touches = touches
        self._tenant_id = tenant.id
        self._steps: list[Step] = [] if steps is None else steps
        self._listeners = listeners

    def system(self) -> SystemUnit:
        """The same transaction for what belongs to no tenant."""
        return SystemUnit(self._runner)

    def of(self, tenant: Tenant) -> "UnitOfWork":
        """The same transaction for another tenant's data: what a provider says may concern several."""
        steps, tally, listeners = self._steps, self._tally, self._listeners
        return UnitOfWork(self._runner, tenant, touches=self.touches, steps=steps, tally=tally, listeners=listeners)

    def after_commit(self, step: Step) -> None:
        """Do `step` once the transaction is committed, before `read` or `write` returns.

        Steps run in the order they were given. A transaction that is undone drops its steps, and one that is run
        again begins with none: what is to change outside the database belongs here, so that it happens once.
        """
        self._steps.append(step)

    def tell(self, occurrence: Occurrence, word: str = "", *, times: int = 1) -> None:
        """Say what happened to sessions: it is counted once the transaction is committed, where anybody counts."""
        if self._tally is not None and times:
            self._steps.append(partial(self._tally, occurrence, word, times=times))

    def has_told(self) -> None:
        """Those of this process who wait for events hear of them, once the transaction is committed."""
        if self._listeners is not None:
            self._steps.append(self._listeners.tell)

    def all(self, statement: Statement, **parameters: Any) -> Awaitable[list[Row]]:
        """Every row."""
        parameters["tenant"] = self._tenant_id
        return self._runner.all(statement, parameters)

    def one(self, statement: Statement, **parameters: Any) -> Awaitable[Row | None]:
        """The first row, or None."""
        parameters["tenant"] = self._tenant_id
        return self._runner.one(statement, parameters)

    async def value(self, statement: Statement, **parameters: Any) -> Any:
        """The first column of the first row; None when there is none."""
        parameters["tenant"] = self._tenant_id
        row = await self._runner.one(statement, parameters)
        return None if row is None else row[0]

    def run(self, statement: Statement, **parameters: Any) -> Awaitable[int]:
        """Change rows; how many were changed."""
        parameters["tenant"] = self._tenant_id
        return self._runner.run(statement, parameters)

    async def run_many(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        """Run a statement once for each of `rows`, its parameters; not at all where there are none."""
        for parameters in rows:
            parameters["tenant"] = self._tenant_id
        if rows:
            await self._runner.run_many(statement, rows)

    def call(self, procedure: Procedure, *, beside: tuple[str, ...] = (), **parameters: Any) -> Awaitable[int]:
        """Run a procedure, `beside` the transactions that are alone under some names; how many steps were passed.

        Where nothing was written before, it is a transaction of its own, which is committed when this returns.
        """
        parameters["tenant"] = self._tenant_id
        return self._runner.call(procedure, parameters, beside=beside)

    async def pause(self) -> None:
        """End what was read and give its connection back; what is read from here on is as of another instant."""
        await self._runner.pause()

    def snapshot(self) -> AbstractContextManager[None]:
        """Statements inside see the data as of one instant (a count and its list agree)."""
        return self._runner.snapshot()

    async def alone(self, name: str) -> None:
        """Wait until no other transaction is `alone` under this name; until this one ends, others wait for it.

        What is read from here on includes what those have committed.
        """
        await self._runner.alone(name)

    async def beside(self, *names: str) -> None:
        """Wait until no transaction is `alone` under these names; until this one ends, those that would be wait for it.

        Any number of transactions are beside each other. What is read from here on includes what the lone ones wrote.
        """
        await self._runner.beside(*names)

    def shard(self) -> int:
        """Which of a counter's rows this transaction adds to, so that transactions side by side do not wait."""
        return self._runner.shard()
