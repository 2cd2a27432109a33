"""Housekeeping is done by one process at a time and tells how late it is."""

from datetime import timedelta

from sojourn.domain.clock import from_text, to_text
from sojourn.storage.queries import session_revocation, sessions, statistics, trusted_devices
from sojourn.storage.upkeep import leases, overdue, recount
from sojourn.storage.upkeep.housekeeping import (
    LEASE,
    oldest_overdue,
    reopen_all,
    run_housekeeping,
    settle_all,
)
from sojourn.storage.upkeep.overdue import Overdue
from tests.storage.conftest import BULK, END, T0, T1, T2, Store, new_device, new_session

RETENTION = timedelta(days=30)
MUCH_LATER = from_text(T0) + timedelta(days=60)


def take(store: Store, holder: str, now: str, until: str) -> bool:
    return store.run(leases.take(store.database, "sweeping", holder=holder, now=now, until=until))


def test_a_lease_is_held_by_one_until_it_is_over(store: Store) -> None:
    assert take(store, "one", T0, T1)
    assert not take(store, "two", T0, T2)
    assert take(store, "one", T0, T1)
    assert take(store, "two", T1, T2)
    assert not take(store, "one", T1, T2)


def test_a_lease_that_a_clock_far_ahead_gave_is_over_for_the_others(store: Store) -> None:
    assert take(store, "ahead", "2026-04-15T14:00:00.000Z", "2026-04-15T15:00:00.000Z")
    assert take(store, "right", T0, T1)
    assert not take(store, "ahead", T0, T1)


def test_what_a_clock_ahead_has_settled_is_opened_again_once_the_clock_is_right(store: Store) -> None:
    ended = store.add(new_session("eve", idle_expires_at=T1))
    open_ones = store.read(lambda unit: statistics.session_stats(unit, T0))
    store.run(settle_all(store.database, END))
    assert store.read(lambda unit: statistics.session_stats(unit, T0)).active == 0
    store.run(settle_all(store.database, T2))

    assert store.run(reopen_all(store.database, T2)) == 2
    assert store.run(reopen_all(store.database, T2)) == 0
    assert store.run(reopen_all(store.database, T0)) == 1
    assert store.read(lambda unit: statistics.session_stats(unit, T0)) == open_ones
    assert store.read(recount.differences) == []
    assert store.read(lambda unit: sessions.get(unit, ended.id)) is not None
    assert store.run(settle_all(store.database, T2)) == 1


def test_leases_of_other_names_are_other_leases(store: Store) -> None:
    assert take(store, "one", T0, T1)
    assert store.run(leases.take(store.database, "dusting", holder="two", now=T0, until=T1))


def test_one_process_at_a_time_does_the_housekeeping(store: Store) -> None:
    now = from_text(T0)
    assert store.run(run_housekeeping(store.database, "one", now=now, retention=RETENTION)) is not None
    assert store.run(run_housekeeping(store.database, "two", now=now, retention=RETENTION)) is None
    assert store.run(run_housekeeping(store.database, "two", now=now + LEASE, retention=RETENTION)) is not None


def test_a_round_settles_purges_and_leaves_nothing_overdue(store: Store) -> None:
    store.add(new_session())
    before = MUCH_LATER - RETENTION

    assert store.run(oldest_overdue(store.database, before)) == before - from_text("2026-04-15T12:00:00.000Z")
    done = store.run(run_housekeeping(store.database, "one", now=MUCH_LATER, retention=RETENTION))

    assert done is not None
    assert (done.settled, done.purged) == (3, 3)
    assert done.oldest_overdue == timedelta(0)


def test_what_is_overdue_is_counted_and_not_deleted(store: Store) -> None:
    ended = store.add(new_session())
    store.add(new_session(at=END, expires_at="2027-01-01T00:00:00.000Z", idle_expires_at="2027-01-01T00:00:00.000Z"))
    store.write(lambda unit: session_revocation.revoke(unit, ended.id, now=T1, ending=BULK))
    store.write(lambda unit: trusted_devices.trust(unit, new_device(), now=T0))
    before = to_text(MUCH_LATER - RETENTION)

    found = [store.read(lambda unit: overdue.count(unit, before, now=before)) for _ in range(2)]

    assert found == [Overdue(1, 0, 0, 1)] * 2
    assert store.read(lambda unit: overdue.oldest(unit, before)) == T1
    assert store.read(lambda unit: overdue.oldest(unit, T0)) is None
