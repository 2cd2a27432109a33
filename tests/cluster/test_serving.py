"""The service on a cluster answers as it does on one database: the seed answers and the core profile."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clusters import CitusCluster
from tests.conformance.serving import admin_token, judge
from tests.live import REFRESH_SECRET, LiveServer

SETTINGS = {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET, "SOJOURN_BODY_TIMEOUT": "2s"}
SEEDED = "tnt_0001"


class PatientServer(LiveServer):
    """A server whose first act is to make the partitions of three weeks on every node."""

    start_seconds = 90


@pytest.fixture(scope="module")
def server(citus: CitusCluster, distributed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server on made-up sessions that `sojourn seed` wrote."""
    running = PatientServer(tmp_path_factory.mktemp("served"), SOJOURN_DATABASE_URL=citus.url(distributed), **SETTINGS)
    yield running
    running.stop()


def sojourn(server: LiveServer, *arguments: str) -> str:
    """What a command of ours prints."""
    command = [sys.executable, "-m", "sojourn", *arguments]
    done = subprocess.run(command, env=server.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_seed_fills_it_and_every_number_is_what_a_recount_gives(server: LiveServer) -> None:
    said = sojourn(server, "seed", "--yes", "--tenants", "3", "--users", "60", "--sessions", "1500")

    assert said.startswith("1,500 sessions of 60 users in 3 tenants")
    assert sojourn(server, "check").startswith("3 tenants checked: every number is what a recount gives")


def test_the_seed_answers_are_right(server: LiveServer, tmp_path: Path, capsys: Any) -> None:
    said = judge(
        server.url, tmp_path, "--profile", "seed", "--admin-token", admin_token(SEEDED), "--tenant", SEEDED,
        one_tenant=True,
    )  # fmt: skip

    show(capsys, "seed", said.verdicts)
    assert said.failed() == [], said.output
    assert list(said.verdicts.values()).count("pass") >= 30


def test_the_core_profile_passes(server: LiveServer, tmp_path: Path, capsys: Any) -> None:
    said = judge(server.url, tmp_path, "--profile", "core", seconds=3600)

    show(capsys, "core", said.verdicts)
    assert said.failed() == [], said.output
    assert list(said.verdicts.values()).count("pass") >= 100
    errors = [line for line in server.log.read_text().splitlines() if " ERROR " in line or "Traceback" in line]
    assert errors == []


def show(capsys: Any, profile: str, verdicts: dict[str, str]) -> None:
    """How many checks there were of each verdict."""
    with capsys.disabled():
        print(f"\n{profile}: { ({kind: list(verdicts.values()).count(kind) for kind in set(verdicts.values())}) }")
