"""Events are counted into steps of time: each once, whatever happens in between, and each tenant for itself."""

import asyncio
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from sojourn.domain import series
from sojourn.domain.clock import from_text, to_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.series import DIMENSIONS, KEPT, MAX_VALUES, OTHERS, STEPS, UNKNOWN, WHOLE, Window
from sojourn.domain.values import Tenant
from sojourn.storage.queries import erasure, rollups, session_revocation, sessions, statistics, suspensions
from sojourn.storage.queries.rollups import Counted
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import counting
from sojourn.storage.upkeep.counting import anchor_again, count_events, forget_counted
from sojourn.storage.upkeep.housekeeping import settle_all
from tests.storage.conftest import ACME, BULK, END, NOISE, T0, T1, Store, new_session

START = from_text(T0)


def count(store: Store, now: datetime) -> int:
    """A round of housekeeping, as far as it counts."""
    store.run(settle_all(store.database, to_text(now)))
    return store.run(count_events(store.database, now=now, as_of=to_text(now)))


def counted(store: Store, step: str, dimension: str = WHOLE, *, hours: int = 48, tenant: Tenant = ACME) -> Counted:
    """What was counted in the hours around."""
    day = from_text(f"{T0[:10]}T00:00:00.000Z")
    window = Window(step, day, day + timedelta(hours=hours))
    return store.read(lambda unit: rollups.counted(unit, window, dimension=dimension), tenant)


def totals(found: Counted) -> tuple[int, int]:
    """How many were created, how many ended."""
    return sum(row.created for row in found.steps), sum(row.ended for row in found.steps)


class Scene:
    """Sessions that are created, end, are suspended and erased at random, and how many of it there were."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.chance = store, random.Random(seed)
        self.now, self.users = START, itertools.count()
        self.created = self.most = 0
        self.open: dict[SessionKey, str] = {}

    def create(self) -> None:
        user, pick = f"user_{next(self.users)}", self.chance.choice
        facts = {"app_id": pick([None, "shop", "bank"]), "device_type": pick([None, "mobile"])}
        facts["geoip"] = pick([None, "Turku, FI", "Lund, SE"])
        idle = to_text(self.now + timedelta(minutes=self.chance.randint(1, 90)))
        at = to_text(self.now)
        session = self.store.add(new_session(user, at, idle_expires_at=idle, expires_at=END, **facts))
        self.open[session.id] = user
        self.created += 1

    def act(self) -> None:
        """Something happens, a little later."""
        self.now += timedelta(seconds=self.chance.randint(0, 400))
        at = to_text(self.now)
        act = self.chance.choice(["create", "create", "create", "revoke", "suspend", "suspend", "reactivate", "erase"])
        if act == "create" or not self.open:
            self.create()
            return
        key = self.chance.choice(sorted(self.open))
        user = self.open[key]

        async def work(unit: UnitOfWork) -> None:
            if act == "revoke":
                await session_revocation.revoke_many(unit, [key], now=at, ending=BULK)
            elif act == "suspend":
                until = to_text(self.now + timedelta(minutes=self.chance.randint(1, 60)))
                then = self.chance.choice(["reactivate", "revoke"])
                await suspensions.suspend(unit, key, user_id=user, now=at, until=until, then=then, actor="root")  # type: ignore[arg-type]
            elif act == "reactivate":
                await suspensions.reactivate(unit, key, user_id=user, now=at, actor="root")
            else:
                await erasure.erase(unit, user, until=at)

        self.store.write(work)
        if act == "erase":
            del self.open[key]

    def active(self) -> int:
        """How many are active now, as the counters have it."""
        return self.store.read(lambda unit: statistics.session_stats(unit, to_text(self.now))).active


@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_counted_is_what_happened(store: Store, *, is_new: bool) -> None:
    scene = Scene(store, 31)
    if is_new:
        count(store, scene.now)
    else:  # the release before wrote events, and did not count them
        for _ in range(10):
            scene.act()
    noise = counted(store, "1h", tenant=NOISE) if is_new else None
    for _ in range(4):
        for _ in range(scene.chance.randint(2, 8)):
            scene.act()
        count(store, scene.now)
        assert counted(store, "1m").active == {WHOLE: scene.active()}
    whole = {step: counted(store, step) for step in series.STEPS}
    created, ended = totals(whole["1m"])
    assert {totals(found) for found in whole.values()} == {(scene.created, ended)}
    assert ended
    for dimension in DIMENSIONS:
        split = counted(store, "1h", dimension)
        assert totals(split) == (created, ended)
        assert sum(split.active.values()) == scene.active()
        assert min(split.active.values()) >= 0
    assert noise is None or counted(store, "1h", tenant=NOISE) == noise
    peaks = highest(whole["1m"])
    assert highest(whole["1h"]) == highest(whole["24h"]) == peaks


def highest(found: Counted) -> int:
    """The most sessions that were active at once, by what is known of the steps."""
    level = found.active[WHOLE] - sum(row.opened for row in found.steps)
    return level + series.rise((row.opened, row.rise) for row in found.steps)


def test_what_was_there_before_the_first_event_counts_as_active(
    store: Store, sql: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    old = [store.add(new_session(f"old_{number}", app_id="shop")) for number in range(4)]
    until = {"until": None, "then": "reactivate", "actor": "root"}
    for one in old[:2]:
        store.write(lambda unit, one=one: suspensions.suspend(unit, one.id, user_id=one.user_id, now=T0, **until))
    sql("DELETE FROM events")
    count(store, START)
    assert counted(store, "1h", "app_id").active == {"shop": 2}

    store.write(lambda unit: suspensions.reactivate(unit, old[0].id, user_id="old_0", now=T1, actor="root"))
    store.write(lambda unit: session_revocation.revoke_many(unit, [old[1].id, old[2].id], now=T1, ending=BULK))
    store.write(lambda unit: suspensions.suspend(unit, old[3].id, user_id="old_3", now=T1, **until))
    count(store, from_text(T1))

    assert counted(store, "1h", "app_id").active == {"shop": 1}
    assert totals(counted(store, "1h")) == (0, 2)

    sql("DELETE FROM rollups WHERE step = 'now'")
    store.run(anchor_again(store.database))
    count(store, from_text(T1))
    assert counted(store, "1h", "app_id").active == {"shop": 1}


def test_what_was_not_committed_is_counted_later_and_once(store: Store) -> None:
    store.add(new_session())
    store.run(store.database.number_events())

    class Killed(Exception):
        pass

    async def die(unit: UnitOfWork) -> None:
        assert await counting._count_some(unit, 100, now=T0) > 0
        raise Killed

    with pytest.raises(Killed):
        store.write(die)
    assert counted(store, "1m").steps == []

    async def at_once() -> None:
        rounds = (count_events(store.database, now=START, as_of=T0) for _ in range(4))
        await asyncio.gather(*rounds)

    store.run(at_once())
    assert totals(counted(store, "1m")) == (1, 0)
    assert counted(store, "1m").active == {WHOLE: 1}


def test_values_beyond_those_that_are_counted_apart_are_counted_together(store: Store) -> None:
    count(store, START)
    made = [new_session(f"user_{number}", app_id=f"app_{number:03}") for number in range(MAX_VALUES + 3)]

    async def create(unit: UnitOfWork) -> None:
        for one in made:
            await sessions.add(unit, one)

    store.write(create)
    count(store, START)
    store.write(lambda unit: session_revocation.revoke_many(unit, [one.id for one in made[:-1]], now=T1, ending=BULK))
    count(store, from_text(T1))

    found = counted(store, "24h", "app_id")
    assert len(found.active) == MAX_VALUES + 1
    assert {row.value: (row.created, row.ended) for row in found.steps}[OTHERS] == (3, 2)
    assert found.active[OTHERS] == 1


def test_steps_are_kept_as_long_as_it_says(store: Store) -> None:
    store.add(new_session())
    count(store, START)

    for step, left in (("1m", {"1h", "24h"}), ("1h", {"24h"}), ("24h", set())):
        later = START + KEPT[step] + STEPS[step]
        count(store, later)
        store.run(forget_counted(store.database, ACME, now=later))
        found = {name for name in STEPS if totals(counted(store, name))[0]}
        assert found == left


def test_the_end_of_an_erased_session_is_counted_as_of_one_that_nothing_is_known_of(store: Store) -> None:
    count(store, START)
    for user in ("eve", "adam"):
        store.add(new_session(user, app_id="shop"))
    count(store, START)
    store.add(new_session("eve", app_id="bank"))
    store.write(lambda unit: erasure.erase(unit, "eve", until=T1))
    count(store, from_text(T1))

    found = counted(store, "24h", "app_id")
    assert found.active == {"shop": 1, UNKNOWN: 0}
    assert {row.value: (row.created, row.ended) for row in found.steps} == {"shop": (2, 0), UNKNOWN: (1, 2)}
    assert counted(store, "24h").active == {WHOLE: 1}
