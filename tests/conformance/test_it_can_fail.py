"""A conformance run that cannot fail proves nothing: with one defect in the server, it names that defect."""

import sys
from pathlib import Path

import pytest

from conformance.data import fill
from conformance.gate import unfollowed_links, unreached_operations
from conformance.runner import Run, run
from conformance.server import OwnServer

LIAR = (sys.executable, "-m", "tests.conformance.liar")


def test_a_wrong_type_in_one_answer_is_reported(tmp_path: Path) -> None:
    with OwnServer(tmp_path, LIAR) as target:
        outcome = run(target, fill(target), tmp_path / "run", profile="main", seed=1, examples=5)

    assert outcome.exit_status == 1
    assert "GET /internal/session/sessions/{user_id}/active" in outcome.output
    failures = outcome.summary["failures"]
    assert [failure["title"] for failure in failures] == ["Response violates schema"]


@pytest.mark.parametrize("gate", [unreached_operations, unfollowed_links])
def test_a_run_that_reached_nothing_does_not_pass_the_gate(gate) -> None:  # type: ignore[no-untyped-def]
    silent = Run(0, "", {"complete": True}, [])
    contract = {
        "paths": {"/a": {"get": {"responses": {"200": {"links": {"next": {}}}}}}},
    }

    assert gate([silent], contract)
