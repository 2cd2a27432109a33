"""Housekeeping on a cluster: weeks are made on every node, and one that is past its retention is dropped there."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.values import Tenant
from sojourn.storage import engines
from sojourn.storage.database import AHEAD, Database
from sojourn.storage.queries import session_revocation, sessions, usage
from sojourn.storage.upkeep import recount
from sojourn.storage.upkeep.housekeeping import Round, run_housekeeping
from tests.cluster.clusters import CitusCluster
from tests.storage.conftest import BULK, T0, new_session

NOW = from_text(T0)
A_WEEK_ON = to_text(NOW + timedelta(weeks=1))
RETENTION = timedelta(days=7)
WEEKS = "SELECT substr(tableoid::regclass::text, 1, 17), count(*) FROM sessions GROUP BY 1 ORDER BY 1"
OF_NODES = "SELECT count(*) FROM pg_class WHERE relname ~ '^session(s|_tokens|_usage)_20260413_[0-9]+$'"


@pytest.fixture
def database(citus: CitusCluster) -> Iterator[str]:
    """The name of a distributed database."""
    name = citus.create()
    asyncio.run(engines.migrate(citus.url(name), distribute=True))
    yield name
    citus.drop(name)


def test_a_week_that_ended_is_dropped_on_every_node_and_the_numbers_follow(citus: CitusCluster, database: str) -> None:
    tenants = [Tenant(citus.tenant_on(database, node)) for node in citus.workers]

    async def live(opened: Database) -> None:
        await opened.create_partitions(NOW, NOW + AHEAD)
        for tenant in tenants:
            for begun in (T0, T0, A_WEEK_ON):
                end = to_text(from_text(begun) + timedelta(hours=1))
                new = new_session("ann", begun, expires_at=end, idle_expires_at=end)
                await opened.write(tenant, lambda unit, new=new: add(unit, new))  # type: ignore[misc]

    async def run_round(opened: Database) -> Round | None:
        return await run_housekeeping(opened, "a", now=NOW + timedelta(days=18), retention=RETENTION)

    asyncio.run(engines.with_open_database(citus.url(database), live))
    assert sum(on_nodes(citus, database)) == 3 * 8
    assert citus.command(WEEKS, database) == [("sessions_20260413", 4), ("sessions_20260420", 2)]

    done = asyncio.run(engines.with_open_database(citus.url(database), run_round))

    assert done is not None
    assert done.purged == 4
    assert citus.command(WEEKS, database) == [("sessions_20260420", 2)]
    assert on_nodes(citus, database) == [0 for _ in citus.workers]
    assert citus.command("SELECT to_regclass('sessions_20260413')", database) == [(None,)]
    assert citus.command("SELECT count(*) FROM session_usage", database) == [(2,)]
    for tenant in tenants:
        assert asyncio.run(engines.with_open_database(citus.url(database), differences_of(tenant))) == []


async def add(unit: Any, new: Any) -> None:
    """A session that was used once, and then ended."""
    await sessions.add(unit, new)
    await usage.count_use(unit, new.id, day=new.created_at[:10])
    await session_revocation.revoke(unit, new.id, now=new.created_at, ending=BULK)


def differences_of(tenant: Tenant) -> Any:
    """Asks for the numbers that a recount contradicts."""

    async def look(opened: Database) -> Any:
        return await opened.read(tenant, recount.differences)

    return look


def on_nodes(citus: CitusCluster, database: str) -> list[int]:
    """How many tables of the week each worker has."""
    where = f"{database}?citus.override_table_visibility=off"
    return [citus.command(OF_NODES, where, node=node)[0][0] for node in citus.workers]
