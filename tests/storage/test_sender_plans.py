"""What sends webhooks finds its work by an index on both engines: it reads no table of events or deliveries through."""

import re
import sqlite3
from collections.abc import Iterator
from types import ModuleType

import pytest

from sojourn.storage.queries import deliveries, sending, webhooks
from sojourn.storage.statements import SQLITE, Statement
from tests.conftest import on_sqlite
from tests.postgres import Cluster
from tests.storage.conftest import Store
from tests.storage.postgres.test_plans import plan_of

MODULES = (sending, deliveries, webhooks)
OF_WHAT_WAITS = ("ix_webhook_deliveries_unsent", "ix_webhook_deliveries_due")
"""Indexes that hold deliveries only while they wait: to read one through is to read what there is to do."""


def statements(module: ModuleType) -> dict[str, str]:
    """The statements of a module by their names; those that only add rows find nothing."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, Statement)}
    return {f"{module.__name__}.{name}": value for name, value in found.items() if name not in ("ADD", "HAND_OVER")}


STATEMENTS = {name: value for module in MODULES for name, value in statements(module).items()}


def is_scan(step: str) -> bool:
    """Whether a step of either engine reads all rows of events or of deliveries, for what is not waiting."""
    reads_all = re.match(r"SCAN (events|webhook_deliveries|other)\b", step) or re.search(
        r"Seq Scan on (events|webhook_deliveries)\b", step
    )
    return bool(reads_all) and not any(index in step for index in OF_WHAT_WAITS)


@pytest.fixture(scope="module")
def planned(cluster: Cluster) -> Iterator[str]:
    """An empty database, asked by the one whom row security does not hold."""
    name = cluster.create()
    yield cluster.url(name, "postgres")
    cluster.drop(name)


def test_there_are_statements_and_a_scan_is_seen() -> None:
    assert len(STATEMENTS) > 25
    assert is_scan("SCAN events USING COVERING INDEX ix_events_tenant")
    assert is_scan("->  Seq Scan on webhook_deliveries other  (cost=0.00..1.00 rows=1 width=4)")
    assert not is_scan("SCAN webhook_deliveries USING INDEX ix_webhook_deliveries_unsent")


@on_sqlite
def test_no_statement_of_the_sender_scans_on_sqlite(store: Store) -> None:
    connection = sqlite3.connect(store.path)
    plans = {}
    for name, statement in STATEMENTS.items():
        text = statement.text(SQLITE)
        values = dict.fromkeys(re.findall(r":(\w+)", text), 1)
        plans[name] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    connection.close()

    assert {name: plan for name, plan in plans.items() if any(map(is_scan, plan))} == {}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_of_the_sender_scans_on_postgresql(planned: str, name: str) -> None:
    """The tables are small here, so a scan would be chosen for their size alone: it is made dear."""
    plan = plan_of(planned, STATEMENTS[name].numbered()[0], "enable_seqscan = off")

    assert [step for step in plan if is_scan(step)] == []
