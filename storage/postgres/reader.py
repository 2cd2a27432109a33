"""Reads on PostgreSQL: each statement in one message, those that wait at the same time in one batch.

Questions asked in one turn of the event loop with the same statement go to the server together, over one connection,
with one wait for all answers. While a batch is under way the next questions of its statement gather, so batches grow
with the load; a batch that takes long is overtaken by the next one on another connection.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from sojourn.domain.errors import Unavailable
from sojourn.storage.postgres.connections import Connections
from sojourn.storage.postgres.failures import DRIVER_ERRORS, is_dropped
from sojourn.storage.postgres.one_message import OneMessage, one_message
from sojourn.storage.postgres.runner import READ, PostgresRunner
from sojourn.storage.procedures import Procedure
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row

_OVERTAKEN_AFTER_SECONDS = 0.003
_MOST_IN_A_BATCH = 100


class _Question(NamedTuple):
    """One question: the future for its rows, and the values of its parameters."""

    rows: asyncio.Future[list[Row]]
    values: list[Any]


class _Queue:
    """The questions of one statement that wait, how many of its batches are under way, and when the last one began."""

    __slots__ = ("begun", "text", "under_way", "waiting")

    def __init__(self, text: str) -> None:
        self.text = text
        self.waiting: list[_Question] = []
        self.under_way = 0
        self.begun = 0.0


class Batches:
    """Sends the reads that wait to a database, in batches."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, message: OneMessage, parameters: dict[str, Any]) -> list[Row]:
        """The rows of one question. Raises what the driver raises.

        A caller who is cancelled loses only this answer: the connection serves others, so it goes on.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.get(message.text)
        if queue is None:
            queue = self._queues[message.text] = _Queue(message.text)
        question = _Question(loop.create_future(), message.values(parameters))
        queue.waiting.append(question)
        is_first = len(queue.waiting) == 1
        if is_first and (not queue.under_way or loop.time() - queue.begun > _OVERTAKEN_AFTER_SECONDS):
            loop.call_soon(self._begin, queue)
        return await question.rows

    async def close(self) -> None:
        """Wait until what was asked is answered."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, queue: _Queue) -> None:
        """Send what waits, as one batch."""
        batch, queue.waiting = queue.waiting[:_MOST_IN_A_BATCH], queue.waiting[_MOST_IN_A_BATCH:]
        if not batch:
            return
        loop = asyncio.get_running_loop()
        queue.under_way += 1
        queue.begun = loop.time()
        overtaken = loop.call_later(_OVERTAKEN_AFTER_SECONDS, self._begin, queue)
        task = loop.create_task(self._serve(queue.text, batch))
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            overtaken.cancel()
            self._tasks.discard(task)
            queue.under_way -= 1
            self._begin(queue)

        task.add_done_callback(over)

    async def _serve(self, text: str, batch: list[_Question]) -> None:
        try:
            connection = await self._connections.take()
        except DRIVER_ERRORS as error:
            _refuse(batch, error)
            return
        was_well = False
        try:
            was_well = await _ask_together(connection, text, batch=batch)
        except asyncio.CancelledError:
            _refuse(batch, Unavailable())
            connection.terminate()
            raise
        except Exception as error:  # a bug of ours: the callers get the error instead of waiting for ever
            _refuse(batch, error)
        finally:
            await self._connections.give_back(connection, keep=was_well)


async def _ask_together(connection: Any, text: str, *, batch: list[_Question]) -> bool:
    """Answer each question of a batch; whether nothing failed.

    Where one fails the server undoes all, so each is asked again by itself.
    """
    try:
        found = await _rows(connection, text, batch=batch)
    except DRIVER_ERRORS as error:
        if len(batch) == 1 or is_dropped(error):
            _refuse(batch, error)
            return False
        for question in batch:
            await _ask_together(connection, text, batch=[question])
        return False
    for question, rows in zip(batch, found, strict=True):
        if not question.rows.done():  # its caller was cancelled
            question.rows.set_result(rows)
    return True


async def _rows(connection: Any, text: str, *, batch: list[_Question]) -> list[list[Row]]:
    values = [(*question.values, number) for number, question in enumerate(batch)]
    records = await (connection.fetch(text, *values[0]) if len(batch) == 1 else connection.fetchmany(text, values))
    found: list[list[Row]] = [[] for _ in batch]
    for record in records:
        number, *row = record
        found[number].append(tuple(row))
    return found


def _refuse(batch: list[_Question], error: BaseException) -> None:
    for question in batch:
        if not question.rows.done():
            question.rows.set_exception(error)


class PostgresReader:
    """Runs statements that only read: each by itself, or inside `snapshot` all as of one instant.

    Outside a snapshot each statement shows an instant after it was asked, so it sees every write that was acknowledged
    before. One that plans anew is a snapshot, too: its transaction says so.
    """

    __slots__ = ("_batches", "_pool", "_transaction", "_wait_seconds")

    def __init__(self, batches: Batches, pool: Any, *, wait_seconds: float) -> None:
        self._batches = batches
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._transaction: PostgresRunner | None = None

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        if self._transaction is not None or statement.plans_anew:
            return await self._held().all(statement, parameters)
        message = one_message(statement, one=False, of_tenant="tenant" in parameters)
        return await self._batches.ask(message, parameters)

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        if self._transaction is not None or statement.plans_anew:
            return await self._held().one(statement, parameters)
        message = one_message(statement, one=True, of_tenant="tenant" in parameters)
        rows = await self._batches.ask(message, parameters)
        return rows[0] if rows else None

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        """Refused by the server: the transaction is read only."""
        return await self._held().run(statement, parameters)

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        """Refused by the server likewise."""
        await self._held().run_many(statement, parameters)

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        """Refused by the server likewise."""
        return await self._held().call(procedure, parameters, beside=beside)

    async def pause(self) -> None:
        """End the transaction, if there is one."""
        if self._transaction is not None:
            await self._transaction.commit()
            self._transaction = None

    def snapshot(self) -> AbstractContextManager[None]:
        """Statements inside, and those that follow, are in one transaction that sees one instant."""
        return self._one_instant()

    async def alone(self, name: str) -> None:
        """The name is held by the transaction, as for writes."""
        await self._held().alone(name)

    async def beside(self, *names: str) -> None:
        """Likewise."""
        await self._held().beside(*names)

    def shard(self) -> int:
        """Any of a counter's rows."""
        return self._held().shard()

    async def commit(self) -> None:
        """End the transaction, if there is one."""
        await self.pause()

    async def roll_back(self) -> None:
        """Undo the transaction, if there is one."""
        if self._transaction is not None:
            await self._transaction.roll_back()

    async def abandon(self) -> None:
        """Close the transaction's connection, if there is one."""
        if self._transaction is not None:
            await self._transaction.abandon()

    @contextmanager
    def _one_instant(self) -> Iterator[None]:
        self._held()
        yield

    def _held(self) -> PostgresRunner:
        if self._transaction is None:
            self._transaction = PostgresRunner(self._pool, READ, wait_seconds=self._wait_seconds)
        return self._transaction
