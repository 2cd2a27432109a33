"""The schema of a PostgreSQL database: asked for its revision, and brought up to date."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from sojourn.storage.postgres import citus, functions
from sojourn.storage.postgres.poolers import connect

if TYPE_CHECKING:
    from sojourn.storage.schema.migrating import Migration, Step

T = TypeVar("T")

_LOCK = 0x736F6A6F75726E  # a number of ours: one migration at a time
_STEP_LOCK = _LOCK + 1
"""No step is taken twice, even if a migration goes on that lost the connection of its lock."""
_LOCK_PATIENCE = "1s"
"""A step that waits for a lock longer than this is undone and tried again: requests queue behind it meanwhile."""
_ATTEMPTS = 60
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.2
_IN_THE_WAY = ("55P03", "40P01", "40001")  # lock not available, deadlock, serialization failure


async def migrate(url: str, *, migration: "Migration", tell: Callable[[str], None], distribute: bool = False) -> None:
    """Take every step of a migration, each in a transaction of its own; then make the functions of this release.

    Where tables are distributed already, or are to be, so are those that are new. Raises SchemaMismatch, and the
    driver's error when requests are in the way of a step for two minutes.
    """
    async with alone(url, tell), _connected(url) as connection:
        if distribute:
            await _ask(connection, citus.left)
        while True:
            began = time.monotonic()
            step = await _next_step(connection, migration, tell=tell)
            if step is None:
                break
            tell(f"{step.line} ({(time.monotonic() - began) * 1000:.0f} ms)")
        if distribute or await _ask(connection, citus.is_distributed):
            await _patiently(connection, lambda found: citus.distribute(found, tell), tell=tell)
        await _ask(connection, lambda found: functions.install(found, usable=not citus.is_here(found)))


async def plan_distribution(url: str) -> list[str]:
    """What `migrate` with `distribute` would do beside the migration, a line each. Raises CannotDistribute."""
    return await on_connection(url, lambda connection: [change.line for change in citus.left(connection)])


async def _ask(connection: AsyncConnection, question: Callable[[Connection], T]) -> T:
    async with connection.begin():
        return await connection.run_sync(question)


async def on_connection(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction on a connection of SQLAlchemy's."""
    async with _connected(url) as connection:
        return await _ask(connection, lambda found: _reaching_nodes(found, work))


def _reaching_nodes(connection: Connection, work: Callable[[Connection], T]) -> T:
    citus.reach_nodes(connection)
    return work(connection)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url),
        connect_args={"prepared_statement_cache_size": 0, "prepared_statement_name_func": str},  # "" is no name
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def alone(url: str, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Hold the lock of migrations, of which one runs at a time; wait for another one, and say so once.

    The lock is a transaction's, so that it works through a pooler too, and ends with the connection of a migration that
    was killed. The transaction holds nothing else back: it has no snapshot.
    """
    connection = await connect(url)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        told = False
        while not await connection.fetchval(f"SELECT pg_try_advisory_xact_lock({_LOCK})"):
            if not told:
                tell("another migration runs: waiting for its end")
            told = True
            await asyncio.sleep(_LOOK_SECONDS)
        yield
    finally:
        connection.terminate()


async def _next_step(
    connection: AsyncConnection, migration: "Migration", *, tell: Callable[[str], None]
) -> "Step | None":
    """Find the next step and take it; None when nothing is left."""

    def look_and_take(connection: Connection) -> "Step | None":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_STEP_LOCK})"))
        step = migration.look(connection)
        if step is not None:
            migration.take(connection, step)
        return step

    return await _patiently(connection, look_and_take, tell=tell)


async def _patiently(connection: AsyncConnection, work: Callable[[Connection], T], *, tell: Callable[[str], None]) -> T:
    """Run `work` in a transaction; again, for a while, where requests are in its way."""

    def with_patience(connection: Connection) -> T:
        citus.reach_nodes(connection)
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}'"))
        return work(connection)

    for attempt in range(_ATTEMPTS):
        try:
            async with connection.begin():
                return await connection.run_sync(with_patience)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY or attempt == _ATTEMPTS - 1:
                raise
        if attempt == 0:
            tell("requests are in the way of the next step: it is tried again")
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")
