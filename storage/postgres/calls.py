"""Calls procedures in groups: those that wait at the same time are one message and one durable transaction.

While a group is being committed the next one is collected, as in the writer of SQLite. If a call fails, the others are
not affected: the server rolls back the group, and each call is repeated on its own. Calls are sorted by tenant, so
that two groups meet in the rows of counters in one order.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from secrets import randbelow
from typing import Any, NamedTuple

from sojourn.domain.errors import Unavailable
from sojourn.storage.postgres.connections import Connections
from sojourn.storage.postgres.failures import DRIVER_ERRORS, is_dropped
from sojourn.storage.postgres.functions import NOT_NOW, Function
from sojourn.storage.postgres.one_message import one_message
from sojourn.storage.postgres.runner import NOT_REPLICATED, SHARDS

_OVERTAKEN_AFTER_SECONDS = 0.02
_MOST_IN_A_GROUP = 64
_ATTEMPTS = 3
"""How often a call is made whose connection breaks and of which nothing is found."""


class _Call(NamedTuple):
    """One call: the future for the number of steps that were passed, and the function's arguments."""

    passed: asyncio.Future[int]
    parameters: dict[str, Any]
    beside: tuple[str, ...]


class _NotSent(Exception):
    """No connection was to be had, so nothing has happened. `cause` is the driver's error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Queue:
    """The calls of one function that wait, how many of its groups are under way, and when the last one began."""

    __slots__ = ("begun", "function", "under_way", "waiting")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.waiting: list[_Call] = []
        self.under_way = 0
        self.begun = 0.0


class Calls:
    """Calls the functions of a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, function: Function, parameters: dict[str, Any], *, beside: tuple[str, ...]) -> int:
        """Call a function; how many steps were passed, once that is durable. Raises what the driver raises.

        Raises Unavailable when it is unknown whether the call is durable. A caller who is cancelled does not undo it.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.get(function.name)
        if queue is None:
            queue = self._queues[function.name] = _Queue(function)
        call = _Call(loop.create_future(), parameters, beside)
        queue.waiting.append(call)
        is_first = len(queue.waiting) == 1
        if is_first and (not queue.under_way or loop.time() - queue.begun > _OVERTAKEN_AFTER_SECONDS):
            loop.call_soon(self._begin, queue)
        return await call.passed

    async def close(self) -> None:
        """Wait until what was called is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, queue: _Queue) -> None:
        """Send what waits, as one group. A group that takes long is overtaken by the next."""
        group, queue.waiting = queue.waiting[:_MOST_IN_A_GROUP], queue.waiting[_MOST_IN_A_GROUP:]
        if not group:
            return
        loop = asyncio.get_running_loop()
        queue.under_way += 1
        queue.begun = loop.time()
        overtaken = loop.call_later(_OVERTAKEN_AFTER_SECONDS, self._begin, queue)
        task = loop.create_task(self._serve(queue.function, sorted(group, key=_order)))
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            overtaken.cancel()
            self._tasks.discard(task)
            queue.under_way -= 1
            self._begin(queue)

        task.add_done_callback(over)

    async def _serve(self, function: Function, group: list[_Call]) -> None:
        """Answer every call of a group, whatever happens to it."""
        try:
            left, perhaps_done = group, False
            if len(group) > 1:
                left, perhaps_done = await self._together(function, group)
            await asyncio.gather(*(self._alone(function, call, perhaps_done=perhaps_done) for call in left))
        except asyncio.CancelledError:
            _refuse(group, Unavailable())
            raise
        except Exception as error:
            _refuse(group, error)

    async def _together(self, function: Function, group: list[_Call]) -> tuple[list[_Call], bool]:
        """Make the calls of a group in one transaction; the calls left, and whether they may be committed."""
        try:
            passed = await self._send(function, group, wait=False)
        except _NotSent:
            return group, False
        except DRIVER_ERRORS as error:  # an error of the server: it has rolled the group back
            return group, _is_unknown(error)
        for call, number in zip(group, passed, strict=True):
            if number != NOT_NOW:
                _answer(call, number)
        return [call for call, number in zip(group, passed, strict=True) if number == NOT_NOW], False

    async def _alone(self, function: Function, call: _Call, *, perhaps_done: bool) -> None:
        """Answer one call. When its connection broke, what it writes is looked for before it is made again."""
        error: Exception
        for _ in range(_ATTEMPTS):
            try:
                if perhaps_done and await self._is_done(function, call):
                    _answer(call, function.procedure.passed)
                else:
                    _answer(call, (await self._send(function, [call], wait=True))[0])
                return
            except _NotSent as failure:
                error = Unavailable() if perhaps_done else failure.cause
                break
            except DRIVER_ERRORS as failure:
                # What may be there already is only looked for again: the unit must not begin anew, whatever failed now.
                unknown = perhaps_done or _is_unknown(failure)
                error = Unavailable() if unknown else failure
                if not unknown:
                    break
                perhaps_done = True
            except Unavailable as refused:
                error = refused
                break
        _refuse([call], error)

    async def _send(self, function: Function, group: Sequence[_Call], *, wait: bool) -> list[int]:
        """One message, one transaction; for each call how many steps were passed, -1 where it would have to wait.

        Raises Unavailable when it may not have reached the replica, _NotSent, and what the driver raises.
        """
        shard = randbelow(SHARDS)
        values = [function.values(call.parameters, call.beside, shard=shard, wait=wait) for call in group]
        try:
            connection = await self._connections.take()
        except DRIVER_ERRORS as error:
            raise _NotSent(error) from error
        warnings: list[Any] = []
        was_well = False

        def listen(_: Any, message: Any) -> None:
            warnings.append(message)

        try:
            connection.add_log_listener(listen)
            if len(values) == 1:
                rows = [await connection.fetchrow(function.call, *values[0])]
            else:
                rows = await connection.fetchmany(function.call, values)
            await asyncio.sleep(0)  # listeners are called in the loop's next turn
            was_well = True
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            with suppress(*DRIVER_ERRORS):  # a connection that is gone: the pool makes another
                connection.remove_log_listener(listen)
            await self._connections.give_back(connection, keep=was_well)
        # A wait for the replica that was cancelled: done here, perhaps not there. It is not acknowledged.
        if any(message.sqlstate == NOT_REPLICATED for message in warnings):
            raise Unavailable()
        return [row[0] for row in rows]

    async def _is_done(self, function: Function, call: _Call) -> bool:
        """Whether what the call writes is there. Raises what the driver raises."""
        proof = function.procedure.proof
        message = one_message(proof.statement, one=True, of_tenant=True)
        async with self._connections.one() as connection:
            found = await connection.fetch(message.text, *message.values(proof.values(call.parameters)), 0)
        return bool(found)


def _order(call: _Call) -> tuple[str, str, str]:
    """By the tenant, and in a tenant by what other calls may write, too."""
    given = call.parameters
    return (given["tenant"], str(given.get("count_device_type", "")), str(given.get("user_id") or given.get("id", "")))


def _is_unknown(error: Exception) -> bool:
    """Whether the transaction may have been committed all the same."""
    return is_dropped(error) or isinstance(error, TimeoutError)


def _answer(call: _Call, number: int) -> None:
    if not call.passed.done():  # its caller was cancelled
        call.passed.set_result(number)


def _refuse(group: list[_Call], error: BaseException) -> None:
    for call in group:
        if not call.passed.done():
            call.passed.set_exception(error)
