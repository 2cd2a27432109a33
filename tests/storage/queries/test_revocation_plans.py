"""Plans: what is counted is what the list shows, what is refused at once, and what ends; and nothing else.

Sessions and filters are drawn. A view (lists by status, numbers, rows, checks) is the same after the rows have ended
as it was before: to carry a plan out changes nothing that anybody sees.
"""

import itertools
import random
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sojourn.domain.clock import from_text
from sojourn.domain.ids import uuid7
from sojourn.domain.paging import Page
from sojourn.domain.values import Tenant
from sojourn.storage.queries import revocation_plans, sessions, statistics
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.revocation_plans import NewPlan
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.revoking import carry_out
from tests.storage.conftest import BULK, NOISE, Store
from tests.storage.queries.test_session_search import FILTERS, any_session, at

TENANTS = itertools.count()
WITHOUT_STATUS = FILTERS.map(lambda wanted: {name: value for name, value in wanted.items() if name != "status"})
APPLIED, LATER, LAST = at(30), at(41), at(44)


def filled(store: Store, chance: random.Random) -> tuple[Tenant, list[str]]:
    """A tenant of its own with sessions of all kinds; their ids."""
    of = Tenant(f"t{next(TENANTS)}")  # type: ignore[arg-type]
    made = [any_session(chance, minutes) for minutes in range(30)]

    async def fill(unit: UnitOfWork) -> None:
        for session in made:
            await sessions.add(unit, session)
        await sessions.revoke_many(unit, [made[3].id, made[20].id], now=at(29), ending=BULK)
        await statistics.settle(unit, at(25), limit=3)

    store.write(fill, of)
    return of, [session.id for session in made]


def view(store: Store, of: Tenant, ids: list[str], *, now: str) -> dict[str, Any]:
    """What is to be seen of a tenant's sessions."""

    async def look(unit: UnitOfWork) -> dict[str, Any]:
        page = Page(1, 100)
        listed = {
            status: await page_of(unit, SessionFilter(status=status), now=now, page=page)  # type: ignore[arg-type]
            for status in ("active", "revoked", "expired", None)
        }
        of_apps = [
            await page_of(unit, SessionFilter(status="active", app_id=app), now=now, page=page)
            for app in ("web", "shop")
        ]
        return {
            "lists": {status: [row.id for row in found.rows] for status, found in listed.items()},
            "totals": {status: found.total for status, found in listed.items()},
            "of apps": [(found.total, [row.id for row in found.rows]) for found in of_apps],
            "numbers": await statistics.session_stats(unit, now),
            "rows": [await sessions.get(unit, key) for key in ids],  # type: ignore[arg-type]
            "active": await sessions.active_among(unit, ids, now=now),  # type: ignore[arg-type]
            "of users": await sessions.count_active_of_users(unit, ("ann", "bob", "eve"), now=now),
            "of each": [await sessions.count_active_of_user(unit, user, now=now) for user in ("ann", "bob", "eve")],
            "pages": [
                [row.id for row in (await sessions.list_active_of_user(unit, user, now=now, page=page))[0]]
                for user in ("ann", "bob", "eve")
            ],
        }

    return store.read(look, of)


def told(store: Store, of: Tenant, ids: set[str]) -> list[tuple[str, str, str]]:
    """The ends that were told of some sessions: the session, the code and when it was."""
    from sojourn.storage.queries import feed

    store.run(store.database.number_events())
    rows = store.read(
        lambda unit: feed.read(unit, frozenset({"session.ended"}), after=0, until=2**40, limit=100_000), EVERYBODY
    )
    return [
        (row.session_id or "", row.reason_code or "", row.occurred_at)
        for row in rows
        if row.tenant_id == of.id and row.session_id in ids
    ]


@seed(32)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=WITHOUT_STATUS, chance=st.integers(0, 2**32).map(random.Random), exceptions=st.integers(0, 2))
def test_a_plan_counts_what_is_listed_and_ends_exactly_that(
    store: Store, wanted: dict[str, Any], chance: random.Random, exceptions: int
) -> None:
    of, ids = filled(store, chance)
    asked = SessionFilter(**wanted)
    fitting = SessionFilter(**wanted, status="active")
    listed = store.read(lambda unit: page_of(unit, fitting, now=APPLIED, page=Page(1, 100)), of)
    excepted = tuple(row.id for row in listed.rows[:exceptions])
    meant = {row.id: row for row in listed.rows if row.id not in excepted}
    before = view(store, of, ids, now=APPLIED)
    plan = NewPlan(uuid7(from_text(APPLIED)), APPLIED, LAST, LAST, asked, excepted, "keep", "x", "plan")

    async def make(unit: UnitOfWork) -> revocation_plans.Numbers:
        numbers = await revocation_plans.count(unit, asked, excepted=excepted, now=APPLIED)
        await revocation_plans.add(unit, plan, numbers=numbers)
        return numbers

    numbers = store.write(make, of)
    assert view(store, of, ids, now=APPLIED) == before
    assert numbers.sessions == len(meant) == (listed.total or 0) - len(excepted)
    assert numbers.users == len({row.user_id for row in meant.values()})
    assert numbers.sample == sorted(meant, reverse=True)[: revocation_plans.SAMPLE]
    for parts in (numbers.by_app, numbers.by_country, numbers.by_device_type):
        assert sum(parts.values()) == numbers.sessions

    facts = {"since": APPLIED, "by": "root", "initiated_by": "admin", "matched": len(meant)}
    assert store.write(lambda unit: revocation_plans.begin(unit, plan.id, **facts), of)
    assert not store.write(lambda unit: revocation_plans.begin(unit, plan.id, **facts), of)
    young = any_session(chance, 35)
    store.add(young, of)
    at_once = view(store, of, [*ids, young.id], now=LATER)

    shown = {row.id: row for row in at_once["rows"]}
    for key in [*ids, young.id]:
        row = shown[key]
        if key in meant:
            assert (row.revoked_at, row.revoked_by, row.reason_code) == (APPLIED, "root", "plan")
        else:
            assert row.reason_code != "plan"
    assert set(at_once["lists"]["revoked"]) == set(before["lists"]["revoked"]) | set(meant)
    assert not set(at_once["lists"]["active"]) & set(meant)
    assert at_once["numbers"].revoked == before["numbers"].revoked + len(meant)
    assert store.write(lambda unit: sessions.revoke_many(unit, list(meant), now=LATER, ending=BULK), of) == set()
    assert told(store, of, set(meant)) == []

    store.write(lambda unit: statistics.settle(unit, LATER, limit=100), of)
    assert view(store, of, [*ids, young.id], now=LATER) == at_once
    ended = store.run(carry_out(store.database, of, holder="a", clock=lambda: from_text(LATER)))

    assert ended == len(meant)
    assert view(store, of, [*ids, young.id], now=LATER) == at_once
    assert sorted(told(store, of, set(meant))) == sorted((key, "plan", APPLIED) for key in meant)
    assert {code for _, code, _ in told(store, of, {*ids, young.id} - set(meant))} <= {
        "bulk",
        "idle_timeout",
        "absolute_timeout",
    }
    done = store.read(lambda unit: revocation_plans.get(unit, plan.id), of)
    assert done is not None
    assert (done.ended, done.remaining, done.open_since, done.finished_at) == (len(meant), 0, None, LATER)
    assert store.read(lambda unit: revocation_plans.get(unit, plan.id), NOISE) is None
    assert store.run(carry_out(store.database, of, holder="a", clock=lambda: from_text(LATER))) == 0
