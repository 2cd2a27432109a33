"""A database of 0.1.0 on a coordinator is migrated and distributed, and one that was distributed as 0.1.0 is migrated.

Every row still says what it said; the numbers that 0.1.0 left wrong are right.
"""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sojourn.storage import engines
from sojourn.storage.postgres import citus as spreading
from sojourn.storage.postgres import schema
from sojourn.storage.postgres.citus import REFERENCE_TABLES
from tests.cluster.clusters import CitusCluster
from tests.storage.test_portable_sql import IN_ONE_ORDER, TENANT_TABLES
from tests.upgrade.released import FIRST, inserts, tables
from tests.upgrade.test_first_release import COUNTED, FILLED, TENANTS, rows, wrong_numbers

WHOLE = "SELECT relname::text FROM pg_dist_partition JOIN pg_class c ON c.oid = logicalrelid WHERE NOT relispartition"


@pytest.fixture
def first_release(citus: CitusCluster, tmp_path: Path) -> Iterator[str]:
    """The name of a database of 0.1.0 with its rows, on the coordinator alone."""
    name = citus.create()
    (tmp_path / "versions").mkdir()
    shutil.copy(FIRST, tmp_path / "versions")
    asyncio.run(engines.migrate(citus.url(name), folder=tmp_path))
    citus.script("DROP TABLE migration_steps; " + "; ".join(inserts(FILLED)), name)
    yield name
    citus.drop(name)


@pytest.mark.parametrize("distributed_first", [False, True], ids=["then distributed", "distributed before"])
def test_a_database_of_the_first_release_keeps_every_row_in_its_meaning(
    citus: CitusCluster, first_release: str, *, distributed_first: bool
) -> None:
    url = citus.url(first_release)
    kept = {table: columns for table, columns in tables(FILLED).items() if table != COUNTED}
    before = {table: found(citus, first_release, table, columns=columns) for table, columns in kept.items()}
    if distributed_first:
        asyncio.run(schema.on_connection(url, lambda connection: spreading.distribute(connection, print)))

    asyncio.run(engines.migrate(url))
    if not distributed_first:
        asyncio.run(engines.migrate(url, distribute=True))

    assert {table: found(citus, first_release, table, columns=columns) for table, columns in kept.items()} == before
    assert wrong_numbers(url) == []
    assert {name for (name,) in citus.command(WHOLE, first_release)} == (TENANT_TABLES - IN_ONE_ORDER) | set(
        REFERENCE_TABLES
    )
    nodes = {citus.node_of(first_release, tenant) for tenant in TENANTS}
    assert nodes <= set(citus.workers)


def found(citus: CitusCluster, database: str, table: str, *, columns: list[str]) -> list[tuple[str, ...]]:
    """The rows of a table, as text. Citus refuses a cast of a text of limited length in a query of several nodes."""

    def run(statement: str) -> list[tuple[str, ...]]:
        return citus.command(re.sub(r"CAST\((\w+) AS text\)", r"format('%s', \1)", statement), database)

    return rows(run, table, columns=columns)
