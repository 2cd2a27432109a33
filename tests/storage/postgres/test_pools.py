"""A connection that ends at any moment frees its place in the pool: nobody waits for a place that nothing holds."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import timedelta

import asyncpg
import pytest

from sojourn.domain.errors import Unavailable
from sojourn.storage.postgres import pools
from sojourn.storage.postgres.database import PostgresDatabase
from sojourn.storage.queries import sessions
from tests.postgres import Cluster
from tests.storage.conftest import ACME, T0, new_session

PLACES = 3
ROUNDS = 60
PATIENCE_SECONDS = 60
ENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'sojourn'"
)


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    found = cluster.create()
    yield found
    cluster.drop(found)


def test_a_connection_that_the_driver_closed_by_itself_frees_its_place(cluster: Cluster, name: str) -> None:
    """As it does after a message that it does not expect: nobody tells the pool."""

    async def run() -> None:
        pool = await pools.make(cluster.url(name), size=1)
        for _ in range(3):
            connection = await asyncio.wait_for(pool.acquire(), PATIENCE_SECONDS)
            connection._con._protocol.abort()
            await pool.release(connection)
        async with asyncio.timeout(PATIENCE_SECONDS), pool.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(2))
def test_no_place_is_lost_when_the_server_ends_connections_at_any_moment(
    cluster: Cluster, name: str, seed: int
) -> None:
    drawn = random.Random(seed)

    async def use(database: PostgresDatabase) -> None:
        with contextlib.suppress(Unavailable):
            await asyncio.sleep(drawn.random() * 0.02)
            if drawn.random() < 0.5:
                await database.write(ACME, lambda unit: sessions.add(unit, new_session("ann", T0)))
            else:
                await database.read(ACME, lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))

    async def run() -> None:
        database = await PostgresDatabase.connect(cluster.url(name), timedelta(seconds=30), pool_size=PLACES)
        other = await asyncpg.connect(cluster.url(name, "postgres"))
        for _ in range(ROUNDS):
            users = [asyncio.create_task(use(database)) for _ in range(2 * PLACES)]
            await asyncio.sleep(drawn.random() * 0.02)
            await other.fetch(ENDS)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*users)
        await other.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while database.load().connections_in_use:  # one is given back after its answer
                await asyncio.sleep(0.01)
        await database.close()

    asyncio.run(run())
