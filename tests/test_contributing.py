"""CONTRIBUTING.md's addition, made as it says: in a copy of the tree, in front of a running `sojourn dev`."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import free_port
from tests.tree import HOME, Tree

TEXT = (HOME / "CONTRIBUTING.md").read_text("utf-8")
STEP = re.compile(
    r"(?:Create `(?P<new>[^`]+)`|Append to `(?P<end>[^`]+)`|In `(?P<file>[^`]+)`, after\s`(?P<line>[^`]+)`)"
    r"[^\n]*:\n\n```\w+\n(?P<text>.*?)```\n",
    re.DOTALL,
)
STEPS = list(STEP.finditer(TEXT))
CONTRACT, REASON, TEST, HANDLER, WORD = slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5), slice(5, 6)
PATIENCE_SECONDS = 120
ADDRESS = "/internal/session/sessions/usr_abc123/newest"
API_KEY = "internal-key-for-the-tests-0123456789"
STYLE = ("bundle", "examples", "links", "operations_table", "style_files", "style_operations", "style_schemas")
Answer = tuple[int, Any, Any]


def take(tree: Tree, steps: slice) -> None:
    """Do in the tree what CONTRIBUTING.md says, for some of its steps."""
    for step in STEPS[steps]:
        file = tree.folder / (step["new"] or step["end"] or step["file"])
        if step["new"]:
            file.write_text(step["text"], "utf-8")
        elif step["end"]:
            file.write_text(file.read_text("utf-8") + "\n\n" + step["text"], "utf-8")
        else:
            before, line, after = file.read_text("utf-8").partition(f"{step['line']}\n")
            assert line, f"{file.name} has no line {step['line']!r}"
            # A blank line before the text stands for the one that is there.
            after = after.removeprefix("\n") if step["text"].startswith("\n") else after
            file.write_text(before + line + step["text"] + after, "utf-8")


class Dev:
    """A running `sojourn dev`."""

    def __init__(self, tree: Tree) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}{ADDRESS}"
        self._log = tree.folder.parent / "dev.log"
        command = [sys.executable, "-m", "sojourn", "dev", "--port", str(port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=tree.folder, env=tree.environ, stdout=log, stderr=log)

    def answer(self) -> Answer:
        """Status, `X-Sojourn-Example` and body of the new operation."""
        request = urllib.request.Request(self.url, headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers["X-Sojourn-Example"], json.load(response)
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers["X-Sojourn-Example"], json.load(refusal)
        except OSError:  # between two processes
            return 0, None, None

    def until(self, happened: Callable[[], Any]) -> None:
        """Wait for a change to have its effect."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        return self._log.read_text("utf-8")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree", SOJOURN_INTERNAL_API_KEYS=API_KEY)


@pytest.fixture
def dev(tree: Tree) -> Iterator[Dev]:
    running = Dev(tree)
    yield running
    running.process.terminate()
    running.process.wait(30)


def test_an_operation_is_seen_before_it_is_written_and_works_when_it_is(tree: Tree, dev: Dev) -> None:
    dev.until(lambda: dev.answer()[0] == 404)

    take(tree, CONTRACT)
    dev.until(lambda: dev.answer()[0] == 200)
    assert dev.answer()[1] == "true"
    assert dev.answer()[2]["session"]["id"] == "sess_abc123"
    dev.until(lambda: "get_newest_session is answered from its example: it has no handler yet" in dev.said())

    take(tree, HANDLER)
    dev.until(lambda: dev.answer()[0] == 404)
    assert dev.answer()[1] is None
    assert dev.answer()[2]["i18n_key"] == "error.session_not_found"


def test_what_is_wrong_is_shown_with_its_file_and_line_and_the_next_change_begins_anew(tree: Tree, dev: Dev) -> None:
    take(tree, CONTRACT)
    dev.until(lambda: dev.answer()[0] == 200)
    file = tree.folder / "openapi/paths/services/newest_session.yaml"
    good = file.read_text("utf-8")
    line = 1 + next(number for number, text in enumerate(good.splitlines()) if "#/SessionNotFound" in text)

    file.write_text(good.replace("  responses:", "  answers:"), "utf-8")
    dev.until(lambda: "openapi/paths/services/newest_session.yaml:1: openapi-spec-validator valid" in dev.said())
    file.write_text(good.replace("#/SessionNotFound", "#/NoSuchThing"), "utf-8")
    dev.until(lambda: f"openapi/paths/services/newest_session.yaml:{line}: " in dev.said())
    file.write_text(good.replace("  tags:", "\ttags:"), "utf-8")
    dev.until(lambda: "openapi/paths/services/newest_session.yaml:3: " in dev.said())
    file.write_text(good, "utf-8")
    dev.until(lambda: dev.answer()[0] == 200)


def test_a_handler_that_lags_behind_its_contract_is_stood_in_for(tree: Tree, dev: Dev) -> None:
    take(tree, CONTRACT)
    take(tree, HANDLER)
    dev.until(lambda: dev.answer()[2] and dev.answer()[2].get("i18n_key") == "error.session_not_found")

    file = tree.folder / "openapi/paths/services/newest_session.yaml"
    more = "  parameters:\n    - $ref: ../../components/parameters/paging.yaml#/PageNumber\n"
    file.write_text(file.read_text("utf-8").replace("  parameters:\n", more), "utf-8")

    dev.until(lambda: dev.answer()[:2] == (200, "true"))
    dev.until(lambda: "its handler takes ctx, user_id, the contract gives ctx, page, user_id" in dev.said())


def test_production_refuses_an_operation_without_a_handler(tree: Tree) -> None:
    take(tree, CONTRACT)

    refused = tree.run("sojourn", "serve", "--port", "0", "--database-url", f"sqlite:///{tree.folder}/x.db")

    assert refused.returncode != 0
    assert "'get_newest_session' has no handler" in refused.stderr


def test_the_whole_addition_passes_what_it_has_to_pass(tree: Tree) -> None:
    assert len(STEPS) == 6
    take(tree, slice(None))

    style = [f"tests/contract/test_{name}.py" for name in STYLE]
    assert (said := tree.run("pytest", "-q", "-p", "no:cacheprovider", *style)).returncode == 0, said.stdout
    own = tree.run("pytest", "-q", "-p", "no:cacheprovider", "tests/http/test_newest_session.py", "-k", "sqlite")
    assert "3 passed" in own.stdout, own.stdout
    diff = tree.run("sojourn.openapi.changes")
    added = "additive      GET /internal/session/sessions/{user_id}/newest: operation added"
    assert added in diff.stdout.splitlines()
    assert diff.returncode == 0


def test_a_release_moves_the_version_and_keeps_the_contract(tree: Tree) -> None:
    take(tree, CONTRACT)
    assert "ask for 0.2.0 or later" in tree.run("sojourn.openapi.changes", "release").stderr

    root = tree.folder / "openapi/openapi.yaml"
    root.write_text(root.read_text("utf-8").replace("version: 0.1.0", "version: 0.2.0"), "utf-8")

    assert tree.run("sojourn.openapi.changes", "release").returncode == 0
    assert tree.run("sojourn.openapi.changes").stdout == "0.2.0 (released) → 0.2.0: 0 differences\n"
