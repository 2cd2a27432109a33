"""Connections for single messages: taken from the pool, and kept for a moment for the next message.

To take a connection from the driver's pool and to give it back costs three tasks of the event loop, about as much as a
read itself. Under load the next message comes within a millisecond, so a few connections are kept that long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from sojourn.storage.postgres.failures import DRIVER_ERRORS

_LOOKED_AT_EVERY_SECONDS = 0.01
_HELD_OF_THE_POOL = 4
"""One connection of so many may be held, at least one, so that transactions find others there."""


class Connections:
    """Gives out a pool's connections. One that is given back and not taken again within 20 ms returns to the pool."""

    def __init__(self, pool: Any, wait_seconds: float) -> None:
        self._pool = pool
        self._wait_seconds = wait_seconds
        size = pool.get_max_size()
        self._most = min(max(1, size // _HELD_OF_THE_POOL), size - 1)
        self._held: set[Any] = set()  # taken or not, they do not return to the pool after each message
        self._kept: list[Any] = []  # those of them that are not taken
        self._was_used = False
        self._look: asyncio.TimerHandle | None = None
        self._returns: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Any]:
        """A connection. Raises what the driver raises, TimeoutError after `wait_seconds`."""
        connection, was_well = await self.take(), False
        try:
            yield connection
            was_well = True
        finally:
            await self.give_back(connection, keep=was_well)

    async def take(self) -> Any:
        """A connection, to be given back whatever happens to it. Raises the same."""
        self._was_used = True
        while self._kept:
            connection = self._kept.pop()
            if _is_open(connection):
                return connection
            await self._return(connection)
        # Without a task of its own, unlike the time-out that the driver's pool offers.
        async with asyncio.timeout(self._wait_seconds):
            connection = await self._pool.acquire()
        if len(self._held) < self._most:
            self._held.add(connection)
        return connection

    async def give_back(self, connection: Any, *, keep: bool) -> None:
        """Keep the connection for the next message, or return it to the pool, which ends one that is not well."""
        if not keep or connection not in self._held or not _is_open(connection):
            await self._return(connection)
            return
        self._kept.append(connection)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(_LOOKED_AT_EVERY_SECONDS, self._let_go)

    async def close(self) -> None:
        """Return what is kept to the pool."""
        self._was_used = False
        if self._look is not None:
            self._look.cancel()
            self._let_go()
        if self._returns:
            await asyncio.wait(self._returns)

    def _let_go(self) -> None:
        """Return what is kept if nothing was taken since the last look."""
        loop = asyncio.get_running_loop()
        if self._was_used:
            self._was_used = False
            self._look = loop.call_later(_LOOKED_AT_EVERY_SECONDS, self._let_go)
            return
        self._look = None
        kept, self._kept = self._kept, []
        for connection in kept:
            task = loop.create_task(self._return(connection))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)

    async def _return(self, connection: Any) -> None:
        self._held.discard(connection)
        with suppress(*DRIVER_ERRORS):  # a connection that is gone: the pool makes another
            await self._pool.release(connection, timeout=self._wait_seconds)


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the driver has closed it and taken it back by itself
        return False
