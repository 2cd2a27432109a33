"""Connections that are kept for the next message: never more than agreed, never a broken one, none for long."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from sojourn.storage.postgres import pools
from sojourn.storage.postgres.connections import Connections
from tests.postgres import Cluster

PATIENCE_SECONDS = 60


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    found = cluster.create()
    yield found
    cluster.drop(found)


def with_pool(url: str, work: Callable[[Any, Connections], Awaitable[None]], *, size: int) -> None:
    async def run() -> None:
        pool = await pools.make(url, size=size)
        connections = Connections(pool, PATIENCE_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work(pool, connections)
            await connections.close()
            assert in_use(pool) == 0
            await pool.close()

    asyncio.run(run())


def in_use(pool: Any) -> int:
    used: int = pool.get_size() - pool.get_idle_size()
    return used


@pytest.mark.parametrize(("size", "kept"), [(1, 0), (2, 1), (4, 1), (8, 2)])
def test_a_part_of_the_pool_is_kept(
    cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch, size: int, kept: int
) -> None:
    monkeypatch.setattr("sojourn.storage.postgres.connections._LOOKED_AT_EVERY_SECONDS", 3600)

    async def work(pool: Any, connections: Connections) -> None:
        taken = [await connections.take() for _ in range(size)]
        assert in_use(pool) == size
        for connection in taken:
            await connections.give_back(connection, keep=True)
        assert in_use(pool) == kept
        for _ in range(3):
            async with connections.one():
                pass
        assert in_use(pool) == kept

    with_pool(cluster.url(name), work, size=size)


def test_what_is_kept_and_not_used_returns_to_the_pool(cluster: Cluster, name: str) -> None:
    async def work(pool: Any, connections: Connections) -> None:
        for _ in range(3):
            async with connections.one() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            while in_use(pool):
                await asyncio.sleep(0.01)

    with_pool(cluster.url(name), work, size=4)


def test_messages_without_a_pause_leave_a_connection_for_a_transaction(cluster: Cluster, name: str) -> None:
    async def work(pool: Any, connections: Connections) -> None:
        async def ask() -> None:
            while True:
                async with connections.one() as connection:
                    await connection.fetchval("SELECT 1")

        asking = [asyncio.create_task(ask()) for _ in range(5)]
        for _ in range(20):
            async with pool.acquire() as connection, connection.transaction():
                assert await connection.fetchval("SELECT 1") == 1
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)

    with_pool(cluster.url(name), work, size=2)


def test_what_was_closed_meanwhile_or_failed_is_not_given_out_again(cluster: Cluster, name: str) -> None:
    async def work(pool: Any, connections: Connections) -> None:
        first = await connections.take()
        number = await first.fetchval("SELECT pg_backend_pid()")
        await connections.give_back(first, keep=True)
        first.terminate()
        async with connections.one() as second:
            other = await second.fetchval("SELECT pg_backend_pid()")
        assert other != number
        with contextlib.suppress(asyncpg.DivisionByZeroError):
            async with connections.one() as third:
                await third.fetchval("SELECT 1 / 0")
        assert in_use(pool) == 0

    with_pool(cluster.url(name), work, size=4)


def test_a_wait_for_a_connection_has_an_end(cluster: Cluster, name: str) -> None:
    async def work(pool: Any, _: Connections) -> None:
        hasty = Connections(pool, 0.05)
        async with hasty.one():
            with pytest.raises(TimeoutError):
                await hasty.take()
        await hasty.close()

    with_pool(cluster.url(name), work, size=1)
