"""A suite that cannot fail proves nothing: every liar is caught by the check that names its defect."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conformance.test_own_server import REPORTS

AT_LEAST = 40
SECONDS = 3600


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """The kill table, made by a process of its own: the suite is run in it again and again."""
    command = [sys.executable, "-m", "tests.conformance.kill_table", str(REPORTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    table = REPORTS / "kill_table.json"
    assert table.exists(), done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(table.read_text())
    return found


def test_every_liar_is_caught_by_the_check_that_names_its_defect(rows: list[dict[str, Any]], capsys: Any) -> None:
    with capsys.disabled():
        print("\n" + (REPORTS / "kill_table.md").read_text())

    assert len(rows) >= AT_LEAST
    assert [row["defect"] for row in rows if not row["killed"]] == []


def test_a_liar_fails_its_own_check_and_not_just_any(rows: list[dict[str, Any]]) -> None:
    """Each is also judged by a check that has nothing to do with its lie; one may be hit by a lie about everything."""
    assert len([row["defect"] for row in rows if not row["alive_elsewhere"]]) <= 1


def test_every_core_check_has_a_liar(rows: list[dict[str, Any]]) -> None:
    from tests.conformance.test_registry import judged_checks

    covered = {row["caught_by"] for row in rows}
    core = {check.id for check in judged_checks() if check.profile == "core"}
    assert sorted(core - covered - WITHOUT_A_LIAR) == []


WITHOUT_A_LIAR = {
    "SCH-004",  # judges the contract, not the server
}
