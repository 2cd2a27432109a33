"""Bulk loading into PostgreSQL: COPY into a table of the connection's own, from there in one statement per table.

COPY itself cannot write to a table that row security holds.
"""

import csv
import io
from typing import Any

import asyncpg

from sojourn.storage.postgres.poolers import connect
from sojourn.storage.queries import statistics
from sojourn.storage.schema.tables import SessionTable, UserTable
from sojourn.storage.upkeep.bulk import AlreadyLoaded, Batch, BulkLoader

_COLUMNS = {
    "users": list(UserTable.__table__.c.keys()),
    "sessions": list(SessionTable.__table__.c.keys()),
}
_ENSURE_TENANT = "INSERT INTO tenants (id, created_at) VALUES ($1, $2::text::timestamptz) ON CONFLICT DO NOTHING"


class PostgresLoader(BulkLoader):
    """Loads one database over one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> "PostgresLoader":
        """Connect. Raises OSError."""
        return cls(await connect(url))

    async def write(self, batch: Batch) -> None:
        """Write a batch; it is durable when this returns. Raises AlreadyLoaded, asyncpg's errors; nothing written."""
        try:
            await self._write(batch)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyLoaded(str(error)) from error

    async def _write(self, batch: Batch) -> None:
        run = self._connection
        async with run.transaction():
            await run.execute("SET LOCAL jit = off")
            for table in _COLUMNS:
                await run.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DROP")
            await run.execute("SELECT set_config('sojourn.tenant', $1, true)", batch.tenant_id)
            await run.execute(_ENSURE_TENANT, batch.tenant_id, batch.begun_at)
            await self._copy("users", batch.users)
            await self._copy("sessions", batch.sessions)
            await run.execute("INSERT INTO users SELECT * FROM new_users ON CONFLICT DO NOTHING")
            await run.execute("INSERT INTO sessions SELECT * FROM new_sessions")
            text, names = statistics.COUNT.numbered()
            for (kind, device_type), by in batch.counts.items():
                counted = {"tenant": batch.tenant_id, "kind": kind, "device_type": device_type, "shard": 0, "by": by}
                await run.execute(text, *[counted[name] for name in names])

    async def close(self) -> None:
        """Run ANALYZE, because autovacuum would be too late, and close the connection."""
        for table in (*_COLUMNS, "session_counters"):
            await self._connection.execute(f"ANALYZE {table}")
        await self._connection.close()

    async def _copy(self, table: str, rows: list[dict[str, Any]]) -> None:
        lines = io.StringIO()
        csv.writer(lines).writerows([row[name] for name in _COLUMNS[table]] for row in rows)
        source = io.BytesIO(lines.getvalue().encode())
        await self._connection.copy_to_table(f"new_{table}", source=source, columns=_COLUMNS[table], format="csv")
