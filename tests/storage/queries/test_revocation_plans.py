"""Plans: what is counted is what the list shows, what is refused at once, and what ends; and nothing else.

Sessions and filters are drawn. A view (lists by status, numbers, rows, checks) is the same after the rows have ended
as it was before: to carry a plan out changes nothing that anybody sees, and neither does what goes on meanwhile.
"""

import asyncio
import itertools
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sojourn.domain.clock import from_text
from sojourn.domain.ids import uuid7
from sojourn.domain.paging import Page
from sojourn.domain.values import Tenant
from sojourn.handlers.views.sessions import session_record
from sojourn.storage.queries import revocation_plans, session_revocation, sessions, statistics, suspensions
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.revocation_plans import NewPlan
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import small_writes
from sojourn.storage.upkeep.revoking import carry_out
from tests.storage.conftest import BULK, NOISE, Store
from tests.storage.queries.test_session_search import FILTERS, any_session, at

TENANTS = itertools.count()
WITHOUT_STATUS = FILTERS.map(lambda wanted: {name: value for name, value in wanted.items() if name != "status"})
PLANNED, APPLIED, LATER, LAST = at(29.5), at(30), at(44), at(60)
OPEN = ("active", "suspended")


def filled(store: Store, chance: random.Random) -> tuple[Tenant, list[str]]:
    """A tenant of its own with sessions of all kinds; their ids."""
    of = Tenant(f"t{next(TENANTS)}")  # type: ignore[arg-type]
    made = [any_session(chance, minutes) for minutes in range(30)]

    async def fill(unit: UnitOfWork) -> None:
        for session in made:
            await sessions.add(unit, session)
        await session_revocation.revoke_many(unit, [made[3].id, made[20].id], now=at(29), ending=BULK)
        await statistics.settle(unit, at(25), limit=3)

    store.write(fill, of)
    suspend_some(store, of, [session.id for session in made], chance, minutes=29.3)
    return of, [session.id for session in made]


def suspend_some(store: Store, of: Tenant, ids: list[str], chance: random.Random, *, minutes: float) -> set[str]:
    """Suspend some sessions and reactivate some; the ids of those with which that went."""
    until = (minutes + 0.1, 29.6, 29.9, 30.5, 35, 43, 90)

    async def change(unit: UnitOfWork) -> set[str]:
        changed = set()
        for key in chance.sample(ids, 10):
            facts: Any = {"user_id": "ann", "now": at(minutes), "actor": "root"}
            if chance.random() < 0.3:
                is_done = await suspensions.reactivate(unit, key, **facts)  # type: ignore[arg-type]
            else:
                left = chance.choice([at(end) for end in until if end > minutes])
                facts |= chance.choice(
                    ({"until": left, "then": "revoke"}, {"until": chance.choice((left, None)), "then": "reactivate"})
                )
                is_done = await suspensions.suspend(unit, key, **facts)  # type: ignore[arg-type]
            changed |= {key} if is_done else set()
        return changed

    return store.write(change, of)


async def view_of(unit: UnitOfWork, ids: list[str], *, now: Any) -> dict[str, Any]:
    """What is to be seen of a tenant's sessions."""
    page, found = Page(1, 100), dict[str, Any]()
    for status, app in (
        ("active", None),
        ("suspended", None),
        ("revoked", None),
        ("expired", None),
        ("active", "web"),
        ("suspended", "shop"),
    ):
        listed = await page_of(unit, SessionFilter(status=status, app_id=app), now=now, page=page)  # type: ignore[arg-type]
        found[f"{status} of {app}"] = (listed.total, {row.id for row in listed.rows})
    rows = [await sessions.get(unit, key) for key in ids]  # type: ignore[arg-type]
    return found | {
        "numbers": await statistics.session_stats(unit, now),
        "shown": {row.id: session_record(row, now) for row in rows if row is not None},
        "active": await sessions.active_among(unit, ids, now=now),  # type: ignore[arg-type]
        "of users": await sessions.count_active_of_users(unit, ("ann", "bob", "eve"), now=now),
        "of each": [await sessions.count_active_of_user(unit, user, now=now) for user in ("ann", "bob", "eve")],
        "pages": [
            [row.id for row in (await sessions.list_active_of_user(unit, user, now=now, page=page))[0]]
            for user in ("ann", "bob", "eve")
        ],
    }


def view(store: Store, of: Tenant, ids: list[str], *, now: str) -> dict[str, Any]:
    """The same, read alone."""
    return store.read(lambda unit: view_of(unit, ids, now=now), of)


def open_ones(store: Store, of: Tenant, wanted: dict[str, Any], *, now: str) -> list[Any]:
    """What a plan concerns by the lists: the active and the suspended sessions that fit."""
    filters: Any = [SessionFilter(**wanted, status=status) for status in OPEN]

    async def look(unit: UnitOfWork) -> list[Any]:
        return [await page_of(unit, asked, now=now, page=Page(1, 100)) for asked in filters]  # type: ignore[arg-type]

    pages = store.read(look, of)
    assert sum(page.total or 0 for page in pages) == sum(len(page.rows) for page in pages)
    return [row for page in pages for row in page.rows]


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


async def disturb(store: Store, of: Tenant, ids: list[str], *, meant: set[str], expected: dict[str, Any]) -> int:
    """While rows end: settle, try to reactivate and suspend what is meant, and look; how many looks there were."""
    database, looks = store.database, 0
    keys: Any = sorted(meant)
    facts: Any = {"user_id": "ann", "now": LATER, "actor": "root"}

    async def try_all(unit: UnitOfWork) -> list[bool]:
        await statistics.settle(unit, LATER, limit=2)  # type: ignore[arg-type]
        tries = [await suspensions.reactivate(unit, key, **facts) for key in keys]
        return tries + [await suspensions.suspend(unit, key, **facts, until=None, then="revoke") for key in keys[:3]]

    while looks < 4 and await database.read(of, revocation_plans.open_ones):
        assert not any(await database.write(of, try_all))
        assert await database.read(of, lambda unit: view_of(unit, ids, now=LATER)) == expected
        looks += 1
    return looks


@seed(32)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=WITHOUT_STATUS, chance=st.integers(0, 2**32).map(random.Random), exceptions=st.integers(0, 2))
def test_a_plan_counts_what_is_listed_and_ends_exactly_that(
    store: Store, wanted: dict[str, Any], chance: random.Random, exceptions: int
) -> None:
    of, ids = filled(store, chance)
    asked = SessionFilter(**wanted)
    listed = open_ones(store, of, wanted, now=PLANNED)
    excepted = tuple(row.id for row in listed[:exceptions])
    plan = NewPlan(uuid7(from_text(PLANNED)), PLANNED, LAST, LAST, asked, excepted, "keep", "x", "plan")
    before = view(store, of, ids, now=PLANNED)

    async def make(unit: UnitOfWork) -> revocation_plans.Numbers:
        numbers = await revocation_plans.count(unit, asked, excepted=excepted, now=PLANNED)
        await revocation_plans.add(unit, plan, numbers=numbers)
        return numbers

    numbers = store.write(make, of)
    assert view(store, of, ids, now=PLANNED) == before
    assert numbers.sessions == len(listed) - len(excepted)
    assert numbers.users == len({row.user_id for row in listed if row.id not in excepted})
    sample = sorted({row.id for row in listed} - {*excepted}, reverse=True)
    assert numbers.sample == sample[: revocation_plans.SAMPLE]
    for parts in (numbers.by_app, numbers.by_country, numbers.by_device_type):
        assert sum(parts.values()) == numbers.sessions

    suspend_some(store, of, ids, chance, minutes=29.7)
    store.write(lambda unit: statistics.settle(unit, APPLIED, limit=5), of)
    meant = {row.id for row in open_ones(store, of, wanted, now=APPLIED)} - {*excepted}
    before = view(store, of, ids, now=APPLIED)
    row = store.read(lambda unit: revocation_plans.get(unit, plan.id), of)
    assert row is not None
    edge: Any = ids[15]
    counts = [
        store.read(lambda unit, count=count: count(unit, row, edge=edge, now=APPLIED), of)  # type: ignore[misc]
        for count in (revocation_plans.count_before, revocation_plans.count_since)
    ]
    assert sum(counts) == len(meant)

    facts = {"since": APPLIED, "by": "root", "initiated_by": "admin", "matched": len(meant)}
    assert store.write(lambda unit: revocation_plans.begin(unit, plan.id, **facts), of)
    assert not store.write(lambda unit: revocation_plans.begin(unit, plan.id, **facts), of)
    young = any_session(chance, 35)
    store.add(young, of)
    everyone = [*ids, young.id]
    at_once = view(store, of, everyone, now=LATER)

    for key, shown in at_once["shown"].items():
        end = (shown.get("revoked_at"), shown.get("revoked_by"), shown.get("reason_code"))
        assert (end == (APPLIED, "root", "plan")) == (key in meant)
    assert at_once["revoked of None"][1] >= before["revoked of None"][1] | meant
    assert not (at_once["active of None"][1] | at_once["suspended of None"][1]) & meant
    assert (
        store.write(lambda unit: session_revocation.revoke_many(unit, sorted(meant), now=LATER, ending=BULK), of)
        == set()
    )
    assert told(store, of, meant) == []

    async def side_by_side() -> list[Any]:
        work = carry_out(store.database, of, holder="a", clock=lambda: from_text(LATER))
        return await asyncio.gather(disturb(store, of, everyone, meant=meant, expected=at_once), work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_writes, "AT_ONCE", 4)
        looks, ended = store.run(side_by_side())

    assert looks > 0
    assert ended == len(meant)
    store.write(lambda unit: statistics.settle(unit, LATER, limit=100), of)
    assert view(store, of, everyone, now=LATER) == at_once
    assert sorted(told(store, of, meant)) == sorted((key, "plan", APPLIED) for key in meant)
    others = {code for _, code, _ in told(store, of, {*everyone} - meant)}
    assert others <= {"bulk", "idle_timeout", "absolute_timeout", "suspension_over"}
    done = store.read(lambda unit: revocation_plans.get(unit, plan.id), of)
    assert done is not None
    assert (done.ended, done.remaining, done.open_since, done.finished_at) == (len(meant), 0, None, LATER)
    assert store.read(lambda unit: revocation_plans.get(unit, plan.id), NOISE) is None
    assert store.run(carry_out(store.database, of, holder="a", clock=lambda: from_text(LATER))) == 0
