"""Touches wait and are written in batches; nothing about a session's life depends on when."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from sojourn.domain.clock import from_text
from sojourn.domain.paging import Page
from sojourn.domain.token_identity import TokenHash
from sojourn.storage.engines import open_database
from sojourn.storage.queries import session_revocation, sessions, tokens
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.queries.tokens import IssuedToken, Moment
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.activity import Activity
from tests.storage.conftest import ACME, BULK, END, IDLE, NOISE, T0, T1, T2, Store, new_session

LONG = timedelta(minutes=1)
LATER = "2026-04-15T13:00:00.000Z"


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = T1

    def __call__(self) -> datetime:
        return from_text(self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


Begin = Callable[..., Activity]


@pytest.fixture
def begin(store: Store, clock: Clock) -> Iterator[Begin]:
    """Begins to keep activities: `begin(interval=..., batch=...)`."""
    begun: list[Activity] = []

    def beginning(interval: timedelta = LONG, batch: int = 100) -> Activity:
        begun.append(Activity(store.database, interval, batch=batch, clock=clock))
        return begun[-1]

    yield beginning
    for one in begun:
        store.run(one.close())


def touch(store: Store, activity: Activity, session: NewSession, at: str = T1, until: str = LATER) -> bool:
    """A request that touches a session: its row is read, then the activity recorded."""

    async def work(unit: UnitOfWork) -> bool:
        row = await sessions.get(unit, session.id)
        assert row is not None
        return await activity.touch(unit, session.id, at=from_text(at), touch=Touch(at, until, row.idle_expires_at))

    return store.read(work)


def shown(store: Store, session: NewSession) -> tuple[str, str]:
    row = store.read(lambda unit: sessions.get(unit, session.id))
    assert row is not None
    return row.last_active_at, row.idle_expires_at


def eventually(store: Store, session: NewSession, wanted: tuple[str, str]) -> tuple[str, str]:
    """What another process sees, once it is what was wanted or half a minute has passed."""
    deadline = time.monotonic() + 30
    while (seen := written(store, session)) != wanted and time.monotonic() < deadline:
        store.run(asyncio.sleep(0.05))
    return seen


def written(store: Store, session: NewSession) -> tuple[str, str]:
    """What another process sees."""

    async def look() -> tuple[str, str]:
        other = await open_database(store.url)
        row = await other.read(ACME, lambda unit: sessions.get(unit, session.id))
        await other.close()
        assert row is not None
        return row.last_active_at, row.idle_expires_at

    return store.run(look())


def test_a_touch_is_shown_at_once_and_written_later(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()

    assert touch(store, kept, session)

    assert shown(store, session) == (T1, LATER)
    assert written(store, session) == (T0, IDLE)
    assert store.run(kept.flush()) == 1
    assert written(store, session) == shown(store, session) == (T1, LATER)


def test_every_list_shows_a_touch_that_waits(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    touch(store, kept, session)

    found, _ = store.read(lambda unit: sessions.list_active_of_user(unit, "ann", now=T1, page=Page(1, 10)))
    searched = store.read(lambda unit: page_of(unit, SessionFilter("ann"), now=T1, page=Page(1, 10))).rows
    exported = store.read(lambda unit: sessions.list_all_of_user(unit, "ann"))
    everybody, _ = store.read(lambda unit: sessions.list_active_with_users(unit, T1, limit=10, after=None))

    assert {row.last_active_at for row in (*found, *searched, *exported, *everybody)} == {T1}


def test_the_inventory_shows_that_a_token_goes_on_with_its_session(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    token = IssuedToken("tok_1", session.id, "ann", "refresh", TokenHash("h"), T0, END, None, None, None, 0, 0)
    store.write(lambda unit: tokens.enter(unit, token))
    at = Moment(T1, T1, T1)

    def ends() -> set[str]:
        alone = store.read(lambda unit: tokens.get_issued(unit, "tok_1", at=at))
        exported = store.read(lambda unit: tokens.list_of_user(unit, "ann", at=at))
        found, _ = store.read(
            lambda unit: tokens.search(unit, user_id="ann", token_type=None, status=None, at=at, page=Page(1, 9))
        )
        return {row.expires_at for row in (alone, *exported, *found) if row is not None}

    assert ends() == {IDLE}
    touch(store, kept, session)
    assert ends() == {LATER}
    store.run(kept.flush())
    assert ends() == {LATER}


def test_the_latest_of_many_touches_is_written(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    for at in (T1, T2, T1):
        touch(store, kept, session, at, LATER if at == T2 else IDLE)

    assert store.run(kept.flush()) == 1
    assert written(store, session) == (T2, LATER)


def test_near_its_deadline_a_session_is_written_at_once(store: Store, begin: Begin) -> None:
    session = store.add(new_session(idle_expires_at="2026-04-15T09:10:00.000Z"))

    touch(store, begin(), session)

    assert written(store, session) == (T1, LATER)


def test_without_an_interval_no_touch_waits(store: Store, begin: Begin) -> None:
    session = store.add(new_session())

    touch(store, begin(timedelta(0)), session)

    assert written(store, session) == (T1, LATER)


def test_a_touch_that_waits_does_not_revive_a_revoked_session(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    touch(store, kept, session)
    store.write(lambda unit: session_revocation.revoke(unit, session.id, now=T1, ending=BULK))

    store.run(kept.flush())

    row = store.read(lambda unit: sessions.get(unit, session.id))
    assert row is not None
    assert (row.revoked_at, row.last_active_at) == (T1, T1), "it ended at once, and keeps its last use"


def test_a_touch_that_waited_too_long_revives_no_expired_session(store: Store, clock: Clock, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    touch(store, kept, session)
    clock.now = IDLE

    store.run(kept.flush())

    assert written(store, session) == (T0, IDLE)


def test_a_touch_creates_no_session(store: Store, begin: Begin) -> None:
    kept, nobody = begin(), new_session()

    async def work(unit: UnitOfWork) -> bool:
        return await kept.touch(unit, nobody.id, at=from_text(T1), touch=Touch(T1, LATER, IDLE))

    store.read(work)
    store.run(kept.flush())
    assert store.read(lambda unit: sessions.get(unit, nobody.id)) is None


def test_a_full_batch_is_written_before_its_time(store: Store, begin: Begin) -> None:
    first, second, kept = store.add(new_session()), store.add(new_session()), begin(batch=2)
    touch(store, kept, first)
    touch(store, kept, second)

    for session in (first, second):
        assert eventually(store, session, (T1, LATER)) == (T1, LATER)


def test_touches_are_written_after_the_interval(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin(timedelta(milliseconds=20))
    for at in (T1, T2):
        touch(store, kept, session, at)
        assert eventually(store, session, (at, LATER)) == (at, LATER)


def test_touches_are_written_before_the_end(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    touch(store, kept, session)

    store.run(kept.close())

    assert written(store, session) == (T1, LATER)


def test_a_failed_flush_fails_no_request_and_is_made_up_for(store: Store, clock: Clock) -> None:
    session = store.add(new_session())
    impatient = Store(store.url, timedelta(seconds=0.2))
    kept = Activity(impatient.database, LONG, batch=100, clock=clock)
    touch(impatient, kept, session)

    async def flush_against_a_lock() -> int:
        locked, over = asyncio.Event(), asyncio.Event()

        async def hold(unit: UnitOfWork) -> None:
            await sessions.touch(unit, session.id, touch=Touch(T0, IDLE, IDLE))
            locked.set()
            await over.wait()

        other = await open_database(store.url)
        holding = asyncio.create_task(other.write(ACME, hold))
        await locked.wait()
        flushed = await kept.flush()
        over.set()
        await holding
        await other.close()
        return flushed

    assert impatient.run(flush_against_a_lock()) == 0
    assert shown(impatient, session) == (T1, LATER)
    assert impatient.run(kept.flush()) == 1
    assert written(store, session) == (T1, LATER)
    impatient.run(kept.close())
    impatient.close()


def test_a_touch_in_another_tenant_is_not_shown(store: Store, begin: Begin) -> None:
    session, kept = store.add(new_session()), begin()
    touch(store, kept, session)

    assert store.database.touches.waiting(NOISE.id, session.id) is None
    assert len(store.database.touches) == 1


def test_a_session_that_ends_keeps_its_last_use_though_its_touch_still_waits(store: Store) -> None:
    """In every way that a session can end by somebody's act: by its id, and with all of its user."""
    one, two = store.add(new_session("eve")), store.add(new_session("eve"))
    for key in (one.id, two.id):
        store.database.touches.add(ACME.id, key, touch=Touch(T1, END, IDLE))

    store.write(lambda unit: session_revocation.revoke(unit, one.id, now=T2, ending=BULK))
    store.write(lambda unit: session_revocation.revoke_all_of_user(unit, "eve", now=T2, ending=BULK))

    rows = store.read(lambda unit: sessions.list_all_of_user(unit, "eve"))
    assert [(row.last_active_at, row.revoked_at) for row in rows] == [(T1, T2), (T1, T2)]
