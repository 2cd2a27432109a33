"""Requests of one tenant side by side on PostgreSQL: they wait for each other, never in a circle."""

import asyncio
import random

import pytest

from sojourn.storage.queries import session_revocation, statistics
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import purging, recount
from tests.storage.conftest import ACME, BULK, END, T0, T1, Store, new_session


@pytest.fixture
def engine() -> str:
    return "postgresql"


def test_the_same_sessions_are_ended_in_any_order_without_a_deadlock(store: Store) -> None:
    keys = [store.add(new_session(user)).id for user in ("ann", "bob", "eve") for _ in range(20)]
    attempts: list[int] = []

    async def one(seed: int) -> int:
        chance = random.Random(seed)

        async def work(unit: UnitOfWork) -> int:
            attempts.append(seed)
            if seed % 3 == 0:
                return await session_revocation.revoke_all_of_user(
                    unit, chance.choice(("ann", "bob", "eve")), now=T1, ending=BULK
                )
            asked = chance.sample(keys, len(keys))
            return len(await session_revocation.revoke_many(unit, asked, now=T1, ending=BULK))

        return await store.database.write(ACME, work)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(one(seed) for seed in range(12)))

    ended = store.run(all_at_once())

    assert sum(ended) == len(keys)
    assert len(attempts) == 12, "an attempt was run again, so two of them met in a circle"
    assert store.read(recount.differences) == []


def test_purges_and_settling_side_by_side_take_each_session_once(store: Store) -> None:
    for number in range(60):
        store.add(new_session(device_type=("desktop", "mobile", None)[number % 3]))

    async def settle() -> int:
        await store.database.write(ACME, lambda unit: statistics.settle(unit, END, limit=7))
        return 0

    async def purge() -> int:
        return await store.database.write(ACME, lambda unit: purging.purge_sessions(unit, END, limit=20))

    async def all_at_once() -> int:
        return sum(await asyncio.gather(*(purge() if number % 2 else settle() for number in range(12))))

    gone = store.run(all_at_once())
    gone += sum(store.run(purge()) for _ in range(4))

    assert gone == 60
    assert store.read(recount.differences) == []
    assert store.read(lambda unit: statistics.session_stats(unit, T0)).total == 0
