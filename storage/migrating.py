"""The way to the newest schema, whichever engine a URL names."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sojourn.storage.database import POSTGRESQL_PREFIX, SQLITE_PREFIX
from sojourn.storage.schema import revisions


async def migrate(url: str, busy_timeout: timedelta = timedelta(seconds=5), folder: Path | None = None) -> None:
    """Bring the database of `url` to the newest revision of `folder`, ours by default.

    Requests may go on meanwhile. Raises OSError when it cannot be reached, the engine's errors when it refuses.
    """
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres import schema as postgres_schema

        return await postgres_schema.upgrade(url, folder)
    from sojourn.storage.sqlite import schema as sqlite_schema

    path = Path(url.removeprefix(SQLITE_PREFIX))
    return await asyncio.to_thread(sqlite_schema.upgrade, path, busy_timeout.total_seconds(), folder)


async def check(url: str) -> None:
    """Raises SchemaOutdated when the database of `url` has an older schema, or none."""
    if url.startswith(POSTGRESQL_PREFIX):
        from sojourn.storage.postgres import schema as postgres_schema

        return revisions.require_current(await postgres_schema.revision_of(url))
    from sojourn.storage.sqlite import schema as sqlite_schema

    return revisions.require_current(sqlite_schema.revision_of(Path(url.removeprefix(SQLITE_PREFIX))))
