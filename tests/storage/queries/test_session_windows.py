"""One response looks at fifty sessions for each that it may show; a walk loses none, whatever each step asks for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sojourn.domain.paging import Page
from sojourn.domain.session_cursors import Place
from sojourn.storage.queries import sessions, statistics, tenants, users
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.session_search import Found, Sort, page_of, step_of
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import T0, Store
from tests.storage.queries.test_session_search import FILTERS, SORTS, any_session, at, fits, in_order

MANY = 2_500
WINDOWS = {1: 1_000, 20: 1_000, 21: 1_050, 49: 2_450, 50: 2_500}
"""How many sessions are looked at for so many that may be shown; for more it is all of them."""
WITHOUT_INDEX = FILTERS.map(
    lambda wanted: {
        name: value
        for name, value in wanted.items()
        if name not in ("user_id", "status", "device_id", "created_after", "created_before")
    }
)


@dataclass(repr=False)
class Filled:
    """A store and the sessions in it: too many to be shown when a test fails."""

    store: Store
    made: list[NewSession]


@pytest.fixture
def many(store: Store) -> Filled:
    """A store with more sessions than two of the smallest windows, written at once."""
    chance = random.Random(7)
    made = [any_session(chance, number / 50) for number in range(MANY)]

    async def fill(unit: UnitOfWork) -> None:
        await tenants.ensure(unit, T0)
        for name in sorted({one.user_id for one in made}):
            await users.ensure(unit, name, username=None, now=T0)
        await unit.run_many(sessions.INSERT, [sessions.insert_values(one) for one in made])
        for kind in sorted({one.device_type or "" for one in made}):
            count = sum((one.device_type or "") == kind for one in made)
            await statistics.count_created(unit, kind or None, by=count)

    store.write(fill)
    return Filled(store, made)


def walked(store: Store, wanted: SessionFilter, sort: Sort, *, now: str, limits: list[int]) -> Iterator[Found]:
    """Every step of a walk, each with the next of the limits; the last one holds for the rest."""
    behind: Place | None = None
    for number in range(MANY + 1):
        limit = limits[min(number, len(limits) - 1)]
        found = store.read(
            lambda unit, b=behind, n=limit: step_of(unit, wanted, now=now, limit=n, behind=b, sort=sort)  # type: ignore[misc]
        )
        assert len(found.rows) <= limit
        yield found
        behind = found.next
        if behind is None:
            return
    raise AssertionError("a walk without an end")


LIMITS = st.lists(st.sampled_from((1, 20, 30, 100)), min_size=1, max_size=4).map(lambda limits: [*limits, 100])


@seed(31)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, sort=st.sampled_from(SORTS[:2]), limits=LIMITS)
def test_a_walk_finds_everything_once_whatever_the_limit_of_each_step(
    many: Filled, wanted: dict[str, Any], sort: Sort, limits: list[int]
) -> None:
    store, made = many.store, many.made
    expected = in_order(sort, [one for one in made if fits(one, False, wanted, now=at(30))])

    steps = walked(store, SessionFilter(**wanted), sort, now=at(30), limits=limits)

    assert [row.id for step in steps for row in step.rows] == expected


@seed(31)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=WITHOUT_INDEX, limits=LIMITS)
def test_a_walk_by_activity_goes_through_what_its_first_step_looked_at_whatever_the_limits_of_the_others(
    many: Filled, wanted: dict[str, Any], limits: list[int]
) -> None:
    store, made = many.store, many.made
    window = {1: 1_000, 20: 1_000, 30: 1_500}.get(limits[0])
    newest = sorted(made, key=lambda one: one.id)[-(window or MANY) :]
    expected = in_order("-last_active_at", [one for one in newest if fits(one, False, wanted, now=at(30))])

    steps = list(walked(store, SessionFilter(**wanted), "-last_active_at", now=at(30), limits=limits))

    assert [row.id for step in steps for row in step.rows] == expected
    total = len(expected) if wanted else MANY  # that of all sessions is kept, so nothing is looked at for it
    assert {(step.total, step.window) for step in steps} == {(total, window)}


@pytest.mark.parametrize("sort", SORTS)
def test_a_response_looks_at_fifty_sessions_for_each_that_it_may_show_between_two_bounds(
    many: Filled, sort: Sort
) -> None:
    store, made = many.store, many.made
    wanted, ordered = SessionFilter(app_id="web"), sorted(made, key=lambda one: one.id, reverse=sort != "created_at")
    for size, window in (WINDOWS | {51: None, 100: None}).items():
        fitting = sum(one.app_id == "web" for one in ordered[:window])
        page = store.read(lambda unit, n=size: page_of(unit, wanted, now=T0, page=Page(1, n), sort=sort))  # type: ignore[misc]
        step = store.read(lambda unit, n=size: step_of(unit, wanted, now=T0, limit=n, behind=None, sort=sort))  # type: ignore[misc]

        assert (page.total, page.window) == (step.total, step.window) == (fitting, window), size
