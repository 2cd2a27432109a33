"""A unit of work that writes: it is in a transaction from its first write, and not before.

A transaction of READ COMMITTED sees with each statement what is committed by then. So what a unit reads before it
writes or locks anything is the same outside of the transaction, and goes as any read does: in one message, with others.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import asyncpg

from sojourn.storage.postgres.calls import Calls
from sojourn.storage.postgres.connections import Connections
from sojourn.storage.postgres.functions import Function
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.postgres.reader import Batches
from sojourn.storage.postgres.runner import WRITE, PostgresRunner
from sojourn.storage.procedures import Procedure
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row


class Messages(NamedTuple):
    """How a database is asked in single messages. `functions`: the procedures that it knows."""

    connections: Connections
    batches: Batches
    calls: Calls
    functions: dict[Procedure, Function]


class PostgresWriter:
    """Runs statements; the first one that writes or locks begins the transaction."""

    __slots__ = ("_is_over", "_messages", "_pool", "_transaction", "_wait_seconds")

    def __init__(self, messages: Messages, pool: Any, *, wait_seconds: float) -> None:
        self._messages = messages
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._transaction: PostgresRunner | None = None
        self._is_over = False

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        if self._transaction is not None or statement.plans_anew or not statement.only_reads:
            return await self._held().all(statement, parameters)
        return await self._ask(statement, parameters, one=False)

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        if self._transaction is not None or statement.plans_anew or not statement.only_reads:
            return await self._held().one(statement, parameters)
        rows = await self._ask(statement, parameters, one=True)
        return rows[0] if rows else None

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        """Change rows; how many were changed."""
        return await self._held().run(statement, parameters)

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        """Change rows, once for each set of parameters."""
        await self._held().run_many(statement, parameters)

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        """Run a procedure; how many steps were passed. Where nothing was written before, in one message."""
        function = self._messages.functions.get(procedure)
        if self._transaction is None and function is not None:
            try:
                passed = await self._messages.calls.ask(function, parameters, beside=beside)
                self._is_over = passed == procedure.passed
                return passed
            except asyncpg.UndefinedFunctionError:  # another release has dropped it
                self._messages.functions.pop(procedure, None)
        return await self._held().call(procedure, parameters, beside=beside)

    async def pause(self) -> None:
        """End the transaction, if there is one."""
        if self._transaction is not None:
            await self._transaction.commit()
            self._transaction = None

    def snapshot(self) -> AbstractContextManager[None]:
        """Nothing to do: a transaction that writes sees with each statement what is committed by then."""
        return nullcontext()

    async def alone(self, name: str) -> None:
        """Take the advisory lock of a name."""
        await self._held().alone(name)

    async def beside(self, *names: str) -> None:
        """Take the advisory locks of some names, shared with others that do."""
        await self._held().beside(*names)

    def shard(self) -> int:
        """Any of a counter's rows, the same for the whole transaction."""
        return self._held().shard()

    async def commit(self) -> None:
        """Commit, if there is a transaction."""
        await self.pause()

    async def roll_back(self) -> None:
        """Undo the transaction, if there is one."""
        if self._transaction is not None:
            await self._transaction.roll_back()

    async def abandon(self) -> None:
        """Close the transaction's connection, if there is one."""
        if self._transaction is not None:
            await self._transaction.abandon()

    async def _ask(self, statement: Statement, parameters: Mapping[str, Any], *, one: bool) -> list[Row]:
        message = one_message(statement, one=one, of_tenant="tenant" in parameters)
        return await self._messages.batches.ask(message, dict(parameters))

    def _held(self) -> PostgresRunner:
        if self._is_over:
            raise RuntimeError("a procedure was committed: what is to be undone with it must be written before it")
        if self._transaction is None:
            self._transaction = PostgresRunner(self._pool, WRITE, wait_seconds=self._wait_seconds)
        return self._transaction
