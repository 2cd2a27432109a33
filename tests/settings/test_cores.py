"""One process for each core, and no more than a container may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sojourn.cli.serve import serve
from sojourn.settings import Settings, SettingsError
from sojourn.settings.cores import usable_cores

ALLOWED = len(os.sched_getaffinity(0))


def groups(folder: Path, quotas: dict[str, str], *, group: str = "/system/sojourn", number: str = "0") -> int:
    """The cores where these groups have these quotas."""
    (folder / "tree" / group.lstrip("/")).mkdir(parents=True)
    for name, quota in quotas.items():
        (folder / "tree" / name.lstrip("/") / "cpu.max").write_text(quota)
    own = folder / "own"
    own.write_text(f"12:cpu:/elsewhere\n{number}::{group}\n")
    return usable_cores(folder / "tree", own)


@pytest.mark.parametrize(
    ("quotas", "cores"),
    [
        ({}, ALLOWED),
        ({"/system/sojourn": "max 100000\n"}, ALLOWED),
        ({"/system/sojourn": "100000 100000\n"}, 1),
        ({"/system/sojourn": "20000 100000\n"}, 1),
        ({"/system/sojourn": "9900000 100000\n"}, ALLOWED),
        ({"/system/sojourn": "max 100000\n", "/system": "50000 100000\n"}, 1),
        ({"/": "100000 100000\n"}, 1),
        ({"/system/sojourn": "what 100000\n"}, ALLOWED),
        ({"/system/sojourn": "100000 0\n"}, ALLOWED),
        ({"/system/sojourn": ""}, ALLOWED),
    ],
)
def test_the_smallest_quota_of_a_container_and_those_above_it_counts(
    quotas: dict[str, str], cores: int, tmp_path: Path
) -> None:
    assert groups(tmp_path, quotas) == cores


def test_part_of_a_core_counts_as_one(tmp_path: Path) -> None:
    if ALLOWED == 1:
        assert groups(tmp_path, {"/system/sojourn": "150000 100000\n"}) == 1
    else:
        assert groups(tmp_path, {"/system/sojourn": "150000 100000\n"}) == 2


def test_where_nothing_says_so_the_scheduler_does(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none", tmp_path / "nothing") == ALLOWED
    assert groups(tmp_path, {"/system/sojourn": "100000 100000\n"}, number="3") == ALLOWED  # cgroup v1 knows no cpu.max


def test_a_process_that_is_bound_to_one_core_has_one() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from sojourn.settings.cores import usable_cores; print(usable_cores())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1"


def test_auto_is_a_number_of_workers_and_nothing_else_is() -> None:
    assert Settings.from_env({"SOJOURN_WORKERS": "auto"}).workers == usable_cores()
    assert Settings.from_env({"SOJOURN_WORKERS": "3"}).workers == 3
    for wrong in ("Auto", "all", "0", "-1", "1.5"):
        with pytest.raises(SettingsError, match="SOJOURN_WORKERS"):
            Settings.from_env({"SOJOURN_WORKERS": wrong})


@pytest.mark.parametrize("given", ["many", "0", "-2"])
def test_the_option_says_what_it_takes(given: str) -> None:

    said = CliRunner().invoke(serve, ["--workers", given])
    assert said.exit_code == 2
    assert "N|auto" in CliRunner().invoke(serve, ["--help"]).output
