"""Many checks are one statement, and find what so many single checks find."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, func, select

from sojourn.domain.clock import from_text
from sojourn.domain.ids import SessionKey, uuid7
from sojourn.domain.session_policies import OwnTimeouts
from sojourn.domain.sessions import is_active
from sojourn.domain.values import Tenant
from sojourn.storage.queries import revocation_plans, session_policies, session_revocation, sessions, statistics
from sojourn.storage.queries.revocation_plans import NewPlan
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_states import ACTIVE
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import BULK, IDLE, NOISE, T0, T1, T2, Store, new_session
from tests.storage.queries.test_revocation_plans import filled
from tests.storage.queries.test_session_search import at

USERS = ("ann", "bob", "o'neil", 'say "hi"', "back\\slash", "{a,b}", "NULL", "[1]", "ann,bob", "åsa 🙂", "%", "nobody")
UNKNOWN = SessionKey("0190b5a4-0000-7000-8000-000000000000")
LATER = "2026-04-15T13:00:00.000Z"
_S = SessionTable.__table__
BY_ROWS = Statement(
    select(_S.c.user_id, func.count()).where(_S.c.tenant_id == bindparam("tenant"), ACTIVE).group_by(_S.c.user_id)
)
"""What is active by the condition on each row, whatever index there is."""
MOMENTS = [at(minutes) for minutes in (29.4, 29.7, 30, 33, 36, 44, 60, 95)]


async def one_by_one(unit: UnitOfWork, users: list[str], *, now: str) -> dict[str, int]:
    counts = {user: await sessions.count_active_of_user(unit, user, now=now) for user in users}
    return {user: count for user, count in counts.items() if count}


async def looked_up(unit: UnitOfWork, keys: list[SessionKey], *, now: str) -> set[SessionKey]:
    found = [await sessions.get(unit, key) for key in keys]
    return {row.id for row in found if row is not None and is_active(row, now)}


@pytest.mark.parametrize("seed", range(2))
def test_many_checks_find_what_single_checks_find(store: Store, seed: int) -> None:
    draw = random.Random(f"many {seed}")
    keys = [UNKNOWN]
    for _ in range(40):
        tenant = {"tenant": NOISE} if draw.random() < 0.3 else {}
        idle = draw.choice((T2, IDLE, LATER))
        keys.append(store.add(new_session(draw.choice(USERS[:-1]), T0, idle_expires_at=idle), **tenant).id)
    ended = draw.sample(keys, 8)
    store.write(lambda unit: session_revocation.revoke_many(unit, ended, now=T1, ending=BULK))
    asked, wanted = draw.choices(USERS, k=30), draw.choices(keys, k=30)

    for now in (T1, T2, IDLE, LATER):
        counts = store.read(lambda unit, now=now: sessions.count_active_of_users(unit, asked, now=now))
        active = store.read(lambda unit, now=now: sessions.active_among(unit, wanted, now=now))

        assert counts == store.read(lambda unit, now=now: one_by_one(unit, asked, now=now))
        assert active == store.read(lambda unit, now=now: looked_up(unit, wanted, now=now))


async def touch_some(unit: UnitOfWork, ids: list[str], *, chance: random.Random) -> None:
    touch = Touch(at(29.5), at(29.5 + chance.choice((4, 70))), at(0))
    await sessions.touch_many(unit, [(SessionKey(key), touch) for key in chance.sample(ids, 12)], now=at(29.5))


async def settle_ahead(unit: UnitOfWork) -> None:
    await statistics.settle(unit, at(40), limit=3)


async def shorten(unit: UnitOfWork) -> None:
    timeouts = OwnTimeouts(timedelta(minutes=9), timedelta(minutes=30))
    about: dict[str, Any] = {"now": at(29.6), "by": "root", "initiated_by": "admin", "at_once": -1}
    await session_policies.change(unit, session_policies.NO_POLICY, limit=None, timeouts=timeouts, **about)


async def apply_plan(unit: UnitOfWork, *, wanted: SessionFilter) -> None:
    plan = NewPlan(uuid7(from_text(at(29))), at(29), at(90), at(90), wanted, (), "root", "x", "plan")
    await revocation_plans.add(unit, plan, numbers=await revocation_plans.count(unit, wanted, excepted=(), now=at(29)))
    await revocation_plans.begin(unit, plan.id, since=at(29.65), by="root", initiated_by="admin", matched=1)


@pytest.mark.parametrize("seed", range(2))
def test_many_checks_find_what_each_row_says_whatever_has_happened(store: Store, seed: int) -> None:
    """Ended, suspended, touched, settled by a clock that is ahead, with shorter time-outs, and by an open plan."""
    chance = random.Random(f"rows {seed}")
    of, ids = filled(store, chance)
    wanted = SessionFilter(app_id=chance.choice(("web", "shop")))
    acts = [
        lambda unit: touch_some(unit, ids, chance=chance),
        settle_ahead,
        shorten,
        lambda unit: apply_plan(unit, wanted=wanted),
    ]
    chance.shuffle(acts)
    seen = [checked(store, of)]
    for act in acts:
        store.write(act, of)
        seen.append(checked(store, of))

    assert seen[0] != seen[-1]


def checked(store: Store, of: Tenant) -> list[dict[str, int]]:
    """What many checks found at each moment, which is what the rows say."""

    async def look(unit: UnitOfWork) -> list[dict[str, int]]:
        found = []
        for now in MOMENTS:
            counts = await sessions.count_active_of_users(unit, ["ann", "bob", "eve", "nobody"], now=now)
            assert counts == dict(map(tuple, await unit.all(BY_ROWS, now=now)))  # type: ignore[arg-type]
            found.append(counts)
        return found

    return store.read(look, of)


def test_many_checks_find_nothing_of_another_tenant(store: Store) -> None:
    key = store.add(new_session("eve")).id

    assert store.read(lambda unit: sessions.count_active_of_users(unit, ["eve"], now=T1), NOISE) == {}
    assert store.read(lambda unit: sessions.active_among(unit, [key], now=T1), NOISE) == set()


def test_a_unit_that_writes_checks_many_too(store: Store) -> None:
    async def work(unit: UnitOfWork) -> dict[str, int]:
        await sessions.add(unit, new_session("eve"))
        return await sessions.count_active_of_users(unit, ["eve", "bob"], now=T1)

    assert store.write(work) == {"eve": 1}


def test_nobody_is_found_among_none(store: Store) -> None:
    assert store.read(lambda unit: sessions.count_active_of_users(unit, [], now=T1)) == {}
    assert store.read(lambda unit: sessions.active_among(unit, [], now=T1)) == set()


def test_many_values_are_one_text_for_sqlite() -> None:
    assert Many(['a"', "b"]).__conform__(None) == '["a\\"", "b"]'
