"""Erasing a user reads what is about the user, however large the tenant is."""

import asyncio
import re
import sqlite3
from pathlib import Path

from sojourn.storage import engines
from sojourn.storage.queries import audit, erasure, session_deletion
from sojourn.storage.statements import SQLITE, Statement

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": statement
    for module in (erasure, session_deletion)
    for name, statement in vars(module).items()
    if isinstance(statement, Statement)
} | {"audit.FORGET": audit.FORGET}
"""Every statement that erasing a user may run."""


def steps(connection: sqlite3.Connection, text: str) -> list[str]:
    """The steps of a plan that go to a table."""
    values = dict.fromkeys(re.findall(r":(\w+)", text))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    return [step for step in plan if step.startswith(("SEARCH", "SCAN"))]


def test_no_statement_of_an_erasure_reads_a_whole_tenant(tmp_path: Path) -> None:
    asyncio.run(engines.migrate(f"sqlite:///{tmp_path}/sojourn.db"))
    connection = sqlite3.connect(tmp_path / "sojourn.db")

    plans = {name: steps(connection, statement.text(SQLITE)) for name, statement in STATEMENTS.items()}
    tenant = steps(connection, "SELECT browser FROM sessions WHERE tenant_id = :tenant AND revoked_by = :user_id")
    connection.close()

    assert "erasure.UNNAME_ENDS" in plans
    wide = {name: plan for name, plan in plans.items() if any("tenant_id=? AND" not in step for step in plan)}
    assert wide == {}
    assert any("tenant_id=? AND" not in step for step in tenant), "a statement that reads a tenant is found"
