"""What the README says is what happens: its settings, its commands, its requests and their answers."""

import json
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli import COMMANDS, reference
from sojourn.settings.settings import table
from tests.live import API_KEY, LiveServer

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = (DOCS / "settings.md").read_text("utf-8")
PAIRS = re.findall(r"```sh\n(curl (?:(?!```).)*)```\n\n```json\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server where usr_abc123 of acme has one session."""
    live = LiveServer(tmp_path_factory.mktemp("readme"))
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
    body = json.dumps({"auth_user_id": "usr_abc123"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{live.url}/internal/session/create", body, headers), timeout=30)
    yield live
    live.stop()


def run_curl(line: str, server: LiveServer) -> Any:
    """What a curl line of the README answers, sent by Python: not every machine has curl."""
    words = shlex.split(line.replace("\\\n", " ").replace("$API_KEY", API_KEY))
    url = next(word for word in words if word.startswith("localhost:8080"))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    request = urllib.request.Request(url.replace("localhost:8080", server.url), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


def test_the_readme_shows_a_request_and_a_refusal() -> None:
    assert len(PAIRS) == 2


@pytest.mark.parametrize(("line", "answer"), PAIRS)
def test_a_request_is_answered_as_shown(line: str, answer: str, server: LiveServer) -> None:
    shown, real = json.loads(answer), run_curl(line, server)

    assert {name: real[name] for name in shown} == shown


def test_every_setting_is_listed_with_its_default_and_its_meaning() -> None:
    rows = re.findall(r"^\| `(SOJOURN_\w+)` \| (?:`(.*?)`)? ?\| (.*) \|$", SETTINGS, re.MULTILINE)

    assert rows == table()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, written by a process of their own: what tests have done with the commands before is in none."""
    folder = tmp_path_factory.mktemp("pages")
    subprocess.run([sys.executable, "-W", "ignore", "-m", "sojourn.cli.reference", folder], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_pages_on_settings_and_commands_are_what_the_program_writes(name: str, written: Path) -> None:
    page = (written / name).read_text("utf-8")
    assert (DOCS / name).read_text("utf-8") == page, "run python -m sojourn.cli.reference docs"


def test_every_command_is_in_the_readme() -> None:
    rows = re.findall(r"^\| `sojourn ([a-z-]+)", README, re.MULTILINE)

    assert sorted(set(rows)) == sorted(COMMANDS)


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) < 150
