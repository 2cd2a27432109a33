"""Clients generated from the contract: they are made without loss, their types hold, and they work.

`tox -e clients` brings the generators. What they make is in `tests/clients/generated/` and in no commit.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from sojourn.openapi.loader import bundle_json, load_bundle
from tests.live import API_KEY, JWT_SECRET, LiveServer

HERE = Path(__file__).parent
MADE = HERE / "generated"
TOOLS = HERE / "node_modules/.bin"
SCRIPTS = Path(sys.executable).parent
SAID = "began sess_[0-9a-f-]{36}\nactive: [Tt]rue\nrefused: Invalid request\n"
"""What the programs of both guides print."""

pytestmark = pytest.mark.skipif(
    not (TOOLS.exists() and (SCRIPTS / "openapi-python-client").exists()),
    reason="the generators are not installed; `tox -e clients` brings them",
)


def run(*command: str | Path, cwd: Path = HERE, **environ: str) -> str:
    """What a program says. Fails the test when it does not succeed."""
    result = subprocess.run(command, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command[0]}: {result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def shown(guide: str, language: str) -> str:
    """What a guide shows in a language, which is in it once."""
    text = (HERE.parents[1] / f"docs/guides/{guide}.md").read_text("utf-8")
    (_, found) = text.split(f"```{language}\n")
    return found.split("```")[0]


@pytest.fixture(scope="module")
def contract() -> Path:
    """The bundle as a file, in a folder without what was made before."""
    shutil.rmtree(MADE, ignore_errors=True)
    MADE.mkdir()
    file = MADE / "openapi.json"
    file.write_bytes(bundle_json(load_bundle()))
    return file


@pytest.fixture(scope="module")
def python_client(contract: Path) -> str:
    """The words of the generator that made `generated/python/sojourn_client`."""
    folder = MADE / "python"
    folder.mkdir()
    shutil.copy(contract, folder)
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"  # the generator formats with the ruff it finds
    return run(*shlex.split(shown("python-client", "bash")), cwd=folder, PATH=path)


@pytest.fixture(scope="module")
def typescript_client(contract: Path) -> str:
    """The words of the generator that made `generated/contract.ts`, which is compiled with the programs that use it."""
    (MADE / "guide.ts").write_text(shown("typescript-client", "ts"), "utf-8")
    said = run(*shlex.split(shown("typescript-client", "bash")), cwd=contract.parent)
    run(TOOLS / "tsc", "--project", ".")  # strict, and the types of every operation are in it
    return said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("clients"))
    yield live
    live.stop()


def arguments(server: LiveServer, user: str) -> list[str]:
    """What a round trip is given: the server, a key, and the user's own token."""
    claims = {"sub": user, "tenant_id": "acme", "exp": datetime.now(UTC) + timedelta(minutes=5)}  # noqa: TID251 - a real server's clock
    return [server.url, API_KEY, jwt.encode(claims, JWT_SECRET, algorithm="HS256"), user]


def test_the_python_client_lacks_nothing_but_a_signed_list_yaml_a_picture_and_what_providers_send(
    python_client: str,
) -> None:
    warnings = re.findall(r"^WARNING .*|Unsupported content_type [\w/+-]+", python_client, re.MULTILINE)

    assert warnings == [
        "WARNING parsing GET /status-lists/{list_id} within tokens.",
        "Unsupported content_type application/statuslist+jwt",
        "WARNING parsing POST /ssf/events within oauth. Endpoint will not be generated.",
        "WARNING parsing GET /openapi.yaml within service.",
        "Unsupported content_type application/yaml",
        "WARNING parsing GET /favicon.ico within documentation.",
        "Unsupported content_type image/svg+xml",
    ]


def test_the_python_client_has_a_module_for_every_operation(python_client: str) -> None:
    modules = {file.stem for file in (MADE / "python/sojourn_client/api").glob("*/[a-z]*.py")}
    items = load_bundle()["paths"].values()

    named = {operation["operationId"] for item in items for operation in item.values()}
    assert modules == named - {"receive_security_events"}, "only providers send its media type"


def test_the_python_client_passes_the_type_checker_at_its_strictest(python_client: str) -> None:
    said = run(
        *(
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            "mypy.ini",
            "round_trip.py",
            "generated/python/sojourn_client",
        ),
        MYPYPATH="generated/python",
    )

    assert "Success: no issues found in" in said


def test_a_session_lives_and_ends_through_the_python_client(python_client: str, server: LiveServer) -> None:
    command = [sys.executable, "-W", "error", "round_trip.py"]

    said = run(*command, *arguments(server, "usr_python"), PYTHONPATH="generated/python")

    assert said.startswith("created, listed, checked, revoked sess_")


def test_a_session_lives_and_ends_through_the_typescript_client(typescript_client: str, server: LiveServer) -> None:
    said = run("node", "generated/compiled/round_trip.js", *arguments(server, "usr_typescript"))

    assert said.startswith("created, listed, checked, revoked sess_")


def test_the_program_that_the_guide_shows_in_python_does_what_it_says(python_client: str, server: LiveServer) -> None:
    command = [sys.executable, "-W", "error", "-c", shown("python-client", "py")]

    said = run(*command, server.url, API_KEY, PYTHONPATH="generated/python")

    assert re.fullmatch(SAID, said)


def test_the_program_that_the_guide_shows_in_typescript_does_what_it_says(
    typescript_client: str, server: LiveServer
) -> None:
    said = run("node", "generated/compiled/generated/guide.js", server.url, API_KEY)

    assert re.fullmatch(SAID, said)
