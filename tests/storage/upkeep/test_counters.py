"""The maintained numbers are right after any history, whatever the clocks of those who write.

A model: two processes whose clocks differ, and step, start sessions, use them, end them, settle and purge. After every
step the counters are what a count of every row gives, and for both clocks what is listed is what the statistics say.
No `due_at` is later than a deadline, and what was settled or revoked is over for both clocks: its row stays as it is.
`RANDOM_EXAMPLES=5000` runs so many histories with other seeds each time.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

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
from sqlalchemy import bindparam, select

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.paging import Page
from sojourn.domain.sessions import Status
from sojourn.storage.queries import session_revocation, sessions, statistics
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.queries.sessions import Assurance
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import mass_revocation, purging, recount
from tests.postgres import Cluster
from tests.storage.conftest import ACME, BULK, END, NOISE, T0, T1, Store, new_session

EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "0"))
USERS = ("ann", "bob", "eve")
STATUSES: tuple[Status, ...] = ("active", "expired", "revoked")
clocks = st.integers(0, 1)
chosen = st.lists(st.integers(0, 200), min_size=1, max_size=6)
Opened = Callable[[], "Store"]


class EveryRow(NamedTuple):
    """What decides whether a session is over."""

    id: str
    user_id: str
    due_at: str | None
    revoked_at: str | None
    expires_at: str
    idle_expires_at: str


EVERY_ROW = Statement(
    select(*[SessionTable.__table__.c[name] for name in EveryRow._fields]).where(
        SessionTable.__table__.c.tenant_id == bindparam("tenant")
    )
)


class Tenant(RuleBasedStateMachine):
    """What may happen to a tenant's sessions, each time by the clock of one of two processes."""

    opened: Opened

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).opened()
        self.hours = [0.0, 0.0]
        self.keys: list[str] = []
        self.over: dict[str, EveryRow] = {}

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
        ended = self.store.write(lambda unit: session_revocation.revoke_many(unit, keys, now=now, ending=BULK))
        again = self.store.write(lambda unit: session_revocation.revoke_many(unit, keys, now=now, ending=BULK))
        assert ended <= set(keys)
        assert again == set()

    @rule(clock=clocks, user=st.sampled_from(USERS))
    def end_all_of_a_user(self, clock: int, user: str) -> None:
        now = self.now(clock)
        self.store.write(lambda unit: session_revocation.revoke_all_of_user(unit, user, now=now, ending=BULK))
        assert self.store.read(lambda unit: sessions.count_active_of_user(unit, user, now=now)) == 0

    @rule(clock=clocks)
    def end_all(self, clock: int) -> None:
        self.store.run(mass_revocation.end_all(self.store.database, ACME, now=self.now(clock), ending=BULK))

    @rule(clock=clocks, limit=st.integers(1, 5))
    def settle(self, clock: int, limit: int) -> None:
        now = self.now(clock)
        self.store.write(lambda unit: statistics.settle(unit, now, limit=limit))

    @rule(clock=clocks, ahead=st.sampled_from((2.5, 9)))
    def one_settles_what_the_other_uses_on(self, clock: int, ahead: float) -> None:
        early = self.now(clock, ahead)
        self.store.write(lambda unit: statistics.settle(unit, early, limit=100))
        for number in range(min(len(self.keys), 3)):
            self.touch(clock, [-1 - number])
            self.elevate(clock, [-1 - number])

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

    @invariant()
    def what_is_over_stays_over_and_the_rest_is_counted_as_its_rows_say(self) -> None:
        rows = [EveryRow._make(row) for row in self.store.read(lambda unit: unit.all(EVERY_ROW))]
        deadlines = {row.id: min(row.expires_at, row.idle_expires_at) for row in rows}
        assert [row for row in rows if row.due_at and (row.revoked_at or row.due_at > deadlines[row.id])] == []
        now_over = {row.id: row._replace(revoked_at=None) for row in rows if row.due_at is None}
        assert [row for row in rows if row.id in self.over and now_over.get(row.id) != self.over[row.id]] == []
        self.over |= now_over
        for now in (self.now(0), self.now(1)):
            active = Counter(row.user_id for row in rows if row.due_at and now < deadlines[row.id])
            counts = self.store.read(lambda unit, n=now: sessions.count_active_of_users(unit, USERS, now=n))
            assert counts == active
            listed, _ = self.store.read(
                lambda unit, n=now: sessions.list_active_of_user(unit, USERS[0], now=n, page=Page(1, 200))
            )
            ids = {row.id for row in rows if row.user_id == USERS[0] and row.due_at and now < deadlines[row.id]}
            assert [row.id for row in listed] == sorted(ids, reverse=True)

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


def test_no_use_revives_a_session_that_another_process_settled(store: Store) -> None:
    session = store.add(new_session())
    store.write(lambda unit: statistics.settle(unit, session.idle_expires_at, limit=10))
    settled = store.read(lambda unit: sessions.get(unit, session.id))
    assert settled is not None
    used = Touch(T1, END, END)

    assert not store.write(lambda unit: sessions.touch(unit, session.id, touch=used))
    store.write(lambda unit: sessions.touch_many(unit, [(session.id, used)], now=T1))
    raised = Assurance("pwd,mfa", None, T1)
    assert not store.write(lambda unit: sessions.raise_assurance(unit, settled, to=raised, now=T1, idle=END))
    assert store.read(lambda unit: sessions.get(unit, session.id)) == settled
    assert store.read(lambda unit: sessions.count_active_of_user(unit, "ann", now=T1)) == 0


def test_a_session_that_another_process_settled_can_still_be_ended_and_counts_once(store: Store) -> None:
    session = store.add(new_session())
    ahead, behind = session.idle_expires_at, T0
    store.write(lambda unit: statistics.settle(unit, ahead, limit=10))

    assert not store.write(lambda unit: sessions.touch(unit, session.id, touch=Touch(behind, ahead, ahead)))
    assert store.write(lambda unit: session_revocation.revoke(unit, session.id, now=behind, ending=BULK))

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
