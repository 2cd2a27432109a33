"""Many checks are one statement, and find what so many single checks find."""

import random

import pytest

from sojourn.domain.ids import SessionKey
from sojourn.domain.sessions import is_active
from sojourn.storage.queries import session_revocation, sessions
from sojourn.storage.statements import Many
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import BULK, IDLE, NOISE, T0, T1, T2, Store, new_session

USERS = ("ann", "bob", "o'neil", 'say "hi"', "back\\slash", "{a,b}", "NULL", "[1]", "ann,bob", "åsa 🙂", "%", "nobody")
UNKNOWN = SessionKey("0190b5a4-0000-7000-8000-000000000000")
LATER = "2026-04-15T13:00:00.000Z"


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
