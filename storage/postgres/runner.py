"""One transaction on a PostgreSQL connection, from its first statement to its end.

The connection is acquired lazily, with the first statement, which also begins the transaction. The same message sets
the tenant for row security: a statement that forgot its tenant would find no other tenant's rows.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext, suppress
from secrets import randbelow
from typing import Any, Protocol, TypeVar

import asyncpg

from sojourn.domain.errors import DomainError, Unavailable
from sojourn.storage.postgres.failures import DRIVER_ERRORS, is_conflict
from sojourn.storage.procedures import SHARD, Procedure, Step, run_in_turn
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
SHARDS = 16
NOT_REPLICATED = "01000"
_PLANNING_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"
"""From a statement that `plans_anew` to the end of its transaction."""


class PostgresRunner:
    """Runs compiled statements in one transaction; rows come as tuples."""

    __slots__ = ("_apart", "_begin", "_connection", "_plans_anew", "_pool", "_shard", "_tenant", "_wait_seconds")

    def __init__(self, pool: Any, begin: str, *, wait_seconds: float, apart: bool = False) -> None:
        """`begin` may hold settings behind BEGIN. `apart`: BEGIN is a message of its own.

        A cluster needs that: it repeats the whole text of a message with a setting on the nodes.
        """
        self._pool = pool
        self._begin = begin
        self._apart = apart
        self._wait_seconds = wait_seconds
        self._connection: Any = None
        self._tenant: str | None = None
        self._plans_anew = False
        self._shard = randbelow(SHARDS)

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        connection = await self._ready(parameters.get("tenant"), plans_anew=statement.plans_anew)
        text, names = statement.numbered()
        return [tuple(row) for row in await connection.fetch(text, *[parameters[name] for name in names])]

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        connection = await self._ready(parameters.get("tenant"), plans_anew=statement.plans_anew)
        text, names = statement.numbered()
        row = await connection.fetchrow(text, *[parameters[name] for name in names])
        return None if row is None else tuple(row)

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        """Change rows; how many were changed."""
        connection = await self._ready(parameters.get("tenant"), plans_anew=statement.plans_anew)
        text, names = statement.numbered()
        status: str = await connection.execute(text, *[parameters[name] for name in names])
        return int(status.rpartition(" ")[2])

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        """Change rows, once for each set of parameters, without waiting for each answer."""
        connection = await self._ready(parameters[0].get("tenant"), plans_anew=statement.plans_anew)
        text, names = statement.numbered()
        await connection.executemany(text, [[values[name] for name in names] for values in parameters])

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        """Run a procedure's steps in this transaction, statement by statement; how many were passed."""
        if beside:
            await self.beside(*beside)
        if procedure.alone is not None:
            await self.alone(parameters[procedure.alone])
        parameters[SHARD] = self.shard()
        return await run_in_turn(procedure, parameters, do=self._do)

    async def _do(self, step: Step, parameters: dict[str, Any]) -> bool:
        if step.statement.only_reads:
            return await self.one(step.statement, parameters) is not None
        return await self.run(step.statement, parameters) > 0

    async def execute(self, text: str) -> None:
        """Run statements that change tables themselves."""
        await (await self._ready(None)).execute(text)

    async def fetch(self, text: str) -> list[Row]:
        """Read from the server's catalogue."""
        return [tuple(row) for row in await (await self._ready(None)).fetch(text)]

    async def pause(self) -> None:
        """End the transaction; the next statement begins another."""
        await self.commit()

    def snapshot(self) -> AbstractContextManager[None]:
        """Nothing to do: everything that is read without writing is read as of one instant."""
        return nullcontext()

    async def alone(self, name: str) -> None:
        """Take the advisory lock of a name; it is given back with the transaction's end."""
        await (await self._ready(None)).execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)

    async def beside(self, *names: str) -> None:
        """Take the advisory locks of some names, shared with others that do; one that waits to be alone comes first."""
        locks = ", ".join(f"pg_advisory_xact_lock_shared(hashtextextended(${n}, 0))" for n in range(1, len(names) + 1))
        await (await self._ready(None)).execute(f"SELECT {locks}", *names)

    def shard(self) -> int:
        """Any of a counter's rows, the same for the whole transaction.

        Transactions side by side rarely meet in one; those that do meet in one only, and come to it in one order.
        """
        return self._shard

    async def _ready(self, tenant: str | None, *, plans_anew: bool = False) -> Any:
        """The connection, inside the transaction, with row security held to the tenant."""
        is_held = self._connection is not None and tenant in (None, self._tenant)
        if is_held and not (plans_anew and not self._plans_anew):
            return self._connection
        batch: list[str] = []
        if self._connection is None:
            self._connection = await self._pool.acquire(timeout=self._wait_seconds)
            self._plans_anew = False
            batch += self._begin.split("; ")
            if self._apart:
                await self._connection.execute(batch.pop(0))
        if not is_held and tenant is not None:
            quoted = tenant.replace("'", "''")
            batch.append(f"SET LOCAL sojourn.tenant = '{quoted}'")
        if plans_anew and not self._plans_anew:
            batch.append(_PLANNING_ANEW)
        if batch:
            await self._connection.execute("; ".join(batch))
        if not is_held:
            self._tenant = tenant
        self._plans_anew |= plans_anew
        return self._connection

    async def commit(self) -> None:
        """Commit. Raises Unavailable when it is unknown whether the commit happened.

        Raises the driver's error when the server says that another transaction was in the way: then it did not.
        """
        if self._connection is None:
            return
        warnings: list[Any] = []

        def listen(_: Any, message: Any) -> None:
            warnings.append(message)

        self._connection.add_log_listener(listen)
        try:
            status = await self._connection.execute("COMMIT")
            await asyncio.sleep(0)  # listeners are called in the loop's next turn
        except DRIVER_ERRORS as error:
            await self.abandon()
            if is_conflict(error):
                raise
            raise Unavailable() from error
        except BaseException:
            await self.abandon()
            raise
        self._connection.remove_log_listener(listen)
        await self._release()
        # A wait for the replica that was cancelled: done here, perhaps not there. It is not acknowledged.
        if status != "COMMIT" or any(message.sqlstate == NOT_REPLICATED for message in warnings):
            raise Unavailable()

    async def roll_back(self) -> None:
        """Roll back. If that fails too, close the connection."""
        if self._connection is None:
            return
        try:
            await self._connection.execute("ROLLBACK")
        except BaseException:
            await self.abandon()
            raise
        await self._release()

    async def abandon(self) -> None:
        """Close the connection without a commit; the server rolls back."""
        if self._connection is not None:
            with suppress(asyncpg.InterfaceError):  # gone already
                self._connection.terminate()
            await self._release()

    async def _release(self) -> None:
        connection, self._connection = self._connection, None
        await self._pool.release(connection)


class Ended(Protocol):
    """What ends with the work on it."""

    async def commit(self) -> None: ...

    async def roll_back(self) -> None: ...

    async def abandon(self) -> None: ...


E = TypeVar("E", bound=Ended)


def transaction(
    pool: Any, begin: str, *, wait_seconds: float, apart: bool = False
) -> AbstractAsyncContextManager[PostgresRunner]:
    """A transaction that is committed at the end, and undone by a raise (a DomainError with `persist` keeps it)."""
    return ended(PostgresRunner(pool, begin, wait_seconds=wait_seconds, apart=apart))


@asynccontextmanager
async def ended(runner: E) -> AsyncIterator[E]:
    """A runner whose transaction is committed at the end, and undone by a raise as in `transaction`."""
    try:
        yield runner
    except DomainError as error:
        await (runner.commit() if error.persist else runner.roll_back())
        raise
    except (asyncio.CancelledError, TimeoutError):
        await runner.abandon()  # an answer may still be on its way: nobody else may read it
        raise
    except BaseException:
        with suppress(*DRIVER_ERRORS):
            await runner.roll_back()
        raise
    await runner.commit()
