"""A pool of connections that loses none of its places, however a connection ends."""

from contextlib import suppress
from typing import Any

import asyncpg


class Pool(asyncpg.Pool):  # type: ignore[misc]  # the driver has no types
    """The driver's pool. A connection that is closed when it is given back frees its place.

    The driver waits for the end of the connection to do that. After a message that it did not expect (the farewell of a
    server that ends a connection between two statements) it has closed the connection itself, and that end never comes:
    the place would stay taken, and when all are, every request waits in vain until the process is started again.
    """

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:
        """Give a connection back. Raises what the driver raises."""
        with suppress(asyncpg.InterfaceError):  # it was given back before
            if connection.is_closed():
                connection.terminate()
        await super().release(connection, timeout=timeout)


def make(url: str, *, size: int, **options: Any) -> Pool:
    """A pool of at most `size` connections to the database of `url`, to be awaited. `options` are the driver's."""
    return Pool(
        url,
        min_size=1,
        max_size=size,
        max_queries=2**62,  # a connection is not replaced for its age in queries
        max_inactive_connection_lifetime=300.0,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        **options,
    )
