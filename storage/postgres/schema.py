"""The schema of a PostgreSQL database: asked for its revision, and brought up to date."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sojourn.storage.postgres.poolers import connect
from sojourn.storage.schema import revisions

T = TypeVar("T")

_LOCK = 0x736F6A6F75726E  # a number of ours: one migration at a time
_LOCK_PATIENCE = "5s"
"""A migration that waits for a lock longer than this gives up, for requests queue behind it meanwhile."""


async def revision_of(url: str) -> str | None:
    """The revision of the database of `url`."""
    return await on_connection(url, revisions.revision_of)


async def upgrade(url: str, folder: Path | None = None) -> None:
    """Bring the database of `url` to the newest revision, in one transaction."""

    def run(connection: Connection) -> None:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}'"))
        if folder is None:
            revisions.upgrade(connection)
        else:
            revisions.upgrade(connection, folder)

    await on_connection(url, run)


async def on_connection(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction on a connection of SQLAlchemy's."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url),
        connect_args={"prepared_statement_cache_size": 0, "prepared_statement_name_func": str},  # "" is no name
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
