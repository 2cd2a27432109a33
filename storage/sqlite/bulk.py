"""Bulk loading into a SQLite file."""

import sqlite3
from pathlib import Path

from sqlalchemy import bindparam, insert

from sojourn.storage.queries import statistics, tenants
from sojourn.storage.schema.tables import SessionTable, UserTable
from sojourn.storage.sqlite.connections import connect
from sojourn.storage.statements import SQLITE, Statement
from sojourn.storage.upkeep.bulk import AlreadyLoaded, Batch, BulkLoader

_S = SessionTable.__table__
_U = UserTable.__table__

ADD_USER = Statement(
    insert(_U).prefix_with("OR IGNORE").values({column.name: bindparam(column.name) for column in _U.c})
)
ADD_SESSION = Statement(insert(_S).values({column.name: bindparam(column.name) for column in _S.c}))


class SqliteLoader(BulkLoader):
    """Loads one file."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, 5)

    async def write(self, batch: Batch) -> None:
        """Write a batch; it is durable when this returns. Raises AlreadyLoaded, sqlite3.Error with nothing written."""
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            run.execute(tenants.ENSURE.text(SQLITE), {"tenant": batch.tenant_id, "now": batch.begun_at})
            run.executemany(ADD_USER.text(SQLITE), batch.users)
            run.executemany(ADD_SESSION.text(SQLITE), batch.sessions)
            for (kind, device_type), by in batch.counts.items():
                counted = {"tenant": batch.tenant_id, "kind": kind, "device_type": device_type, "shard": 0, "by": by}
                run.execute(statistics.COUNT.text(SQLITE), counted)
        except BaseException as error:
            run.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise AlreadyLoaded(str(error)) from error
            raise
        run.execute("COMMIT")

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()
