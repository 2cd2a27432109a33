"""Time-outs of policies: which sessions live is the same in every view, whatever the rows say yet, and told once."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.endings import timeout_code
from sojourn.domain.ids import SessionKey, uuid7
from sojourn.domain.paging import Page
from sojourn.domain.session_policies import OwnTimeouts, shorter
from sojourn.domain.sessions import (
    Timeouts,
    deadlines_at_creation,
    effective_end,
    idle_deadline_after_activity,
    is_active,
    status_of,
)
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import (
    procedures,
    refresh_states,
    session_devices,
    session_policies,
    session_revocation,
    session_search,
    sessions,
    statistics,
    tightenings,
    tokens,
)
from sojourn.storage.queries.feed import read
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.tokens import IssuedToken, Moment
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import housekeeping, tightening
from tests.storage.conftest import BULK, Store

START = datetime(2026, 4, 15, 8, tzinfo=UTC)
OF_SERVER = Timeouts(timedelta(minutes=40), timedelta(minutes=100))
SPANS = st.sampled_from([None, *(timedelta(minutes=minutes) for minutes in (5, 15, 35, 60, 200))])
STEPS = st.one_of(
    st.tuples(st.just("create")),
    st.tuples(st.just("touch"), st.integers(0, 5)),
    st.tuples(st.just("revoke"), st.integers(0, 5)),
    st.tuples(st.just("policy"), SPANS, SPANS, st.sampled_from([-1, 200])),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 10, 20, 30])),
    st.tuples(st.sampled_from(["walk", "settle"])),
)
_numbers = count()
_FIRST = SessionKey("00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True)
class Known:
    """A session of the model, as much of it as its end depends on."""

    key: SessionKey
    created_at: datetime
    last_active_at: datetime
    expires_at: str
    idle_expires_at: str
    revoked_at: str | None = None
    suspended_until: None = None
    suspended_then: None = None

    def held_to(self, own: OwnTimeouts, since: datetime) -> "Known":
        """What becomes of it when these time-outs hold since an instant."""
        end, idle = self.expires_at, self.idle_expires_at
        if own.absolute is not None:
            end = min(end, to_text(max(since, self.created_at + own.absolute)))
        if own.idle is not None:
            idle = min(idle, to_text(max(since, self.last_active_at + own.idle)))
        return replace(self, expires_at=end, idle_expires_at=min(idle, end))


class History:
    """A tenant of its own and the model beside it: what is done to the one is done to the other."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tenant = Tenant(f"timeouts-{next(_numbers)}")
        self.now, self.own = START, OwnTimeouts()
        self.known: list[Known] = []

    @property
    def text(self) -> Any:
        """The present instant as text."""
        return to_text(self.now)

    async def write(self, work: Any) -> Any:
        """A unit of the tenant that writes."""
        return await self.database.write(self.tenant, work)

    async def create(self) -> None:
        """Begin a session as a sign-in does, with an access token."""

        async def add(unit: UnitOfWork) -> None:
            standing = await procedures.standing(unit, "ann", now=self.text)
            deadlines = deadlines_at_creation(self.now, shorter(OF_SERVER, standing.timeouts))
            key, at = SessionKey(uuid7(self.now)), self.text
            ends = to_text(deadlines.expires_at), to_text(deadlines.idle_expires_at)
            await sessions.add(unit, NewSession(key, "ann", at, at, at, *ends))
            token = IssuedToken(f"tok_{key}", key, "ann", "access", f"h{key}", at, ends[0], None, None, None, 0, 0)  # type: ignore[arg-type]
            await tokens.enter(unit, token)
            self.known.append(Known(key, self.now, self.now, *ends))

        await self.write(add)

    async def touch(self, number: int) -> None:
        """Record an activity of a session, of one that is over too."""
        if number >= len(self.known):
            return
        of = self.known[number]

        async def record(unit: UnitOfWork) -> bool:
            found = await sessions.get_to_touch(unit, of.key)
            assert found is not None
            row, own_idle, _ = found
            timeouts = shorter(OF_SERVER, OwnTimeouts(own_idle))
            idle = to_text(idle_deadline_after_activity(self.now, from_text(row.expires_at), timeouts=timeouts))
            return await sessions.touch(unit, of.key, touch=Touch(self.text, idle, row.idle_expires_at))

        assert await self.write(record) == is_active(of, self.text)
        if is_active(of, self.text):
            mine = shorter(OF_SERVER, self.own)
            idle = to_text(idle_deadline_after_activity(self.now, from_text(of.expires_at), timeouts=mine))
            moved = replace(of, last_active_at=self.now, idle_expires_at=max(of.idle_expires_at, idle))
            self.known[number] = moved

    async def revoke(self, number: int) -> None:
        """End a session; one that is over stays as it ended."""
        if number >= len(self.known):
            return
        of = self.known[number]
        ended = await self.write(lambda unit: session_revocation.revoke(unit, of.key, now=self.text, ending=BULK))
        assert ended == is_active(of, self.text)
        if ended:
            self.known[number] = replace(of, revoked_at=self.text)

    async def policy(self, idle: timedelta | None, absolute: timedelta | None, at_once: int) -> None:
        """Set a policy."""
        own = OwnTimeouts(idle, absolute)

        async def change(unit: UnitOfWork) -> None:
            before = await session_policies.get_alone(unit)
            about: dict[str, Any] = {"now": self.text, "by": "root", "initiated_by": "admin", "at_once": at_once}
            await session_policies.change(unit, before, limit=None, timeouts=own, **about)

        await self.write(change)
        shorter_ones = OwnTimeouts(
            *(
                new if new is not None and (was is None or new < was) else None
                for was, new in zip(self.own, own, strict=True)
            )
        )
        self.known = [one if one.revoked_at is not None else one.held_to(shorter_ones, self.now) for one in self.known]
        self.own = own

    async def wait(self, minutes: int) -> None:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)

    async def walk(self) -> None:
        """Let the rows follow."""
        await tightening.carry_out(self.database, self.tenant, holder="h", clock=lambda: self.now)

    async def settle(self) -> None:
        """Settle and tell what has expired, as housekeeping does."""
        await housekeeping.settle_all(self.database, to_text(self.now - timedelta(seconds=30)), told_at=self.text)

    async def check(self) -> None:
        """Every view says what the model says."""
        expected = {one.key: status_of(one, self.text) for one in self.known}
        found = await self.database.read(self.tenant, self._views)
        alive = {key for key, status in expected.items() if status == "active"}
        numbers = Counter(expected.values())
        assert found == {
            "get": {one.key: (expected[one.key], _deadlines(one)) for one in self.known},
            "tokens": expected,
            "among": alive,
            "counts": {len(alive)},
            "stats": (len(expected), len(alive), numbers["revoked"], numbers["expired"]),
            "list": sorted(alive, reverse=True),
            "search": {
                status: sorted((key for key, its in expected.items() if its == status), reverse=True)
                for status in ("active", "expired", "revoked")
            },
            "inventory": {
                f"tok_{key}": {"expired": {"session_expired"}, "revoked": {"session_revoked"}}.get(status, set())
                for key, status in expected.items()
            },
        }

    async def _views(self, unit: UnitOfWork) -> dict[str, Any]:
        keys, now = [one.key for one in self.known], self.text
        rows = [row for row in [await sessions.get(unit, key) for key in keys] if row is not None]
        holders = [await refresh_states.session(unit, key) for key in keys]
        of_user = await sessions.count_active_of_users(unit, ["ann"], now=now)
        page = Page(1, 100)
        listed, total = await sessions.list_active_of_user(unit, "ann", now=now, page=page)
        devices, _ = await session_devices.devices_of_user(unit, "ann", now=now, current=None)
        walk, of_all = await sessions.list_active_with_users(unit, now, limit=100, after=None)
        stats = await statistics.session_stats(unit, now)
        by_status = {
            status: await session_search.page_of(unit, SessionFilter(status=status), now=now, page=page)
            for status in ("active", "expired", "revoked")
        }
        by_user = {
            status: await session_search.page_of(unit, SessionFilter(user_id="ann", status=status), now=now, page=page)
            for status in ("active", "expired", "revoked")
        }
        for status, of_tenant in by_status.items():
            of = by_user[status]
            assert [row.id for row in of.rows] == [row.id for row in of_tenant.rows]
            assert of.total == of_tenant.total == len(of.rows)
        assert [row.id for row in walk] == [row.id for row in listed]
        moment = Moment(now, to_text(self.now - timedelta(days=1)), now)
        inventory = await tokens.list_of_user(unit, "ann", at=moment)
        return {
            "get": {row.id: (status_of(row, now), _deadlines(row)) for row in rows},
            "tokens": {of.id: status_of(of, now) for of in holders if of is not None},
            "among": await sessions.active_among(unit, keys, now=now),
            "counts": {
                await sessions.count_active_of_user(unit, "ann", now=now),
                of_user.get("ann", 0),
                total,
                of_all,
                (await procedures.standing(unit, "ann", now=now)).active,
                sum(device.active_count for device in devices),
            },
            "stats": (stats.total, stats.active, stats.revoked, stats.expired),
            "list": [row.id for row in listed],
            "search": {status: [row.id for row in of.rows] for status, of in by_status.items()},
            "inventory": {row.id: _of_session(row.wrong) for row in inventory},
        }

    async def check_told(self) -> None:
        """At last every end was told once, when and why it came."""
        self.now += timedelta(hours=3)
        await self.walk()
        await self.settle()
        await self.database.number_events()
        types = frozenset({"session.ended"})

        async def find(unit: UnitOfWork) -> list[Any]:
            return await read(unit, types, after=0, until=2**40, limit=1000)

        told = await self.database.read(self.tenant, find)
        assert sorted((row.session_id, row.occurred_at, row.reason_code) for row in told) == sorted(
            (one.key, effective_end(one), timeout_code(one))
            if one.revoked_at is None
            else (one.key, one.revoked_at, BULK.code)
            for one in self.known
        )
        assert await self.database.read(self.tenant, tightenings.open_ones) == []


def _deadlines(row: Any) -> tuple[str, str] | None:
    """The deadlines of a session that nobody ended."""
    return None if row.revoked_at is not None else (row.expires_at, row.idle_expires_at)


def _of_session(wrong: tuple[str, ...]) -> set[str]:
    """What is against a token because of its session: that it was revoked, or else that it is over."""
    found = set(wrong) & {"session_expired", "session_revoked"}
    return found if "session_revoked" not in found else {"session_revoked"}


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, min_size=3, max_size=14))
def test_every_view_agrees_with_the_model_and_each_end_is_told_once(store: Store, steps: list[Any]) -> None:
    async def run() -> None:
        history = History(store.database)
        await history.create()
        for name, *about in steps:
            history.now += timedelta(milliseconds=7)
            await getattr(history, name)(*about)
            await history.check()
        await history.check_told()

    store.run(run())


def test_a_walk_that_dies_half_way_is_gone_on_with_and_tells_no_end_twice(store: Store) -> None:
    async def run() -> None:
        history = History(store.database)
        for _ in range(tightenings.AT_ONCE + 1):
            await history.create()
        await history.wait(20)
        await history.policy(timedelta(minutes=15), None, tightenings.AT_ONCE)
        waiting = await store.database.read(
            history.tenant, lambda unit: tightenings.not_told(unit, number=0, instant=history.text)
        )
        assert {(row.session_id, row.reason_code) for row in waiting} == {
            (one.key, "idle_timeout") for one in history.known
        }
        looks = count()

        def clock() -> datetime:
            if next(looks) == 3:  # the third write of the walk
                raise KeyboardInterrupt
            return history.now

        with pytest.raises(KeyboardInterrupt):
            await tightening.carry_out(store.database, history.tenant, holder="dies", clock=clock)
        left = await store.database.read(
            history.tenant, lambda unit: tightenings.next_keys(unit, after=_FIRST, limit=1000)
        )
        assert 0 < len(left) < len(history.known)
        history.now += tightening.LEASE
        assert await tightening.carry_out(store.database, history.tenant, holder="h", clock=lambda: history.now) == len(
            left
        )
        await history.check_told()

    store.run(run())
