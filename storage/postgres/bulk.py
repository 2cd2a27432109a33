"""Bulk loading into PostgreSQL: COPY into a table of the connection's own, from there in one statement per table.

COPY itself cannot write to a table that row security holds. On a cluster that second statement would be a COPY to the
nodes: there the rows go in statements that hold some hundreds of them.
"""

import csv
import io
from typing import Any

import asyncpg

from sojourn.storage.postgres import citus
from sojourn.storage.postgres.codecs import set_codecs
from sojourn.storage.postgres.poolers import connect, in_transaction
from sojourn.storage.queries import statistics
from sojourn.storage.schema.tables import SessionTable, UserTable
from sojourn.storage.upkeep.bulk import AlreadyLoaded, Batch, BulkLoader

_COLUMNS = {
    "users": list(UserTable.__table__.c.keys()),
    "sessions": list(SessionTable.__table__.c.keys()),
}
_CONFLICT = {"users": " ON CONFLICT DO NOTHING", "sessions": ""}
_AT_ONCE = 500
_ENSURE_TENANT = "INSERT INTO tenants (id, created_at) VALUES ($1, $2::text::timestamptz) ON CONFLICT DO NOTHING"


class PostgresLoader(BulkLoader):
    """Loads one database over one connection."""

    def __init__(self, connection: Any, *, distributed: bool) -> None:
        self._connection = connection
        self._distributed = distributed

    @classmethod
    async def connect(cls, url: str) -> "PostgresLoader":
        """Connect. Raises OSError."""
        connection = await connect(url)
        distributed = bool(await in_transaction(connection, citus.IS_HERE))
        if distributed:
            await set_codecs(connection)
        return cls(connection, distributed=distributed)

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
            await run.execute(citus.REACH_NODES)
            quoted = batch.tenant_id.replace("'", "''")
            await run.execute(f"SET LOCAL sojourn.tenant = '{quoted}'")
            await run.execute(_ENSURE_TENANT, batch.tenant_id, batch.begun_at)
            fill = self._insert if self._distributed else self._copy
            await fill("users", batch.users)
            await fill("sessions", batch.sessions)
            text, names = statistics.COUNT.numbered()
            for (kind, device_type), by in batch.counts.items():
                counted = {"tenant": batch.tenant_id, "kind": kind, "device_type": device_type, "shard": 0, "by": by}
                await run.execute(text, *[counted[name] for name in names])

    async def close(self) -> None:
        """Run ANALYZE, because autovacuum would be too late, and close the connection."""
        for table in (*_COLUMNS, "session_counters"):
            await self._connection.execute(f"ANALYZE {table}")
        await self._connection.close()

    async def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        names = _COLUMNS[table]
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            numbers = iter(range(1, len(some) * len(names) + 1))
            places = ", ".join(f"({', '.join(f'${next(numbers)}' for _ in names)})" for _ in some)
            text = f"INSERT INTO {table} ({', '.join(names)}) VALUES {places}{_CONFLICT[table]}"  # noqa: S608 - our names
            await self._connection.execute(text, *[row[name] for row in some for name in names])

    async def _copy(self, table: str, rows: list[dict[str, Any]]) -> None:
        run = self._connection
        await run.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DROP")
        lines = io.StringIO()
        csv.writer(lines).writerows([row[name] for name in _COLUMNS[table]] for row in rows)
        source = io.BytesIO(lines.getvalue().encode())
        await run.copy_to_table(f"new_{table}", source=source, columns=_COLUMNS[table], format="csv")
        await run.execute(f"INSERT INTO {table} SELECT * FROM new_{table}{_CONFLICT[table]}")  # noqa: S608 - our names
