"""The service under test: how it is started, and its own database filled from the dataset."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from benchmarks import dataset
from benchmarks.databases import settle
from benchmarks.dataset import Session
from sojourn.storage.engines import open_database, open_loader
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.upkeep.bulk import batches

LOADED_AT = "2025-06-01T00:00:00.000Z"
_FIELDS = tuple(name for name in NewSession.__dataclass_fields__ if name in Session._fields)


def command(database: Path, port: int) -> list[str]:
    """The command that serves `database`."""
    return [
        sys.executable, "-m", "sojourn", "serve", "--database-url", f"sqlite:///{database}",
        "--port", str(port),
    ]  # fmt: skip


def environment(api_key: str, jwt_secret: str, response_validation: str) -> dict[str, str]:
    """Its settings: whom to believe, and no line of log for each request, since no peer writes one.

    Everything else is at its default.
    """
    return {
        "SOJOURN_INTERNAL_API_KEYS": api_key,
        "SOJOURN_JWT_SECRET": jwt_secret,
        "SOJOURN_RESPONSE_VALIDATION": response_validation,
        "SOJOURN_LOG_LEVEL": "warning",
    }


def fill_database(path: Path) -> None:
    """Write the dataset through the service's own storage."""
    asyncio.run(fill(f"sqlite:///{path}"))
    settle(sqlite3.connect(path))


async def fill(url: str) -> None:
    """Write the dataset into an empty database of either engine."""
    database = await open_database(url)  # which makes the tables
    await database.close()
    async with open_loader(url) as loader:
        by_tenant = sorted(dataset.all_sessions(), key=lambda session: session.tenant_id)
        for tenant, sessions in groupby(by_tenant, key=lambda session: session.tenant_id):
            for batch in batches(tenant, rows(sessions), now=LOADED_AT):
                await loader.write(batch)


def rows(sessions: Iterator[Session]) -> Iterator[tuple[NewSession, str | None]]:
    """Sessions as the loader takes them, each with the instant at which it was revoked."""
    for session in sessions:
        values = {name: getattr(session, name) for name in _FIELDS}
        values["id"] = session.id.removeprefix("sess_")
        yield NewSession(**values), session.revoked_at
