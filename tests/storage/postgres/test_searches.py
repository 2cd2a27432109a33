"""On PostgreSQL a search is planned once for a connection, and takes few statements."""

from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import text

from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_search import Sort, step_of
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork
from tests.storage.conftest import T0, Store, new_session

PREPARED = Statement(
    text(
        "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements"
        " WHERE statement LIKE '%FROM sessions%' AND statement NOT LIKE '%pg_prepared%'"
    )
)
KEPT = Statement(text("SELECT count(*) FROM pg_prepared_statements"))
MOST_KEPT = 128
FILTERS: dict[str, Any] = {
    "status": "expired",
    "app_id": "app",
    "country": "DE",
    "asn": 1,
    "device_type": "mobile",
    "amr": "pwd",
    "device_id": "d",
    "user_agent_contains": "x",
    "device_fingerprint": "f",
}
SEARCHES: list[tuple[dict[str, Any], Sort, int]] = [
    ({}, "-created_at", 1),
    ({}, "-last_active_at", 2),
    ({"user_id": "user"}, "-last_active_at", 2),
    ({"device_id": "device"}, "-created_at", 2),
    ({"device_id": "device"}, "-last_active_at", 3),
    ({"device_id": "device", "status": "expired"}, "created_at", 2),
    ({"status": "expired"}, "-created_at", 2),
    ({"status": "expired", "country": "DE"}, "-last_active_at", 2),
    ({"status": "revoked"}, "-created_at", 2),
    ({"app_id": "app", "ip": "192.0.2.0/24"}, "created_at", 2),
]
"""Filters, the order, and how many statements about sessions a step takes: its rows, its ends, which way it goes."""


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.mark.parametrize(("filters", "sort", "statements"), SEARCHES)
def test_a_step_takes_few_statements_each_of_them_planned_once_for_a_connection(
    store: Store, filters: dict[str, Any], sort: Sort, statements: int
) -> None:
    """The driver prepares what it keeps under a name, and the server says how often it ran each and planned it anew."""
    store.add(new_session())

    async def ask(unit: UnitOfWork) -> tuple[list[Any], list[Any]]:
        with unit.snapshot():
            before = await unit.all(PREPARED)
            for _ in range(3):
                wanted = SessionFilter(**filters)
                await step_of(unit, wanted, now=T0, limit=20, behind=None, sort=sort, counts=False)
            return before, await unit.all(PREPARED)

    before, after = store.read(ask)

    assert before == []
    assert sum(generic + custom for _, generic, custom in after) == 3 * statements
    assert [custom for _, _, custom in after if custom] == []


def test_a_connection_keeps_so_many_plans_however_many_searches_are_asked_of_it(store: Store) -> None:
    """Each plan takes 1 to 5 MB of PostgreSQL's memory, and each combination of filters has its own."""
    asked = [dict(some) for some in combinations(FILTERS.items(), 4)]

    async def ask(unit: UnitOfWork) -> int:
        with unit.snapshot():
            for some in asked:
                await step_of(unit, SessionFilter(**some), now=T0, limit=20, behind=None, counts=False)
            return int(await unit.value(KEPT))

    assert len(asked) > MOST_KEPT - 10  # and each takes more than one statement
    assert store.read(ask) <= MOST_KEPT
