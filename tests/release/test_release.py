"""What `python deploy/release` leaves in dist/: made twice alike, installed where nothing else is, and true."""

import hashlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.live import API_KEY, REFRESH_SECRET, LiveServer

HOME = Path(__file__).parents[2]
DIST = HOME / "dist"
MINUTES = 600


def only(pattern: str) -> Path:
    found = list(DIST.glob(pattern))
    assert len(found) == 1, f"one {pattern} in dist/, not {found}: run `python deploy/release` first"
    return found[0]


def run(*command: str | Path, folder: Path, fails: bool = False, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=MINUTES,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def statement() -> dict[str, Any]:
    said: dict[str, Any] = json.loads(only("*.provenance.json").read_text("utf-8"))
    return said


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has the wheel with its conformance suite, and no driver for PostgreSQL."""
    place = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", place, folder=place)
    run(place / "bin/python", "-m", "pip", "install", "-q", f"{only('sojourn-*.whl')}[conformance]", folder=place)
    return place / "bin"


def record_session(server: LiveServer) -> None:
    request = urllib.request.Request(
        f"{server.url}/internal/session/create",
        data=json.dumps({"auth_user_id": "root", "device_type": "desktop"}).encode(),
        headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


class InstalledServer(LiveServer):
    """The server of the bare environment."""


def test_a_build_elsewhere_gives_the_same_bytes(
    tmp_path: Path, statement: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = statement["predicate"]["buildDefinition"]["internalParameters"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(parameters["SOURCE_DATE_EPOCH"]))
    here = runpy.run_path(str(HOME / "deploy/release/__main__.py"))
    here["copy"](tmp_path / "another-checkout")
    there = runpy.run_path(str(tmp_path / "another-checkout/deploy/release/__main__.py"))
    (tmp_path / "dist").mkdir()

    there["build"](tmp_path / "another-checkout", tmp_path / "dist")

    made = {file.name: digest(file) for file in (tmp_path / "dist").iterdir()}
    assert len(made) == 4
    assert made == {file.name: digest(file) for pattern in ("*.whl", "*.tar.gz") for file in DIST.glob(pattern)}


def test_the_wheel_brings_the_manual_pages_to_where_man_looks(bare: Path) -> None:
    for page in ("man1/sojourn.1", "man5/sojourn.toml.5"):
        text = (bare.parent / "share/man" / page).read_text("utf-8")
        assert text == (HOME / "deploy/man" / Path(page).name).read_text("utf-8")


def test_the_sources_build_the_same_program_without_the_repository(tmp_path: Path) -> None:
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        tmp_path,
        only("sojourn-*.tar.gz"),
        folder=tmp_path,
    )

    def content(wheel: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    (wheel,) = tmp_path.glob("*.whl")
    assert content(wheel) == content(only("sojourn-*.whl"))


def test_the_wheel_alone_serves_and_passes_the_seed_profile(bare: Path, tmp_path: Path) -> None:
    InstalledServer.program = (str(bare / "sojourn"),)
    server = InstalledServer(tmp_path)
    try:

        def told_by(*command: str) -> str:
            return run(bare / "sojourn", *command, folder=tmp_path, **server.environ).stdout.strip()

        for _ in range(3):
            record_session(server)
        token = told_by("token", "--tenant", "acme", "--user", "root", "--role", "admin")
        credentials = ("--api-key", API_KEY, "--admin-token", token)
        options = (*credentials, "--profile", "seed", "--report-dir", tmp_path / "reports")
        told = run(bare / "sojourn", "conformance", server.url, *options, folder=tmp_path)
    finally:
        server.stop()

    assert re.search(r"PASS: \d+ checks", told.stderr), told.stderr


def test_without_its_driver_postgresql_is_refused_in_one_line_that_says_what_to_install(
    bare: Path, tmp_path: Path
) -> None:
    url = "postgresql://sojourn@127.0.0.1/sojourn"
    settings = {"SOJOURN_DATABASE_URL": url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    for command in (("serve", "--port", "0"), ("migrate",), ("check",), ("tenant", "list")):
        told = run(bare / "sojourn", *command, folder=tmp_path, fails=True, **settings)
        assert "pip install 'sojourn[postgres]'" in told.stderr, (command, told.stderr)
        assert told.stderr.count("\n") == 1, (command, told.stderr)


def test_the_gateway_comes_with_its_extra_from_the_folder_of_the_release(bare: Path, tmp_path: Path) -> None:
    """Where the verifier is not installed one line says what to install; then the README's example runs, too."""
    told = run(bare / "sojourn", "gateway", "--url", "http://127.0.0.1:9", folder=tmp_path, fails=True)
    assert "pip install 'sojourn[verify]'" in told.stderr
    assert told.stderr.count("\n") == 1

    extra = f"{only('sojourn-*.whl')}[verify]"
    run(bare / "python", "-m", "pip", "install", "-q", "--find-links", DIST, extra, folder=tmp_path)

    assert "/authz/forward" in run(bare / "sojourn", "gateway", "--help", folder=tmp_path).stdout
    example = (HOME / "clients/python/README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    environ = {"SOJOURN_URL": "http://127.0.0.1:9", "SOJOURN_API_KEY": API_KEY, "TOKEN": "none"}
    assert run(bare / "python", "-I", "-c", example, folder=tmp_path, **environ).stdout.endswith("503\n")


def test_the_verifier_stands_alone(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "alone", folder=tmp_path)
    python = tmp_path / "alone/bin/python"
    run(python, "-m", "pip", "install", "-q", only("sojourn_verify-*.whl"), folder=tmp_path)

    code = "import importlib.util, sojourn_verify; print(importlib.util.find_spec('sojourn'))"
    assert run(python, "-I", "-c", code, folder=tmp_path).stdout == "None\n"
    installed = run(python, "-m", "pip", "list", "--format", "freeze", folder=tmp_path).stdout.lower()
    assert "pyjwt" in installed
    assert "connexion" not in installed


def test_the_contract_of_the_release_is_the_one_that_the_wheel_serves(bare: Path, tmp_path: Path) -> None:
    for form in ("json", "yaml"):
        told = run(bare / "sojourn", "spec", "--format", form, folder=tmp_path)
        assert told.stdout.rstrip("\n") == (DIST / f"openapi.{form}").read_text("utf-8").rstrip("\n")


def test_the_list_of_materials_has_everything_that_the_wheel_asks_for() -> None:
    listed = json.loads(only("*.cdx.json").read_text("utf-8"))
    there = {re.sub(r"[-_.]+", "-", part["name"]).lower(): part["version"] for part in listed["components"]}
    with zipfile.ZipFile(only("sojourn-*.whl")) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    asked = [Requirement(line.removeprefix("Requires-Dist: ")) for line in lines if line.startswith("Requires-Dist: ")]
    needed = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": "postgres"})]

    assert len(needed) > 10
    for one in needed:
        version = there.get(re.sub(r"[-_.]+", "-", one.name).lower())
        assert version is not None, f"{one.name} is missing"
        assert one.specifier.contains(version), f"{one.name} {version} is not {one.specifier}"


def test_every_distribution_listed_has_its_licence_in_the_table() -> None:
    components = json.loads(only("*.cdx.json").read_text("utf-8"))["components"]
    names = {part["name"].lower() for part in components} - {"pip", "setuptools", "sojourn"}
    rows = re.findall(r"^\| (\S+) \| \S+ \| (.+) \|$", (DIST / "LICENCES.md").read_text("utf-8"), re.MULTILINE)

    assert names <= {name.lower() for name, _ in rows}
    assert all(licence for _, licence in rows)


def test_the_statement_and_the_checksums_name_every_file_as_it_is(statement: dict[str, Any]) -> None:
    said = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    statements = {only("*.provenance.json").name, "SHA256SUMS"}

    assert said == {file.name: digest(file) for file in DIST.iterdir() if file.name not in statements}
    assert shutil.which("sha256sum") is not None
    run("sha256sum", "--check", "--strict", "SHA256SUMS", folder=DIST)
    sums = (DIST / "SHA256SUMS").read_text("utf-8")
    assert {line.split("  ")[1] for line in sums.splitlines()} == {file.name for file in DIST.iterdir()} - {
        "SHA256SUMS"
    }
