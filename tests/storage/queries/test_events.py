"""Every way a session can end is told once, in the transaction that ends it, in one order."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.endings import RESTORED, Ending
from sojourn.domain.ids import uuid7
from sojourn.storage.queries import (
    erasure,
    events,
    feed,
    session_limit,
    session_revocation,
    sign_ins,
    statistics,
)
from sojourn.storage.queries.feed import EVERYBODY, EventRow
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import mass_revocation, purging
from tests.storage.conftest import ACME, END, IDLE, NOISE, T0, T1, T2, Store, new_session

BY_ADMIN = Ending("adm", "leak", "revoked_by_admin", "admin")
LONG_AFTER = Instant("2026-06-15T08:00:00.000Z")
Sql = Callable[[str], list[tuple[Any, ...]]]


def told(store: Store, *types: str) -> list[EventRow]:
    """Every event of some types, numbered and in order."""
    store.run(store.database.number_events())
    wanted = frozenset(types)
    return store.run(
        store.database.read(EVERYBODY, lambda unit: feed.read(unit, wanted, after=0, until=10**9, limit=10**6))
    )


def ends(store: Store) -> list[EventRow]:
    return [event for event in told(store, "session.ended") if event.tenant_id == "acme"]


async def _restore(store: Store) -> None:
    await mass_revocation.end_all(store.database, ACME, now=T1, ending=RESTORED)


def _unit(work: Callable[[UnitOfWork], Awaitable[Any]]) -> Callable[[Store], Awaitable[Any]]:
    return lambda store: store.database.write(ACME, work)


async def _erase(unit: UnitOfWork) -> None:
    await sign_ins.stop(unit, "ann")
    await erasure.erase(unit, "ann", until=T1)


WAYS: dict[str, tuple[Callable[[Store], Awaitable[Any]], str]] = {
    "all of a user": (
        _unit(lambda u: session_revocation.revoke_all_of_user(u, "ann", now=T1, ending=BY_ADMIN)),
        "revoked_by_admin",
    ),
    "limit": (
        _unit(
            lambda u: session_limit.end_idlest(
                u, "ann", limit=1, now=T1, ending=Ending("sojourn", "session_limit", "session_limit", "policy")
            )
        ),
        "session_limit",
    ),
    "restored": (_restore, "restored"),
    "erased": (_unit(_erase), "erased"),
    "settled": (_unit(lambda u: statistics.settle(u, IDLE, limit=10)), "idle_timeout"),
    "purged unsettled": (_unit(lambda u: purging.purge_sessions(u, LONG_AFTER, limit=10)), "idle_timeout"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_end_is_told_once(store: Store, way: str) -> None:
    end, code = WAYS[way]
    keys = {store.add(new_session("ann", device_type="mobile")).id for _ in range(3)}

    store.run(end(store))
    store.run(end(store))

    found = ends(store)
    assert Counter(event.session_id for event in found) == Counter(keys)
    assert {event.reason_code for event in found} == {code}


def test_an_expiry_is_dated_with_its_deadline(store: Store) -> None:
    store.add(new_session("ann"))

    store.write(lambda unit: statistics.settle(unit, END, limit=10))

    (event,) = ends(store)
    assert (event.occurred_at, event.reason_code, event.initiated_by) == (IDLE, "idle_timeout", "policy")


def test_the_first_reason_stands(store: Store) -> None:
    kept = store.add(new_session("ann"))
    store.write(lambda unit: statistics.settle(unit, IDLE, limit=10))

    store.write(lambda unit: session_revocation.revoke_many(unit, [kept.id], now=T1, ending=BY_ADMIN))

    assert [event.reason_code for event in ends(store)] == ["idle_timeout"]


def test_what_is_undone_is_not_told(store: Store) -> None:
    kept = store.add(new_session("ann"))

    async def fails(unit: UnitOfWork) -> None:
        await session_revocation.revoke_many(unit, [kept.id], now=T1, ending=BY_ADMIN)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        store.write(fails)

    assert ends(store) == []


def test_erasing_takes_the_user_out_of_what_was_told(store: Store) -> None:
    kept = store.add(new_session("ann"))
    store.write(
        lambda unit: session_revocation.revoke_many(
            unit, [kept.id], now=T1, ending=Ending("ann", "bye ann", "signed_out", "user")
        )
    )

    store.write(_erase)

    (event,) = ends(store)
    assert (event.session_id, event.user_id, event.actor, event.reason) == (kept.id, None, None, None)
    assert event.reason_code == "signed_out"


def test_a_unit_of_a_tenant_reads_its_own_events_and_those_of_everybody(store: Store) -> None:
    store.add(new_session("ann"))
    store.run(store.database.number_events())

    def read(unit: UnitOfWork) -> Awaitable[list[EventRow]]:
        return feed.read(unit, frozenset(), after=0, until=10**9, limit=100)

    assert {event.tenant_id for event in store.read(read)} == {"acme"}
    assert {event.tenant_id for event in store.read(read, NOISE)} == {"noise"}


def test_what_is_old_is_forgotten_but_for_the_newest_and_what_verifiers_need(store: Store) -> None:
    for _ in range(5):
        store.add(new_session("ann"))
    before = len(told(store))

    def forget(unit: UnitOfWork) -> Awaitable[int]:
        return feed.forget(unit, LONG_AFTER, now=LONG_AFTER, limit=100)

    assert store.run(store.database.write(EVERYBODY, forget)) == before - 1
    left = told(store)
    store.add(new_session("ann"))
    assert [event.number for event in told(store)] == [left[0].number, left[0].number + 1]


def test_readers_see_every_end_in_one_order_while_writers_end_sessions(store: Store) -> None:
    """20 writers with transactions of random length, 5 readers: none of them misses one or sees one twice."""
    amount = 200
    chance = random.Random(7)
    keys = [store.add(new_session(f"u{n % 7}", at=T0)).id for n in range(amount)]
    parts = [keys[n::20] for n in range(20)]
    done = asyncio.Event()

    async def write(part: list[Any]) -> None:
        for key in part:

            async def work(unit: UnitOfWork, key: Any = key) -> None:
                await session_revocation.revoke_many(unit, [key], now=T1, ending=BY_ADMIN)
                await asyncio.sleep(chance.random() * 0.004)

            await store.database.write(ACME, work)

    async def number() -> None:
        while not done.is_set():
            await store.database.number_events()
            await asyncio.sleep(0.002)

    async def follow() -> list[int | str | None]:
        seen: list[Any] = []
        after, last = 0, False
        while not last:
            last = done.is_set()
            until = (await store.database.read(EVERYBODY, feed.ends)).newest

            def some(unit: UnitOfWork, after: int = after, until: int = until) -> Awaitable[list[EventRow]]:
                return feed.read(unit, frozenset({"session.ended"}), after=after, until=until, limit=1000)

            seen += [event.session_id for event in await store.database.read(ACME, some)]
            after = until
            await asyncio.sleep(0)
        return seen

    async def run() -> list[list[Any]]:
        numbering = [asyncio.create_task(number()) for _ in range(2)]
        readers = [asyncio.create_task(follow()) for _ in range(5)]
        await asyncio.gather(*(write(part) for part in parts))
        await store.database.number_events()
        await asyncio.sleep(0.05)
        done.set()
        await asyncio.gather(*numbering)
        await store.database.number_events()
        return list(await asyncio.gather(*readers))

    seen = store.run(run())

    assert all(Counter(one) == Counter(keys) for one in seen)
    assert all(one == seen[0] for one in seen)


def test_ids_of_events_are_told_again_as_they_were(store: Store) -> None:
    key = uuid7(from_text(T2))
    assert events.ended_id(key) != events.created_id(key)
