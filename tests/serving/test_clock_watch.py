"""A worker whose clock is set believes it only when there is reason to, on a real database of either engine."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain import clock as rules
from sojourn.domain.clock import Reading, read_clocks, to_text
from sojourn.serving import clock_watch
from sojourn.serving.clock_watch import WatchedClock
from sojourn.storage.queries import statistics
from sojourn.storage.upkeep.housekeeping import settle_all
from tests.storage.conftest import ACME, Store, new_session

HOUR = 3600.0


class Hands:
    """The clocks of this machine, the wall clock set by so many seconds and the steady one held back by others."""

    def __init__(self) -> None:
        self.set_by = 0.0
        self.stood_still = 0.0

    def __call__(self) -> Reading:
        wall, steady = read_clocks()
        return Reading(wall + self.set_by, steady - self.stood_still)

    def is_right(self, told: datetime) -> bool:
        """Whether that is what a clock says that nobody has set."""
        return abs((told - datetime.fromtimestamp(read_clocks().wall, UTC)).total_seconds()) < 5


class Watched:
    """A clock under watch beside an open database."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        self.hands = Hands()
        self.clock = WatchedClock(self.hands)
        self.look()

    def look(self) -> None:
        self.store.run(self.clock.look(self.store.database))


@pytest.fixture
def watched(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(clock_watch, "_ASK_SECONDS", 0.0)
    opened = Watched(database_url)
    yield opened
    opened.store.close()


def patience_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SECOND_LOOK_SECONDS", 0.0)


@pytest.mark.parametrize("step", [HOUR, -600.0, 5 * HOUR, -400 * 24 * HOUR])
def test_a_step_is_told_and_not_believed(watched: Watched, step: float, caplog: pytest.LogCaptureFixture) -> None:
    watched.hands.set_by = step
    assert watched.hands.is_right(watched.clock())
    for _ in range(3):
        watched.look()
    assert watched.hands.is_right(watched.clock())
    assert watched.clock.is_in_doubt
    assert not watched.clock.may_settle
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 1
    assert f"set by {step:+.0f} s" in told[0]

    watched.hands.set_by = 0.0
    watched.look()
    assert watched.clock.may_settle


def test_a_step_that_is_gone_before_the_next_look_is_told_all_the_same(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.hands.set_by = HOUR
    watched.clock()
    watched.hands.set_by = 0.0
    watched.look()

    assert "set by +3600 s" in caplog.text


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_without_another_clock_a_step_is_believed_at_the_second_look(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.hands.set_by = HOUR
    watched.look()
    patience_is_over(monkeypatch)
    watched.look()

    assert not watched.clock.is_in_doubt
    assert watched.hands.is_right(watched.clock() - timedelta(hours=1))
    assert not watched.clock.may_settle, "nothing is settled for an hour"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_step_that_the_clock_of_the_database_denies_is_never_believed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.hands.set_by = HOUR
    patience_is_over(monkeypatch)
    for _ in range(3):
        watched.look()

    assert watched.clock.is_in_doubt
    assert watched.hands.is_right(watched.clock())


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_clock_that_was_wrong_from_the_start_is_believed_as_soon_as_it_agrees_with_the_database(
    watched: Watched,
) -> None:
    watched.hands.set_by = -5 * HOUR
    watched.clock = WatchedClock(watched.hands)
    watched.look()
    watched.hands.set_by = 0.0
    watched.look()

    assert not watched.clock.is_in_doubt
    assert watched.hands.is_right(watched.clock())


def test_a_machine_whose_steady_clock_stood_still_while_it_slept_is_let_through_at_the_second_look(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.hands.stood_still = 8 * HOUR
    watched.look()
    assert watched.clock.is_in_doubt, "the database's clock and this one seem to step at the same moment"
    patience_is_over(monkeypatch)
    watched.look()

    assert not watched.clock.is_in_doubt
    assert watched.hands.is_right(watched.clock())


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_after_a_step_back_what_was_settled_too_early_is_open_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = watched.clock()
    later = {"expires_at": to_text(now + timedelta(hours=2)), "idle_expires_at": to_text(now + timedelta(hours=2))}
    watched.store.add(new_session(at=to_text(now), **later))
    watched.store.run(settle_all(watched.store.database, to_text(now + timedelta(hours=5))))
    watched.hands.set_by = -HOUR
    watched.look()
    patience_is_over(monkeypatch)
    watched.look()

    stats = watched.store.read(lambda unit: statistics.session_stats(unit, to_text(watched.clock())), ACME)
    assert (stats.active, stats.expired) == (1, 0)
