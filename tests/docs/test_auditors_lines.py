"""The lines with which an auditor verifies an export find whatever was done to it, with the export of a real server."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from tests.docs.snippets import ROOT, run

GUIDE = ROOT / "docs" / "guides" / "audit.md"
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the guide leaves behind: an export, the public key, and the lines in a file."""
    made = tmp_path_factory.mktemp("audit")
    assert list(run(GUIDE, made)) == []
    return made


def exported(folder: Path) -> Lines:
    return [json.loads(line) for line in (folder / "today.jsonl").read_text("utf-8").splitlines()]


def verified(folder: Path, lines: Lines) -> bool:
    """Whether the auditor's lines call this export whole."""
    (folder / "shown.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    command = [sys.executable, "verify.py", "shown.jsonl", "audit-key.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert ("verified" in done.stdout) == (done.returncode == 0)
    return done.returncode == 0


def chain_of(lines: Lines) -> list[int]:
    """Where the records of the longest chain stand; its signed end is behind them."""
    found = [number for number, line in enumerate(lines) if line["tenant_id"] == "acme" and "head" not in line]
    assert len(found) >= 3
    return found


def hashed(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the hash that belongs to it."""
    whole = {name: value for name, value in record.items() if name != "hash"}
    return {**whole, "hash": hashlib.sha256(rfc8785.dumps(whole)).hexdigest()}


def appended(lines: Lines, *, place: int) -> Lines:
    """One more record of the chain, with a hash and a position that fit."""
    last = lines[chain_of(lines)[-1]]
    more = hashed({**last, "position": last["position"] + 1, "previous": last["hash"], "id": "aud_forged"})
    return [*lines[:place], more, *lines[place:]]


def rechained(lines: Lines) -> Lines:
    """The second record is another, and every hash from there on fits again."""
    changed, previous = list(lines), ""
    for number in chain_of(lines):
        record = {**changed[number], "previous": previous}
        changed[number] = hashed(record | ({"action": "nothing.done"} if record["position"] == 2 else {}))
        previous = changed[number]["hash"]
    return changed


def swapped(lines: Lines) -> Lines:
    first, second, *_ = chain_of(lines)
    changed = list(lines)
    changed[first], changed[second] = lines[second], lines[first]
    return changed


def renumbered(lines: Lines) -> Lines:
    """Two records have changed places, and their positions with them."""
    first, second, *_ = chain_of(lines)
    changed = list(lines)
    changed[first] = {**lines[second], "position": 1}
    changed[second] = {**lines[first], "position": 2}
    return changed


def member_changed(name: str, value: Any) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        changed = list(lines)
        place = chain_of(lines)[1]
        assert changed[place][name] != value
        changed[place] = {**changed[place], name: value}
        return changed

    return change


def removed(number: int) -> Callable[[Lines], Lines]:
    return lambda lines: [line for place, line in enumerate(lines) if place != chain_of(lines)[number]]


DONE: dict[str, Callable[[Lines], Lines]] = {
    "the action was changed": member_changed("action", "nothing.done"),
    "who did it was changed": member_changed("actor", {"kind": "operator", "id": "nobody"}),
    "when it was done was changed": member_changed("at", "2026-04-15T08:00:00.000Z"),
    "what came of it was changed": member_changed("after", {"nothing": True}),
    "the hash was changed": member_changed("hash", "0" * 64),
    "a record was changed and all hashes made to fit": rechained,
    "the first record was removed": removed(0),
    "one in the middle was removed": removed(1),
    "the last record was removed": removed(-1),
    "two records were swapped": swapped,
    "two records were swapped with their positions": renumbered,
    "a record was appended before the signed end": lambda lines: appended(lines, place=chain_of(lines)[-1] + 1),
    "a record was appended behind the signed end": lambda lines: appended(lines, place=chain_of(lines)[-1] + 2),
    "a record stands there twice": lambda lines: [*lines[: chain_of(lines)[1]], *lines[chain_of(lines)[0] :]],
    "the signed end was removed": lambda lines: [line for line in lines if "head" not in line],
    "the signed end is another tenant's": lambda lines: [
        {**line, "head": next(other["head"] for other in lines if "head" in other)} if "head" in line else line
        for line in lines
    ],
}


def test_an_export_that_nobody_touched_is_verified(folder: Path) -> None:
    assert verified(folder, exported(folder))


@pytest.mark.parametrize("done", DONE)
def test_whatever_was_done_to_an_export_is_found(folder: Path, done: str) -> None:
    lines = exported(folder)
    changed = DONE[done](lines)

    assert changed != lines
    assert not verified(folder, changed)


def test_the_lines_are_about_twenty() -> None:
    text = GUIDE.read_text("utf-8").partition("<<'END'\n")[2].partition("END\n")[0]

    assert 15 <= len(text.splitlines()) <= 22
