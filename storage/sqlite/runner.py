"""Statements on a SQLite connection. Nothing here ever waits for the event loop."""

import sqlite3
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sojourn.storage.procedures import SHARD, Procedure, Step, run_in_turn
from sojourn.storage.statements import SQLITE, Statement
from sojourn.storage.unit_of_work import Row


class SqliteRunner:
    """Runs compiled statements; rows come as the driver's tuples."""

    __slots__ = ("_execute", "connection")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._execute = connection.execute

    def use(self, connection: sqlite3.Connection) -> None:
        """Run what follows on another connection."""
        self.connection = connection
        self._execute = connection.execute

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        return self._execute(statement.text(SQLITE), parameters).fetchall()

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        row: Row | None = self._execute(statement.text(SQLITE), parameters).fetchone()
        return row

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        """Change rows; how many were changed."""
        return self._execute(statement.text(SQLITE), parameters).rowcount

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        """Change rows, once for each set of parameters."""
        self.connection.executemany(statement.text(SQLITE), parameters)

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        """Run a procedure's steps; how many were passed. Nothing is beside: writes come one after the other."""
        parameters[SHARD] = self.shard()
        return await run_in_turn(procedure, parameters, do=self._do)

    async def _do(self, step: Step, parameters: dict[str, Any]) -> bool:
        if step.statement.only_reads:
            return await self.one(step.statement, parameters) is not None
        return await self.run(step.statement, parameters) > 0

    async def pause(self) -> None:
        """Nothing to do: a read ends with its statement."""

    def snapshot(self) -> AbstractContextManager[None]:
        """One instant for every statement inside; inside the writer's transaction that is so already."""
        return nullcontext() if self.connection.in_transaction else _Snapshot(self.connection)

    async def alone(self, name: str) -> None:
        """Nothing to do: a transaction that writes is the only one."""

    async def beside(self, *names: str) -> None:
        """Nothing to do either: writes come one after the other."""

    def shard(self) -> int:
        """The one shard: writes come one after the other."""
        return 0


class _Snapshot(AbstractContextManager[None]):
    """A read transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("COMMIT")
