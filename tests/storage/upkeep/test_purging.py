"""What ended longer ago than it is kept leaves, and the numbers follow."""

from sojourn.storage.queries import session_revocation, sessions, statistics, usage
from sojourn.storage.upkeep.purging import purge_sessions, purge_tenant
from tests.storage.conftest import ACME, BULK, NOISE, T0, T1, Store, new_session

LONG_AFTER = "2026-06-01T00:00:00.000Z"
A_MONTH_BEFORE = "2026-05-01T00:00:00.000Z"


def numbers(store: Store, now: str) -> tuple[int, ...]:
    """total, active, revoked, expired."""
    return store.read(lambda unit: statistics.session_stats(unit, now))[:4]


def test_revoked_expired_and_settled_sessions_leave_and_active_ones_stay(store: Store) -> None:
    revoked, _, _ = [store.add(new_session()) for _ in range(3)]
    store.write(lambda unit: session_revocation.revoke(unit, revoked.id, now=T1, ending=BULK))
    store.write(lambda unit: statistics.settle(unit, LONG_AFTER, limit=1))
    young = store.add(
        new_session(at=LONG_AFTER, expires_at="2026-06-02T00:00:00.000Z", idle_expires_at="2026-06-02T00:00:00.000Z")
    )
    assert numbers(store, LONG_AFTER) == (4, 1, 1, 2)

    gone = store.run(purge_tenant(store.database, ACME, before=A_MONTH_BEFORE, now=LONG_AFTER))

    assert gone == 3
    assert numbers(store, LONG_AFTER) == (1, 1, 0, 0)
    assert store.read(lambda unit: sessions.get(unit, young.id)) is not None
    assert store.read(lambda unit: sessions.get(unit, revoked.id)) is None


def test_what_ended_lately_is_kept(store: Store) -> None:
    session = store.add(new_session())
    store.write(lambda unit: session_revocation.revoke(unit, session.id, now=T1, ending=BULK))

    assert store.write(lambda unit: purge_sessions(unit, T0, limit=10)) == 0
    assert store.write(lambda unit: purge_sessions(unit, T1, limit=10)) == 1


def test_a_purge_goes_in_batches_and_takes_what_hangs_on_a_session(store: Store) -> None:
    kept = [store.add(new_session()) for _ in range(5)]
    for session in kept:
        store.write(lambda unit, key=session.id: usage.count_use(unit, key, day="2026-04-15"))

    batches = [store.write(lambda unit: purge_sessions(unit, A_MONTH_BEFORE, limit=2)) for _ in range(4)]

    assert batches == [2, 2, 1, 0]
    assert store.read(lambda unit: usage.daily(unit, kept[0].id, limit=10)) == []


def test_a_purge_takes_nothing_of_another_tenant(store: Store) -> None:
    before = store.run(store.database.read(NOISE, lambda unit: statistics.session_stats(unit, LONG_AFTER)))

    store.run(purge_tenant(store.database, ACME, before=A_MONTH_BEFORE, now=LONG_AFTER))

    assert store.run(store.database.read(NOISE, lambda unit: statistics.session_stats(unit, LONG_AFTER))) == before
