"""The numbers are right at every moment, whatever happened before: held against a count of all rows."""

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.paging import Page
from sojourn.storage.queries import session_revocation, sessions, statistics
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.queries.statistics import SessionStats
from sojourn.storage.touches import Touch
from sojourn.storage.upkeep.housekeeping import settle_all
from tests.postgres import Cluster
from tests.storage.conftest import BULK, NOISE, T0, Store, new_session


def at(hours: float) -> str:
    return to_text(from_text(T0) + timedelta(hours=hours))


def recount(store: Store, now: str) -> SessionStats:
    """The numbers as a scan of every row gives them."""
    rows = [
        row
        for user in ("ann", "bob")
        for row in store.read(lambda unit, u=user: page_of(unit, SessionFilter(u), now=now, page=Page(1, 10_000))).rows
    ]
    revoked = sum(row.revoked_at is not None for row in rows)
    active = sum(row.revoked_at is None and now < row.expires_at and now < row.idle_expires_at for row in rows)
    devices: dict[str, int] = {}
    for row in rows:
        devices[row.device_type or "unknown"] = devices.get(row.device_type or "unknown", 0) + 1
    return SessionStats(len(rows), active, revoked, len(rows) - revoked - active, 0, devices)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_the_numbers_equal_a_recount_after_any_history(tmp_path_factory, seed: int) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("numbers")
    live_and_recount(Store(f"sqlite:///{folder}/sojourn.db"), seed)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_the_numbers_equal_a_recount_on_postgresql_too(cluster: Cluster, seed: int) -> None:
    live_and_recount(Store(cluster.url(cluster.create())), seed)


def live_and_recount(store: Store, seed: int) -> None:
    """Let a tenant live through what chance brings, and count after every step."""
    chance = random.Random(seed)
    try:
        ids: list[str] = []
        hours = 0.0
        for _ in range(40):
            hours += chance.choice((0, 0.25, 1, 3))
            now = at(hours)
            match chance.choice(("add", "add", "touch", "revoke", "settle", "read")):
                case "add":
                    deadlines = {"expires_at": at(hours + 8), "idle_expires_at": at(hours + 2)}
                    device = chance.choice(("desktop", "mobile", None))
                    ids.append(store.add(new_session(at=now, device_type=device, **deadlines)).id)
                case "touch" if ids:
                    chosen = chance.choice(ids)
                    idle = at(hours + 2)
                    store.write(lambda unit, c=chosen, n=now, i=idle: sessions.touch(unit, c, touch=Touch(n, i, i)))
                case "revoke" if ids:
                    chosen = chance.choice(ids)
                    store.write(lambda unit, c=chosen, n=now: session_revocation.revoke(unit, c, now=n, ending=BULK))
                case "settle":
                    store.write(lambda unit, n=now: statistics.settle(unit, n, limit=5))
            stats = store.read(lambda unit, n=now: statistics.session_stats(unit, n))
            assert stats == recount(store, now)
            for status in ("active", "revoked", "expired"):
                wanted = SessionFilter(status=status)
                rows, total, *_ = store.read(
                    lambda unit, w=wanted, n=now: page_of(unit, w, now=n, page=Page(1, 10_000))
                )
                assert len(rows) == total == stats.of(status)
    finally:
        store.close()


def test_the_numbers_hold_nothing_of_another_tenant(store: Store) -> None:
    store.add(new_session())

    stats = store.read(lambda unit: statistics.session_stats(unit, T0), NOISE)

    assert stats == SessionStats(2, 2, 0, 0, 0, {"desktop": 2})


def test_settling_leaves_the_numbers_as_they_are_and_the_due_rows_gone(store: Store) -> None:
    for _ in range(3):
        store.add(new_session())
    before = store.read(lambda unit: statistics.session_stats(unit, at(5)))

    looked_at = store.write(lambda unit: statistics.settle(unit, at(5), limit=100))
    again = store.write(lambda unit: statistics.settle(unit, at(5), limit=100))

    assert (looked_at, again) == (3, 0)
    assert store.read(lambda unit: statistics.session_stats(unit, at(5))) == before


def test_settling_leaves_another_tenant_alone(store: Store) -> None:
    store.write(lambda unit: statistics.settle(unit, at(5), limit=100))

    assert store.write(lambda unit: statistics.settle(unit, at(5), limit=100), NOISE) == 2


def test_every_tenant_is_settled_however_much_is_due(store: Store) -> None:
    for _ in range(3):
        store.add(new_session())
    before = store.read(lambda unit: statistics.session_stats(unit, at(5)))

    assert store.run(settle_all(store.database, at(3))) == 0
    assert store.run(settle_all(store.database, at(5))) == 3 + 2
    assert store.run(settle_all(store.database, at(5))) == 0
    assert store.read(lambda unit: statistics.session_stats(unit, at(5))) == before


def test_a_session_that_was_touched_is_settled_at_its_new_deadline(store: Store) -> None:
    session = store.add(new_session())
    store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(at(3), at(6), at(6))))

    store.run(settle_all(store.database, at(5)))

    assert store.read(lambda unit: statistics.session_stats(unit, at(5))).active == 1
    assert store.read(lambda unit: statistics.session_stats(unit, at(6))).expired == 1
    assert not store.read(lambda unit: statistics.is_anything_due(unit, at(5)))
    assert store.read(lambda unit: statistics.is_anything_due(unit, at(6)))


def test_what_is_due_in_another_tenant_is_not_due_here(store: Store) -> None:
    assert not store.read(lambda unit: statistics.is_anything_due(unit, at(5)))
    assert store.read(lambda unit: statistics.is_anything_due(unit, at(5)), NOISE)
