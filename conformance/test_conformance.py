"""The running server keeps the contract: no check fails, every operation succeeds, every link is followed."""

from typing import Any

from conformance.gate import unfollowed_links, unreached_operations
from conformance.runner import Run
from conformance.server import OwnServer


def test_no_check_of_the_main_run_fails(main_run: Run) -> None:
    assert main_run.exit_status == 0, main_run.output
    assert main_run.summary["complete"] is True


def test_no_check_of_the_runs_along_links_fails(runs: list[Run]) -> None:
    assert [run.output for run in runs if run.exit_status != 0] == []


def test_every_operation_answered_with_success(runs: list[Run], contract: dict[str, Any]) -> None:
    assert unreached_operations(runs, contract) == set()


def test_every_link_was_followed(runs: list[Run], contract: dict[str, Any]) -> None:
    assert unfollowed_links(runs, contract) == set()


def test_two_tenants_never_meet(isolation_run: Run) -> None:
    assert isolation_run.exit_status == 0, isolation_run.output


def test_the_server_logged_no_error(isolation_run: Run, own_server: OwnServer) -> None:
    errors = [line for line in own_server.log_text.splitlines() if " ERROR " in line or "Traceback" in line]
    assert errors == []
