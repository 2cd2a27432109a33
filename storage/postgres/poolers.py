"""A pooler between the service and PostgreSQL, such as PgBouncer: how it is recognised, and what changes.

A pooler may give each transaction another connection of the server, so nothing may be left on a connection: no named
statement, no setting, no temporary table. Then a statement is sent without a name and inside a transaction, and the
transaction begins with our settings.
"""

from typing import Any

import asyncpg


async def connect(url: str) -> Any:
    """A connection without named statements or settings, for use inside transactions, whatever is on the way.

    Raises OSError and asyncpg's errors.
    """
    return await asyncpg.connect(url, statement_cache_size=0)


async def is_pooled(url: str) -> bool:
    """Whether a pooler is on the way. Raises OSError, asyncpg's errors.

    The process that PostgreSQL names when a connection begins is the one that serves it. A pooler names a number of its
    own, by which it finds the connection again when a statement is to be cancelled.
    """
    connection = await connect(url)
    try:
        serving: int = await in_transaction(connection, "SELECT pg_backend_pid()")
        named: int = connection.get_server_pid()
        return serving != named
    finally:
        connection.terminate()


async def in_transaction(connection: Any, text: str) -> Any:
    """The first column of the first row of a query."""
    async with connection.transaction():
        return await connection.fetchval(text)


def beginning_with(settings: dict[str, str]) -> str:
    """What follows on BEGIN so that `settings` hold until the transaction ends."""
    return "".join(f"; SET LOCAL {name} = '{value}'" for name, value in settings.items())
