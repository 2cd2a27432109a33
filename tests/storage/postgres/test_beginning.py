"""How a transaction begins: in one message with its settings, and on a cluster in two, of which BEGIN is the first."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from sojourn.storage.postgres.codecs import set_codecs
from sojourn.storage.postgres.database import PostgresDatabase
from sojourn.storage.queries import sessions
from tests.postgres import Cluster
from tests.storage.conftest import ACME, T0
from tests.storage.postgres.test_messages import Wire, wire

__all__ = ["wire"]
LOCKS = "; SET LOCAL lock_timeout = '2000'"


@pytest.fixture
def url(cluster: Cluster, wire: Wire) -> Iterator[str]:
    """A database behind the proxy that counts."""
    name = cluster.create()
    yield cluster.url(name).replace(str(cluster.folder), str(wire.folder))
    cluster.drop(name)


async def messages_of_a_read(database: PostgresDatabase, wire: Wire) -> int:
    """How many messages a read takes whose statements the connection knows."""
    for _ in range(3):
        before = wire.mark()
        found = await database.read(ACME, lambda unit: sessions.count_active_of_user(unit, "ann", now=T0))
        assert found == 0
    return wire.since(before)


async def nothing(_: Any) -> None:
    """A connection is used on as it is."""


@pytest.mark.parametrize("settings", ["", LOCKS])
@pytest.mark.parametrize("apart", [False, True])
def test_a_transaction_of_a_cluster_begins_with_a_message_more(
    wire: Wire, url: str, *, apart: bool, settings: str
) -> None:
    """BEGIN with what is set, the statement, COMMIT."""

    async def count() -> int:
        async with asyncpg.create_pool(url, min_size=1, max_size=1, init=set_codecs, reset=nothing) as pool:
            database = PostgresDatabase(pool, pool, wait_seconds=30, functions=None, settings=settings, apart=apart)
            return await messages_of_a_read(database, wire)

    assert asyncio.run(count()) == 3 + apart


def test_an_ordinary_database_is_asked_in_one_message(wire: Wire, url: str) -> None:
    """And where a read needs a transaction, in three."""

    async def count() -> tuple[int, int]:
        database = await PostgresDatabase.connect(url, timedelta(seconds=30), pool_size=1)
        try:
            read = await messages_of_a_read(database, wire)
            await database.time()
            before = wire.mark()
            await database.time()
            return read, wire.since(before)
        finally:
            await database.close()

    assert asyncio.run(count()) == (1, 3)
