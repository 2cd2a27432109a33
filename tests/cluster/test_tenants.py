"""A tenant sees its own rows and nobody else's, wherever on the cluster they are."""

import asyncio
import itertools
from typing import Any

import asyncpg
import pytest

from sojourn.domain.values import Tenant
from sojourn.storage.engines import with_open_database
from sojourn.storage.queries import sessions
from tests.cluster.clusters import CitusCluster
from tests.storage.conftest import T0, new_session

NEIGHBOURS = 6
EVERY = "SELECT tenant_id, count(*) FROM sessions GROUP BY 1"


@pytest.fixture(scope="module")
def filled(citus: CitusCluster, distributed: str) -> list[str]:
    """Tenants of the same users on each of the workers, a session each."""
    names = [citus.tenant_on(distributed, node) for node in citus.workers]
    names += [f"neighbour-{number}" for number in range(NEIGHBOURS)]

    async def fill(database: Any) -> None:
        for name in names:
            await database.write(Tenant(name), lambda unit: sessions.add(unit, new_session("ann", T0)))

    asyncio.run(with_open_database(citus.url(distributed), fill))
    return names


def as_role(citus: CitusCluster, database: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the role of the program is told by the last of some statements of one transaction."""

    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(citus.url(database))
        try:
            async with connection.transaction():
                for statement in statements[:-1]:
                    await connection.execute(statement)
                return [tuple(row) for row in await connection.fetch(statements[-1])]
        finally:
            await connection.close()

    return asyncio.run(run())


PROPAGATE = "SET LOCAL citus.propagate_set_commands = 'local'"


def test_a_statement_that_forgot_its_tenant_finds_the_rows_of_one(
    citus: CitusCluster, distributed: str, filled: list[str]
) -> None:
    for tenant in filled:
        own = f"SET LOCAL sojourn.tenant = '{tenant}'"
        assert as_role(citus, distributed, PROPAGATE, own, EVERY) == [(tenant, 1)]


def test_without_a_tenant_the_tables_look_empty(citus: CitusCluster, distributed: str, filled: list[str]) -> None:
    assert as_role(citus, distributed, PROPAGATE, EVERY) == []
    assert as_role(citus, distributed, EVERY) == []


def test_a_setting_ends_with_its_transaction_on_the_nodes_too(
    citus: CitusCluster, distributed: str, filled: list[str]
) -> None:
    """The coordinator keeps its connections to the nodes; the next transaction on them has another tenant, or none."""

    async def run() -> list[list[tuple[Any, ...]]]:
        connection = await asyncpg.connect(citus.url(distributed))
        told = []
        try:
            for tenant in (*filled, None, filled[0]):
                async with connection.transaction():
                    await connection.execute(PROPAGATE)
                    if tenant is not None:
                        await connection.execute(f"SET LOCAL sojourn.tenant = '{tenant}'")
                    told.append([tuple(row) for row in await connection.fetch(EVERY)])
        finally:
            await connection.close()
        return told

    assert asyncio.run(run()) == [*([(tenant, 1)] for tenant in filled), [], [(filled[0], 1)]]


def test_a_row_of_another_tenant_is_not_written(citus: CitusCluster, distributed: str, filled: list[str]) -> None:
    for tenant, other in itertools.pairwise(filled):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            as_role(
                citus,
                distributed,
                PROPAGATE,
                f"SET LOCAL sojourn.tenant = '{tenant}'",
                f"INSERT INTO users (tenant_id, user_id, key, created_at) VALUES ('{other}', 'eve', 1, now())",
            )


def test_a_tenants_rows_of_every_table_are_on_one_node(citus: CitusCluster, distributed: str) -> None:
    """So that a transaction of a tenant is one of one node."""
    spread = """
        SELECT count(*) FROM (
            SELECT shardminvalue FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
            JOIN pg_dist_partition p USING (logicalrelid) WHERE p.partmethod = 'h'
            GROUP BY shardminvalue HAVING count(DISTINCT groupid) > 1) s
    """
    assert citus.command(spread, distributed) == [(0,)]
