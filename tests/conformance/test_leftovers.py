"""What administrators made for the suite is gone after a run, whether its checks passed or failed, and nothing else."""

from pathlib import Path

from tests.conformance.kill_table import Servers
from tests.conformance.liars.lying import REGISTRY
from tests.conformance.serving import MANAGER, judge, kept_by_administrators, put_by_administrators
from tests.conformance.test_own_server import SETTINGS, run
from tests.live import LiveServer

MAKING = ("SCH-001", "TEN-002", "WHK-005", "BCL-002", "SCO-005")
"""Checks that make endpoints, applications or keys: in both tenants, alone, several at once."""
ALONE = "LNK-001"
"""A check that reads lists of what administrators made: where nobody has made anything, it does."""
RUNS = ((), ("--parallel", "4"), ("--", "-k", "set_token_config and not reset"))
"""Options of runs, one after another. The last leaves out the case that clears what another sets."""
FAILING = ("WHK-002", "WHK-005", "BCL-002")
"""Checks whose failure comes between the making and the removing."""


def of_checks(names: tuple[str, ...]) -> list[str]:
    """The options that choose checks."""
    return [part for name in names for part in ("--check", name)]


def test_a_run_after_another_passes_and_nothing_is_left_of_them(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, **SETTINGS)
    try:
        manager = run(server, "api-key", "create", "--name", "manager", "--scope", "manage")
        alone = judge(server.url, tmp_path / "report", "--check", ALONE)
        assert alone.status == 0, alone.output
        put_by_administrators(server.url)
        before = kept_by_administrators(server.url, manager)
        options = ["--manage-api-key", manager, *of_checks(MAKING)]
        for more in RUNS:
            said = judge(server.url, tmp_path / "report", *options, *more)
            assert set(said.verdicts.values()) == {"pass"}, said.output
            assert kept_by_administrators(server.url, manager) == before
    finally:
        server.stop()
    assert all(value for name, value in before.items() if "policy" not in name), "others have nothing there"


def test_a_check_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with Servers(tmp_path).start(None) as (app, url):
        put_by_administrators(url)
        before = kept_by_administrators(url, MANAGER.text)
        for name in FAILING:
            app.believe(next(liar.lie for liar in REGISTRY if liar.caught_by == name))
            said = judge(url, tmp_path / name, "--check", name)
            app.believe(None)
            assert said.failed() == [name], said.output
            assert kept_by_administrators(url, MANAGER.text) == before
