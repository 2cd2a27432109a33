"""Lists for people and programs, and what a user's mistake looks like, for every command there is."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sojourn.cli import COMMANDS, sojourn
from tests.live import API_KEY, free_port

LISTS = ("api-key list", "keys list", "tenant list")
OF_WHAT_IS_THERE = (
    *LISTS,
    "purge --dry-run",
    "check",
    "check --repair",
    "keys retire key_1",
    "api-key revoke key_1",
    "api-key rotate key_1",
    "end-sessions --yes",
    "end-sessions --dry-run",
    "restore --yes",
    "session list --tenant acme",
    "session end --tenant acme --user-id ann --yes",
    "session export --tenant acme",
)
LINES = 6
NO_FOLDER = "sqlite:////no/such/folder/x.db"


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in an empty folder with no setting but those named."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SOJOURN_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "sojourn", *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def commands(group: click.Group = sojourn, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        elif command is not None:
            yield (*words, name), command


def mistakes() -> Iterator[tuple[str, ...]]:
    """Each command with an option that there is not, and with a wrong value of each option that takes one of a kind."""
    for words, command in commands():
        if words == ("conformance",):  # its own program reads its options
            continue
        yield (*words, "--no-such-option")
        for option in command.params:
            if not isinstance(option, click.Option) or option.is_flag:
                continue
            if not isinstance(option.type, click.types.StringParamType):
                yield (*words, option.opts[0], "/proc/no/such/place")
            if option.name == "database_url":
                yield (*words, option.opts[0], "mysql://x")


@pytest.mark.parametrize("arguments", [*mistakes()], ids=" ".join)
def test_a_wrong_value_of_any_option_of_any_command_is_told_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    told = run(tmp_path, *arguments)

    assert told.returncode in (1, 2), told
    assert told.stdout == ""
    assert told.stderr.startswith("sojourn: ")
    assert told.stderr.count("\n") <= LINES
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", LISTS)
def test_a_list_without_items_is_an_empty_array_for_programs_and_says_so_to_people(
    tmp_path: Path, command: str
) -> None:
    assert run(tmp_path, "migrate").returncode == 0

    assert run(tmp_path, *command.split(), "--json").stdout == "[]\n"
    told = run(tmp_path, *command.split())
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr.startswith("none yet: ")


def test_a_list_is_one_array_of_objects_with_an_id(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "create", "acme")
    run(tmp_path, "api-key", "create", "--name", "one")
    run(tmp_path, "keys", "rotate", SOJOURN_REFRESH_SECRET="a-secret-of-at-least-thirty-two-bytes!")

    for command in LISTS:
        (item,) = json.loads(run(tmp_path, *command.split(), "--json").stdout)
        head, row = run(tmp_path, *command.split()).stdout.splitlines()
        assert row.split()[0] == item["id"]
        assert head.split()[0] == "ID"


@pytest.mark.parametrize("command", OF_WHAT_IS_THERE)
def test_a_command_about_what_is_there_makes_no_database(tmp_path: Path, command: str) -> None:
    told = run(tmp_path, *command.split())

    assert told.returncode == 1
    assert "sojourn.db" in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [*LISTS, "migrate"])
def test_a_database_in_a_folder_that_is_not_there_is_named_with_its_folder(tmp_path: Path, command: str) -> None:
    told = run(tmp_path, *command.split(), "--database-url", NO_FOLDER)

    assert (
        told.stderr
        == "sojourn: cannot use the database /no/such/folder/x.db: its folder /no/such/folder does not exist\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_misspelled_is_told_with_the_one_that_was_meant(tmp_path: Path, command: str) -> None:
    told = run(tmp_path, command[:-1])

    assert told.returncode == 2
    assert f"did you mean {command}" in told.stderr or f"or {command}?" in told.stderr


def test_the_contract_cannot_be_written_to_nowhere(tmp_path: Path) -> None:
    told = run(tmp_path, "spec", "--output", "/proc/nowhere/x.yaml")

    assert told.returncode == 1
    assert told.stderr.startswith("sojourn: /proc/nowhere")
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_says_in_a_few_lines_that_its_port_is_taken(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = run(tmp_path, "serve", "--port", port, "--workers", workers, SOJOURN_INTERNAL_API_KEYS=API_KEY)

    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith(f"sojourn: cannot listen on 127.0.0.1:{port}: ")
    assert told.stderr.count("\n") <= LINES


def test_a_demo_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "sojourn", "demo", "--port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stdout is not None
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line or process.poll() is None
        assert list(tmp_path.glob("sojourn-demo-*"))
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert "the demo's data is gone" in rest
    assert list(tmp_path.glob("sojourn-demo-*")) == []


def bare_conformance(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The suite's program where its requirements are not installed."""
    (folder / "pytest.py").write_text("raise ModuleNotFoundError('no pytest', name='pytest')")
    return subprocess.run(
        [sys.executable, "-m", "sojourn.conformance", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--list",), ("http://127.0.0.1:9", "--api-key", "k", "--admin-token", "t")])
def test_conformance_without_its_requirements_says_what_to_install(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    told = bare_conformance(tmp_path, *arguments)

    assert told.returncode == 3
    assert "sojourn[conformance]" in told.stderr
    assert told.stderr.count("\n") == 1


def test_conformance_shows_its_help_without_its_requirements(tmp_path: Path) -> None:
    told = bare_conformance(tmp_path, "--help")

    assert (told.returncode, told.stderr) == (0, "")
    assert "--admin-token" in told.stdout
