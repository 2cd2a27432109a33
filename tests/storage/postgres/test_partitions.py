"""On PostgreSQL a week of sessions leaves with its tables, and the numbers follow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sojourn.domain.clock import from_text, to_text
from sojourn.storage.database import AHEAD
from sojourn.storage.queries import session_revocation, sessions, statistics, usage
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.upkeep.housekeeping import run_housekeeping, settle_all
from tests.storage.conftest import ACME, BULK, NOISE, T0, Store, new_session

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

Sql = Callable[[str], list[tuple[Any, ...]]]
NOW = from_text(T0)
A_WEEK_ON = to_text(NOW + timedelta(weeks=1))
LONG_AFTER = NOW + timedelta(weeks=8)


def at(instant: str, user: str = "ann", **facts: Any) -> NewSession:
    """A session that begins at an instant and lasts an hour."""
    end = to_text(from_text(instant) + timedelta(hours=1))
    return new_session(user, instant, **{"expires_at": end, "idle_expires_at": end, **facts})


@pytest.fixture
def roomy(store: Store, sql: Sql) -> Store:
    """A store whose weeks have partitions: the look-alikes have left the default one."""
    for table in ("sessions", "session_counters"):
        sql(f"DELETE FROM {table}")
    store.run(store.database.create_partitions(NOW, NOW + AHEAD))
    for tenant in (ACME, NOISE):
        for _ in range(3):
            store.add(at(T0, device_type="desktop"), tenant)
        store.add(at(A_WEEK_ON), tenant)
    return store


def weeks(sql: Sql) -> dict[str, int]:
    """How many sessions are in which partition."""
    return dict(sql("SELECT tableoid::regclass::text, count(*) FROM sessions GROUP BY 1"))


def test_a_session_goes_to_the_week_it_began_in(roomy: Store, sql: Sql) -> None:
    assert weeks(sql) == {"sessions_20260413": 6, "sessions_20260420": 2}


def test_a_session_of_a_week_without_partitions_finds_room(roomy: Store, sql: Sql) -> None:
    kept = roomy.add(at("2020-01-01T00:00:00.000Z"))

    assert weeks(sql)["sessions_default"] == 1
    assert roomy.read(lambda unit: sessions.get(unit, kept.id)) is not None
    long_ago = from_text(kept.created_at)
    roomy.run(roomy.database.create_partitions(long_ago, long_ago))
    assert "sessions_20191230" not in weeks(sql)


def test_creating_partitions_twice_changes_nothing(roomy: Store, sql: Sql) -> None:
    before = weeks(sql)
    roomy.run(roomy.database.create_partitions(NOW, NOW + AHEAD))
    assert weeks(sql) == before


def test_a_week_that_ended_is_dropped_and_the_numbers_follow(roomy: Store, sql: Sql) -> None:
    ended = roomy.add(at(T0))
    roomy.write(lambda unit: session_revocation.revoke(unit, ended.id, now=T0, ending=BULK))
    roomy.write(lambda unit: usage.count_use(unit, ended.id, day="2026-04-15"))
    roomy.run(settle_all(roomy.database, A_WEEK_ON))

    gone = roomy.run(roomy.database.drop_partitions(from_text(A_WEEK_ON)))

    assert gone == 7
    assert weeks(sql) == {"sessions_20260420": 2}
    assert sql("SELECT count(*) FROM session_usage") == [(0,)]
    for tenant in (ACME, NOISE):
        stats = roomy.read(lambda unit: statistics.session_stats(unit, A_WEEK_ON), tenant)
        assert stats[:4] == (1, 1, 0, 0)
        assert stats.devices == {"unknown": 1}


def test_a_week_stays_while_one_of_its_sessions_is_kept(roomy: Store, sql: Sql) -> None:
    long_lived = to_text(LONG_AFTER)
    roomy.add(at(T0, expires_at=long_lived, idle_expires_at=long_lived), NOISE)

    assert roomy.run(roomy.database.drop_partitions(from_text(A_WEEK_ON))) == 0
    assert weeks(sql)["sessions_20260413"] == 7


def test_housekeeping_drops_the_weeks_and_makes_the_next(roomy: Store, sql: Sql) -> None:
    done = roomy.run(run_housekeeping(roomy.database, "one", now=LONG_AFTER, retention=timedelta(weeks=4)))

    assert done is not None
    assert (done.purged, done.oldest_overdue) == (8, timedelta(0))
    partitions = sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sessions'::regclass")
    assert {name for (name,) in partitions} == {
        "sessions_default",
        "sessions_20260608",
        "sessions_20260615",
        "sessions_20260622",
    }


def test_row_security_holds_a_week_too(roomy: Store, sql: Sql) -> None:
    held = dict(sql("SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname ~ '_2026'"))
    tables = {name: fact for name, fact in held.items() if "_pkey" not in name and "_idx" not in name}
    assert tables
    assert all(tables.values())
