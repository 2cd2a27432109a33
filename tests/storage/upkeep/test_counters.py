"""The maintained numbers are right after any history, whatever the clocks of those who write.

A model: two processes whose clocks differ, and step, start sessions, use them, end them, settle and purge. After every
step the counters are what a count of every row gives, and for both clocks what is listed is what the statistics say.
`RANDOM_EXAMPLES=5000` runs so many histories with other seeds each time.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.paging import Page
from sojourn.domain.sessions import Status
from sojourn.storage.queries import sessions, statistics
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.queries.sessions import Assurance
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import mass_revocation, purging, recount
from tests.postgres import Cluster
from tests.storage.conftest import ACME, BULK, NOISE, T0, Store, new_session

EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "0"))
USERS = ("ann", "bob", "eve")
STATUSES: tuple[Status, ...] = ("active", "expired", "revoked")
clocks = st.integers(0, 1)
chosen = st.lists(st.integers(0, 200), min_size=1, max_size=6)
Opened = Callable[[], "Store"]


class Tenant(RuleBasedStateMachine):
    """What may happen to a tenant's sessions, each time by the clock of one of two processes."""

    opened: Opened

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).opened()
        self.hours = [0.0, 0.0]
        self.keys: list[str] = []

    def now(self, clock: int, later: float = 0) -> str:
        return to_text(from_text(T0) + timedelta(hours=self.hours[clock] + later))

    def some(self, numbers: list[int]) -> list[str]:
        return [self.keys[number % len(self.keys)] for number in numbers]

    @initialize(ahead=st.sampled_from((0, 0.01, 3, -3)))
    def begin(self, ahead: float) -> None:
        self.hours = [10.0, 10.0 + ahead]
        self.store.add(new_session(device_type="mobile"), NOISE)

    @rule(clock=clocks, hours=st.sampled_from((0.1, 1, 2, 5, 30, -0.1, -4)))
    def time_passes_or_a_clock_steps(self, clock: int, hours: float) -> None:
        self.hours[clock] += hours

    @rule(clock=clocks, user=st.sampled_from(USERS), device=st.sampled_from(("desktop", "mobile", None)))
    def create(self, clock: int, user: str, device: str | None) -> None:
        deadlines = {"expires_at": self.now(clock, 8), "idle_expires_at": self.now(clock, 2)}
        session = new_session(user, self.now(clock), device_type=device, **deadlines)
        self.keys.append(self.store.add(session).id)

    @precondition(lambda self: self.keys)
    @rule(clock=clocks, numbers=chosen)
    def touch(self, clock: int, numbers: list[int]) -> None:
        (key, *_), now, idle = self.some(numbers), self.now(clock), self.now(clock, 2)
        self.store.write(lambda unit: sessions.touch(unit, key, touch=Touch(now, idle, idle)))

    @precondition(lambda self: self.keys)
    @rule(clock=clocks, numbers=chosen)
    def elevate(self, clock: int, numbers: list[int]) -> None:
        (key, *_), now, idle = self.some(numbers), self.now(clock), self.now(clock, 2)

        async def work(unit: UnitOfWork) -> None:
            row = await sessions.get(unit, key)
            if row is not None:
                raised = Assurance("pwd,mfa", None, now)
                await sessions.raise_assurance(unit, row, to=raised, now=now, idle=idle)

        self.store.write(work)

    @precondition(lambda self: self.keys)
    @rule(clock=clocks, numbers=chosen)
    def end_some(self, clock: int, numbers: list[int]) -> None:
        keys, now = self.some(numbers), self.now(clock)
        ended = self.store.write(lambda unit: sessions.revoke_many(unit, keys, now=now, ending=BULK))
        again = self.store.write(lambda unit: sessions.revoke_many(unit, keys, now=now, ending=BULK))
        assert ended <= set(keys)
        assert again == set()

    @rule(clock=clocks, user=st.sampled_from(USERS))
    def end_all_of_a_user(self, clock: int, user: str) -> None:
        now = self.now(clock)
        self.store.write(lambda unit: sessions.revoke_all_of_user(unit, user, now=now, ending=BULK))
        assert self.store.read(lambda unit: sessions.count_active_of_user(unit, user, now=now)) == 0

    @rule(clock=clocks)
    def end_all(self, clock: int) -> None:
        self.store.run(mass_revocation.end_all(self.store.database, ACME, now=self.now(clock), ending=BULK))

    @rule(clock=clocks, limit=st.integers(1, 5))
    def settle(self, clock: int, limit: int) -> None:
        now = self.now(clock)
        self.store.write(lambda unit: statistics.settle(unit, now, limit=limit))

    @rule(clock=clocks, hours=st.sampled_from((0, 1, 24)), limit=st.integers(1, 5))
    def purge(self, clock: int, hours: float, limit: int) -> None:
        before = self.now(clock, -hours)
        self.store.write(lambda unit: purging.purge_sessions(unit, before, limit=limit))

    @invariant()
    def the_counters_are_what_a_recount_gives(self) -> None:
        assert self.store.read(recount.differences) == []
        assert self.store.read(recount.differences, NOISE) == []

    @invariant()
    def what_is_listed_is_what_the_statistics_say_by_either_clock(self) -> None:
        for now in (self.now(0), self.now(1)):
            stats = self.store.read(lambda unit, n=now: statistics.session_stats(unit, n))
            for status in STATUSES:
                wanted = SessionFilter(status=status)
                rows, total, *_ = self.store.read(
                    lambda unit, w=wanted, n=now: page_of(unit, w, now=n, page=Page(1, 1000))
                )
                assert len(rows) == total == stats.of(status)
            shown, total = self.store.read(
                lambda unit, n=now: sessions.list_active_with_users(unit, n, limit=1000, after=None)
            )
            assert len(shown) == total == stats.active

    def teardown(self) -> None:
        self.store.close()


@pytest.fixture
def opened(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[Opened]:
    """Opens a database with nothing in it, again and again."""
    if engine == "sqlite":

        def copy() -> Store:
            path = Path(tempfile.mkdtemp(dir=tmp_path)) / "sojourn.db"
            shutil.copy(request.getfixturevalue("migrated_file"), path)
            return Store(f"sqlite:///{path}")

        yield copy
        return
    server: Cluster = request.getfixturevalue("cluster")
    names: list[str] = []

    def create() -> Store:
        if names:
            server.drop(names.pop())
        names.append(server.create())
        return Store(server.url(names[0]))

    yield create
    for name in names:
        server.drop(name)


def test_the_numbers_are_right_after_any_history_by_two_clocks(engine: str, opened: Opened) -> None:
    examples = EXAMPLES or {"sqlite": 60, "postgresql": 12}[engine]
    machine = type("Machine", (Tenant,), {"opened": staticmethod(opened)})
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            suppress_health_check=slow,
        ),
    )


def test_a_session_that_another_process_settled_can_still_be_ended_and_counts_once(store: Store) -> None:
    session = store.add(new_session())
    ahead, behind = session.idle_expires_at, T0
    store.write(lambda unit: statistics.settle(unit, ahead, limit=10))

    assert not store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(behind, ahead, ahead)))
    assert store.write(lambda unit: sessions.revoke(unit, session.id, now=behind, ending=BULK))

    stats = store.read(lambda unit: statistics.session_stats(unit, behind))
    assert (stats.active, stats.revoked, stats.expired) == (0, 1, 0)
    assert store.read(recount.differences) == []


@contextmanager
def miscounted(store: Store, by: int) -> Iterator[None]:
    """The tenant's numbers are wrong in the block."""
    store.write(lambda unit: statistics.count_ended(unit, "expired", by=by))
    yield
    store.write(lambda unit: statistics.count_ended(unit, "expired", by=-by))


@pytest.mark.parametrize("by", [-7, -1, 1, 2, 7])
def test_a_wrong_number_hides_no_session_and_no_total_contradicts_its_list(store: Store, by: int) -> None:
    keys = sorted(store.add(new_session()).id for _ in range(3))

    with miscounted(store, by):
        for status in (None, "active"):
            wanted = SessionFilter(status=status)
            for page in (Page(1, 2), Page(2, 2), Page(1, 3), Page(1, 20), Page(3, 2)):
                rows, total, *_ = store.read(lambda unit, w=wanted, p=page: page_of(unit, w, now=T0, page=p))
                assert [row.id for row in rows] == keys[::-1][page.offset : page.offset + page.size]
                assert total >= page.offset + len(rows) if rows else total <= page.offset
        shown, total = store.read(lambda unit: sessions.list_active_with_users(unit, T0, limit=20, after=None))
        assert ([row.id for row in shown], total) == (keys[::-1], 3)
        for limit in (1, 20):
            rest, total = store.read(
                lambda unit, n=limit: sessions.list_active_with_users(unit, T0, limit=n, after=keys[2])
            )
            assert [row.id for row in rest] == keys[1::-1][:limit]
            assert total >= len(rest)
        stats = store.read(lambda unit: statistics.session_stats(unit, T0))
        assert min(stats.total, stats.active, stats.revoked, stats.expired) >= 0


def test_what_differs_is_named_and_put_right_once(store: Store) -> None:
    store.add(new_session(device_type="desktop"))
    store.write(lambda unit: statistics.count_created(unit, "desktop", by=2))
    store.write(lambda unit: statistics.count_ended(unit, "expired", by=-1))
    wrong = [("created", "desktop", 3, 1), ("expired", "", -1, 0)]

    assert store.read(recount.differences) == wrong
    assert store.write(recount.repair) == wrong
    assert store.write(recount.repair) == []
    assert store.read(recount.differences) == []
    assert store.read(recount.differences, NOISE) == []
