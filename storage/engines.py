"""The engines: which of the two a database URL names. The only module that knows both.

An engine's driver is loaded with the engine's first use. No error of a driver leaves `sojourn.storage`: callers get
Unreachable, SchemaMismatch or Unavailable.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sojourn.storage.database import Database
from sojourn.storage.schema import revisions
from sojourn.storage.statements import POSTGRESQL, SQLITE, compile_all
from sojourn.storage.upkeep.bulk import BulkLoader

if TYPE_CHECKING:
    from sojourn.storage.schema.migrating import Migration

T = TypeVar("T")

SQLITE_PREFIX = "sqlite:///"
POSTGRESQL_PREFIX = "postgresql://"
_BUSY_TIMEOUT = timedelta(seconds=5)
_ONE_FILE = "a SQLite file cannot be spread over nodes: use PostgreSQL with the extension citus"


class Unreachable(Exception):
    """The database of a URL cannot be used: not there, not to be opened, broken. The message tells the cause."""


async def open_database(
    url: str, busy_timeout: timedelta = _BUSY_TIMEOUT, *, pool_size: int = 10, allow_bypass: bool = False
) -> Database:
    """Open the database of `url`, `sqlite:///file.db` or `postgresql://user@host/name`.

    `busy_timeout` is how long a write waits for others, and on PostgreSQL a request for one of the `pool_size`
    connections. Raises ValueError for another kind of URL, OSError or Unavailable when the database cannot be reached
    now, SchemaMismatch when `sojourn migrate` has to run first (a new SQLite file gets its tables at once), and
    RowSecurityBypassed for a role that row security does not hold, unless `allow_bypass`.
    """
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres.database import PostgresDatabase

        return await PostgresDatabase.connect(url, busy_timeout, pool_size=pool_size, allow_bypass=allow_bypass)
    from sojourn.storage.sqlite.database import SqliteDatabase

    return await SqliteDatabase.connect(_path(url), busy_timeout)


def compile_statements(url: str) -> None:
    """Compile what the engine of a URL runs, before there is a database: forked workers share the texts."""
    compile_all(POSTGRESQL if url.startswith(POSTGRESQL_PREFIX) else SQLITE)


async def with_open_database(
    url: str,
    work: Callable[[Database], Awaitable[T]],
    *,
    busy_timeout: timedelta = _BUSY_TIMEOUT,
    allow_bypass: bool = False,
    connections: int = 1,
) -> T:
    """Open the database, run `work`, close it again: what a command needs.

    On PostgreSQL as many transactions of `work` go on side by side as there are `connections`; further ones wait.
    Raises ValueError, SchemaMismatch, RowSecurityBypassed, Unavailable, and Unreachable for everything else that goes
    wrong with it.
    """
    with _failures_of(url):
        database = await open_database(url, busy_timeout, pool_size=connections, allow_bypass=allow_bypass)
        try:
            return await work(database)
        finally:
            await database.close()


@asynccontextmanager
async def open_loader(url: str) -> AsyncIterator[BulkLoader]:
    """A loader for a database whose tables exist already. Raises ValueError, Unreachable."""
    with _failures_of(url):
        loader = await _loader(url)
        yield loader
        await loader.close()


async def migrate(
    url: str,
    busy_timeout: timedelta = _BUSY_TIMEOUT,
    *,
    tell: Callable[[str], None] = lambda line: None,
    folder: Path | None = None,
    contract: bool = False,
    distribute: bool = False,
) -> None:
    """Bring the database of `url` to the newest revision of `folder`, ours by default, and `tell` each step.

    Requests may go on meanwhile. A migration that was killed goes on where it stopped. `contract` is for the time when
    no program of an older release is left: the rows that those wrote are filled, what nobody uses any more leaves, and
    they are refused from then on. `distribute`: then the tables are spread over the nodes of a cluster, by tenant.
    Raises ValueError, Unreachable, SchemaMismatch for tables of no release or of a newer one, CannotDistribute.
    """
    migration = _migration(folder, contract=contract)
    with _failures_of(url):
        if url.startswith(POSTGRESQL_PREFIX):
            from sojourn.storage.postgres import schema as postgres_schema

            return await postgres_schema.migrate(url, migration=migration, tell=tell, distribute=distribute)
        if distribute:
            raise revisions.CannotDistribute(_ONE_FILE)
        from sojourn.storage.sqlite import schema as sqlite_schema

        wait = busy_timeout.total_seconds()
        return await asyncio.to_thread(sqlite_schema.migrate, _path(url), wait, migration=migration, tell=tell)


@asynccontextmanager
async def no_migration(url: str, *, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """No migration of the database of `url` runs in the block: one that runs is waited for, and `tell` is called with
    a line that says so.

    A migration counts sessions anew, and adds what is missing to the numbers a moment later. A repair of the same
    numbers between the two would be added twice. Raises ValueError, Unreachable.
    """
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres import schema as postgres_schema

        async with AsyncExitStack() as stack:
            with _failures_of(url):
                await stack.enter_async_context(postgres_schema.alone(url, tell))
            yield
        return
    from sojourn.storage.sqlite import schema as sqlite_schema

    with ExitStack() as held:
        with _failures_of(url):
            held.enter_context(sqlite_schema.alone(_path(url), tell))
        yield


async def plan_migration(url: str, *, folder: Path | None = None, contract: bool = False) -> list[str]:
    """What `migrate` would do, a line each. Raises ValueError, Unreachable, SchemaMismatch."""
    migration = _migration(folder, contract=contract)
    return await _ask(url, lambda connection: list(migration.plan(connection)))


async def plan_distribution(url: str) -> list[str]:
    """What `migrate` with `distribute` would do after the migration, a line each.

    Raises ValueError, Unreachable, CannotDistribute.
    """
    with _failures_of(url):
        if not url.startswith(POSTGRESQL_PREFIX):
            raise revisions.CannotDistribute(_ONE_FILE)
        from sojourn.storage.postgres import schema as postgres_schema

        return await postgres_schema.plan_distribution(url)


async def require_current(url: str) -> None:
    """Raises SchemaMismatch when this program cannot serve the database of `url`; ValueError, Unreachable."""
    await _ask(url, revisions.require_current)


async def _ask(url: str, work: Callable[[Connection], T]) -> T:
    with _failures_of(url):
        if url.startswith(POSTGRESQL_PREFIX):
            from sojourn.storage.postgres import schema as postgres_schema

            return await postgres_schema.on_connection(url, work)
        from sojourn.storage.sqlite import schema as sqlite_schema

        return sqlite_schema.read(_path(url), work)


def _migration(folder: Path | None, *, contract: bool) -> "Migration":
    from sojourn.storage.schema.migrating import HOME, Migration

    return Migration(folder or HOME, contract=contract)


async def _loader(url: str) -> BulkLoader:
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres.bulk import PostgresLoader

        return await PostgresLoader.connect(url)
    from sojourn.storage.sqlite.bulk import SqliteLoader

    return SqliteLoader(_path(url))


def _path(url: str) -> Path:
    if not url.startswith(SQLITE_PREFIX) or url == SQLITE_PREFIX:
        raise ValueError("a database URL reads sqlite:///file.db or sqlite:////absolute/file.db")
    return Path(url.removeprefix(SQLITE_PREFIX))


def missing_file(url: str) -> Path | None:
    """The SQLite file of `url` if it is not there; None if it is, and for another engine. Raises ValueError."""
    if url.startswith(POSTGRESQL_PREFIX):
        return None
    path = _path(url)
    return None if path.exists() else path.absolute()


@contextmanager
def _failures_of(url: str) -> Iterator[None]:
    """What the engine's driver or the system raises, as Unreachable; and where the driver is not installed."""
    if url.startswith(POSTGRESQL_PREFIX) and find_spec("asyncpg") is None:
        raise Unreachable("the driver of PostgreSQL is not installed: run `pip install 'sojourn[postgres]'`")
    try:
        yield
    except _driver_errors(url) as error:
        raise Unreachable(str(getattr(error, "orig", None) or error)) from error


def _driver_errors(url: str) -> tuple[type[Exception], ...]:
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres.failures import DRIVER_ERRORS

        return (SQLAlchemyError, *DRIVER_ERRORS)
    return (SQLAlchemyError, sqlite3.Error, OSError)
