"""A coordinator like any PostgreSQL, and the command that spreads its tables over the nodes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sojourn.storage import engines
from sojourn.storage.postgres.citus import REFERENCE_TABLES
from sojourn.storage.schema.revisions import CannotDistribute
from tests.cluster.clusters import ROLE, CitusCluster
from tests.live import LiveServer
from tests.storage.test_portable_sql import IN_ONE_ORDER, TENANT_TABLES

SECRET = "a-refresh-secret-of-at-least-thirty-two-bytes"
KINDS = """
    SELECT relname::text, partmethod::text, count(DISTINCT colocationid)
    FROM pg_dist_partition JOIN pg_class c ON c.oid = logicalrelid WHERE NOT relispartition GROUP BY 1, 2
"""


@pytest.fixture
def plain(citus: CitusCluster) -> Iterator[str]:
    """The name of a database without tables."""
    name = citus.create()
    yield name
    citus.drop(name)


def test_a_plain_coordinator_is_migrated_and_served_then_distributed_and_served(
    citus: CitusCluster, plain: str, tmp_path: Path
) -> None:
    url = citus.url(plain)
    asyncio.run(engines.migrate(url))
    assert citus.command(KINDS, plain) == []
    serves(tmp_path, url)

    left = asyncio.run(engines.plan_distribution(url))
    assert len(left) == len(TENANT_TABLES - IN_ONE_ORDER) + len(REFERENCE_TABLES)
    told: list[str] = []
    asyncio.run(engines.migrate(url, distribute=True, tell=told.append))

    assert [line.partition(" (")[0] for line in told] == left
    kinds = {table: kind for table, kind, _ in citus.command(KINDS, plain)}
    assert {table for table, kind in kinds.items() if kind == "h"} == TENANT_TABLES - IN_ONE_ORDER
    assert {table for table, kind in kinds.items() if kind == "n"} == set(REFERENCE_TABLES)
    together = "SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE partmethod = 'h'"
    assert citus.command(together, plain) == [(1,)]
    assert asyncio.run(engines.plan_distribution(url)) == []
    asyncio.run(engines.migrate(url, distribute=True))
    serves(tmp_path, url)


def serves(folder: Path, url: str) -> None:
    """A server starts and is ready."""
    server = LiveServer(folder, SOJOURN_DATABASE_URL=url, SOJOURN_REFRESH_SECRET=SECRET)
    assert server.stop() == 0
    assert " ERROR " not in server.log.read_text()


def test_a_coordinator_without_nodes_is_refused(citus: CitusCluster) -> None:
    name = citus.create(workers=0)
    try:
        with pytest.raises(CannotDistribute, match="citus_add_node"):
            asyncio.run(engines.migrate(citus.url(name), distribute=True))
    finally:
        citus.drop(name)


def test_every_table_of_a_tenant_is_held_to_it_on_the_nodes_too(citus: CitusCluster, distributed: str) -> None:
    """Also the copies of the tables that the workers have: none of them steps over row security for its owner."""
    unheld = (
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
        " AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id')"
    )
    shown = f"SELECT count(*) FROM pg_class WHERE relname ~ '^sessions_[0-9]+$' AND relowner = '{ROLE}'::regrole"
    for node in (citus.coordinator, *citus.workers):
        where = f"{distributed}?citus.override_table_visibility=off"
        assert citus.command(unheld, where, node=node) == []
    assert all(
        citus.command(shown, f"{distributed}?citus.override_table_visibility=off", node=node) > [(0,)]
        for node in citus.workers
    )
