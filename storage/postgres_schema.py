"""Tables in PostgreSQL, and the row security that stands behind every statement's own tenant."""

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from storage import tables, token_tables  # noqa: F401 - the tables register themselves

_LOCK = 0x736F6A6F75726E  # any number that is ours alone


async def create_missing_tables(url: str) -> None:
    """Bring a new database to the tables' shape; several processes may try at once."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_create)
    await engine.dispose()


def _create(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection)
    for table in SQLModel.metadata.sorted_tables:
        if "tenant_id" in table.columns:
            for statement in row_security(table.name):
                connection.execute(text(statement))


def row_security(table: str) -> tuple[str, ...]:
    """Statements that hold a table to the tenant that the transaction has named; without one it looks empty."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS own_tenant ON {table}",
        f"CREATE POLICY own_tenant ON {table} USING (tenant_id = current_setting('sojourn.tenant', true))",
    )
