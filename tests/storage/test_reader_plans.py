"""Whoever reads events finds them by an index on both engines: pages, streams, snapshots, webhooks, status lists.

No table of events, deliveries or lists is read through, and a page costs the same however many events come after it.
"""

import re
import sqlite3
from collections.abc import Iterator
from types import ModuleType

import pytest

from sojourn.storage.queries import deliveries, feed, sending, session_events, status_lists, webhooks
from sojourn.storage.statements import SQLITE, Statement
from tests.conftest import on_sqlite
from tests.postgres import Cluster
from tests.storage.conftest import Store
from tests.storage.postgres.test_plans import plan_of

MODULES = (feed, sending, deliveries, webhooks, status_lists, session_events)
OF_WHAT_WAITS = ("ix_webhook_deliveries_unsent", "ix_webhook_deliveries_due")
"""Indexes that hold deliveries only while they wait: to read one through is to read what there is to do."""


ONLY_ADD = ("ADD", "HAND_OVER", "MAKE", "TAKE")
OF_EVERY_LIST = ("status_lists.ALL", "status_lists.RETIRE")
"""What names all status lists, and what retires those of old weeks: there is one of a tenant and a week."""


def statements(module: ModuleType) -> dict[str, str]:
    """The statements of a module by their names; those that only add rows find nothing."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, Statement)}
    return {f"{module.__name__}.{name}": value for name, value in found.items() if name not in ONLY_ADD}


STATEMENTS = {
    name: value for module in MODULES for name, value in statements(module).items() if not name.endswith(OF_EVERY_LIST)
}
IN_ORDER = {"pages": feed.READ, "deliveries": deliveries.NEW_EVENTS, "a replay": deliveries.SINCE}
FEW, MANY = 2_000, 20_000


def is_scan(step: str) -> bool:
    """Whether a step of either engine reads all rows of a table, for what is not waiting."""
    reads_all = re.match(r"SCAN (events|webhook_deliveries|other|status_lists)\b", step) or re.search(
        r"Seq Scan on (events|webhook_deliveries|status_lists)\b", step
    )
    return bool(reads_all) and not any(index in step for index in OF_WHAT_WAITS)


@pytest.fixture(scope="module")
def planned(cluster: Cluster) -> Iterator[str]:
    """An empty database, asked by the one whom row security does not hold."""
    name = cluster.create()
    yield cluster.url(name, "postgres")
    cluster.drop(name)


def test_there_are_statements_and_a_scan_is_seen() -> None:
    assert len(STATEMENTS) > 35
    assert is_scan("SCAN events USING COVERING INDEX ix_events_tenant")
    assert is_scan("->  Seq Scan on webhook_deliveries other  (cost=0.00..1.00 rows=1 width=4)")
    assert not is_scan("SCAN webhook_deliveries USING INDEX ix_webhook_deliveries_unsent")


@on_sqlite
def test_no_statement_scans_on_sqlite(store: Store) -> None:
    connection = sqlite3.connect(store.path)
    plans = {}
    for name, statement in STATEMENTS.items():
        text = statement.text(SQLITE)
        values = dict.fromkeys(re.findall(r":(\w+)", text), 1)
        plans[name] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    connection.close()

    assert {name: plan for name, plan in plans.items() if any(map(is_scan, plan))} == {}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_scans_on_postgresql(planned: str, name: str) -> None:
    """The tables are small here, so a scan would be chosen for their size alone: it is made dear."""
    plan = plan_of(planned, STATEMENTS[name].numbered()[0], "enable_seqscan = off")

    assert [step for step in plan if is_scan(step)] == []


@pytest.mark.parametrize("name", IN_ORDER)
def test_a_page_is_read_in_order_by_two_indexes_on_postgresql(planned: str, name: str) -> None:
    plan = plan_of(planned, IN_ORDER[name].numbered()[0], "enable_seqscan = off", "enable_bitmapscan = off")

    assert sum("ix_events_tenant" in step for step in plan) == 2, plan
    assert [step for step in plan if step.lstrip("-> ").startswith("Sort  ")] == []


@on_sqlite
@pytest.mark.parametrize("name", IN_ORDER)
def test_a_page_costs_the_same_however_many_events_come_after_it(store: Store, name: str) -> None:
    """The steps of SQLite's machine are counted."""
    few, many = _filled(store, FEW), _filled(store, MANY)

    assert _steps(few, IN_ORDER[name], limit=500) > 500
    assert _steps(many, IN_ORDER[name], limit=500) < 1.1 * _steps(few, IN_ORDER[name], limit=500)


def _filled(store: Store, count: int) -> sqlite3.Connection:
    """A copy of the database, in memory, with so many events of one tenant, and as many of another."""
    connection = sqlite3.connect(":memory:")
    with sqlite3.connect(store.path) as origin:
        origin.backup(connection)
    connection.execute("DELETE FROM events")
    at = "2026-04-15T08:00:00.000Z"
    rows = (
        (tenant, f"evt_{tenant}_{number}", "session.ended", 2 * number + place, at, at)
        for number in range(1, count + 1)
        for place, tenant in enumerate(("acme", "noise"))
    )
    connection.executemany(
        "INSERT INTO events (tenant_id, id, type, number, occurred_at, recorded_at) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    connection.execute("ANALYZE")
    return connection


def _steps(connection: sqlite3.Connection, statement: Statement, *, limit: int) -> int:
    """What the first page costs, in tens of steps."""
    text = statement.text(SQLITE)
    values: dict[str, object] = dict.fromkeys(re.findall(r":(type_\w+)", text), "session.ended")
    values |= {"tenant": "acme", "after": 0, "limit": limit, "position": 2**62, "since": "", "until": "~"}
    values["until"] = 2**62 if statement is feed.READ else "~"
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    connection.set_progress_handler(step, 10)
    assert len(connection.execute(text, values).fetchall()) == limit
    connection.set_progress_handler(None, 0)
    return count
