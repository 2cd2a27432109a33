"""The files of `deploy/` hold what they say: checked with the tools of those who read them, and beside the program."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sojourn.openapi.loader import load_bundle
from sojourn.settings.settings import unknown_variables
from tests import postgres
from tests.deploy.programs import program
from tests.live import REFRESH_SECRET

HOME = Path(__file__).parents[2]
DEPLOY = HOME / "deploy"
UNIT = DEPLOY / "systemd" / "sojourn.service"
FILES = sorted(
    path for path in DEPLOY.rglob("*") if path.is_file() and not {"monitoring", "man", "__pycache__"} & {*path.parts}
)
MOST_EXPOSURE = 2.0


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_unit_is_one_that_systemd_reads_without_complaint(tmp_path: Path) -> None:
    unit = tmp_path / "sojourn.service"
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/sojourn/bin/sojourn", sys.executable), "utf-8")

    done = run(program("systemd-analyze"), "verify", unit)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_exposes_little() -> None:
    done = run(program("systemd-analyze"), "security", "--offline=true", "--no-pager", UNIT)

    exposure = re.search(r"Overall exposure level for sojourn.service: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stdout + done.stderr
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_kubernetes_takes_the_manifests() -> None:
    done = run(program("kubernetes-validate"), "--strict", DEPLOY / "kubernetes" / "sojourn.yaml")

    assert done.returncode == 0, done.stdout + done.stderr


def test_probes_and_health_checks_ask_for_what_the_contract_has() -> None:
    paths = set(load_bundle()["paths"])

    asked = {
        path
        for file in FILES
        for path in re.findall(r"/(?:health|api|status)[a-z/]*", file.read_text("utf-8"))
        if file.name != "README.md"
    }

    assert asked == {"/health/live", "/health/ready"}
    assert asked <= paths


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    done = run(program("hadolint"), DEPLOY / "container" / "Containerfile")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_compose_takes_its_file_and_asks_for_each_secret() -> None:
    file = DEPLOY / "container" / "compose.yaml"
    secrets = dict.fromkeys(("POSTGRES_PASSWORD", "SOJOURN_DATABASE_PASSWORD", "SOJOURN_REFRESH_SECRET"), "a-secret")

    done = run(program("docker-compose"), "--file", file, "config", "--quiet", **secrets)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in secrets:
        assert run(program("docker-compose"), "--file", file, "config", **{**secrets, name: ""}).returncode != 0


def test_every_setting_in_the_files_is_one_of_the_program() -> None:
    named = {name for file in FILES for name in re.findall(r"SOJOURN_[A-Z0-9_]+", file.read_text("utf-8"))}

    unknown = unknown_variables(dict.fromkeys(named - {"SOJOURN_DATABASE_PASSWORD"}, ""))  # which is role.sh's own
    assert unknown == []


def test_the_grace_of_every_system_is_longer_than_a_stop_takes() -> None:
    most = 5 + 10  # SOJOURN_DRAIN_TIME of the manifests, SOJOURN_SHUTDOWN_TIMEOUT
    pods = [text for text in documents("kubernetes/sojourn.yaml") if text["kind"] == "Deployment"]
    compose = documents("container/compose.yaml")[0]["services"]["sojourn"]

    graces = [pod["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for pod in pods]
    graces.append(int(compose["stop_grace_period"].removesuffix("s")))
    graces += [int(seconds) for seconds in re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)]

    assert len(graces) == 3
    assert min(graces) > most


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


def test_the_role_that_compose_makes_may_migrate_and_is_held_by_row_security() -> None:
    with postgres.cluster() as server:
        server.command("DROP ROLE sojourn")
        folder = postgres.binaries()
        assert folder is not None
        if not (folder / "psql").exists():
            pytest.skip("NOT TESTED: the script needs psql, and this PostgreSQL comes without")

        made = run(
            DEPLOY / "container" / "role.sh",
            PATH=f"{folder}:{os.environ['PATH']}",
            PGHOST=str(server.folder),
            PGUSER="postgres",
            SOJOURN_DATABASE_PASSWORD="it's a password",
        )
        assert made.returncode == 0, made.stderr
        migrated = run(
            *(sys.executable, "-m", "sojourn", "migrate"),
            SOJOURN_DATABASE_URL=server.url("sojourn"),
            SOJOURN_REFRESH_SECRET=REFRESH_SECRET,
        )

        assert migrated.returncode == 0, migrated.stderr
        assert server.command("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'sojourn'") == [
            (False, False)
        ]


def test_the_image_is_built_from_all_that_the_program_needs(tmp_path: Path) -> None:
    rules = (DEPLOY / "container" / "Containerfile.dockerignore").read_text("utf-8").split()
    taken = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    source = tmp_path / "source"
    for name in taken:
        if (HOME / name).is_dir():
            shutil.copytree(HOME / name, source / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(HOME / name, source / name)

    built = run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, source)

    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "sojourn/openapi/openapi.yaml",
        "sojourn/storage/migrations/env.py",
        "sojourn/handlers/context.py",
        "sojourn/console/console.js",
    } <= inside
