"""Manual pages, completion in the shell and the example file: made from the commands and the table of settings."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sojourn.cli import COMMANDS, reference
from sojourn.settings.settings import table
from tests.deploy.programs import program

HOME = Path(__file__).parents[2]
MANUALS = HOME / "deploy/man"
HARMLESS = "missing date"  # the same release makes the same page on every day


def sojourn(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own, with no other setting."""
    kept = {name: text for name, text in os.environ.items() if "SOJOURN_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "sojourn", *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", reference.BESIDE)
def test_what_is_written_from_the_program_is_up_to_date(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    command = [sys.executable, "-W", "ignore", "-m", "sojourn.cli.reference", folder]
    subprocess.run(command, check=True, timeout=120)

    assert (HOME / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), (
        "run python -m sojourn.cli.reference docs"
    )


@pytest.mark.parametrize("page", ["sojourn.1", "sojourn.toml.5"])
def test_man_reads_the_pages_without_a_warning(page: str) -> None:
    done = subprocess.run(
        [program("man"), "--warnings", "-E", "UTF-8", "-l", MANUALS / page],
        env={**os.environ, "MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "SEE ALSO" in done.stdout


@pytest.mark.parametrize("page", ["sojourn.1", "sojourn.toml.5"])
def test_mandoc_finds_nothing_in_the_pages(page: str) -> None:
    done = subprocess.run(
        [program("mandoc"), "-T", "lint", MANUALS / page], capture_output=True, text=True, timeout=120, check=False
    )

    assert [line for line in done.stdout.splitlines() if HARMLESS not in line] == []


def test_every_setting_and_every_command_has_its_place_in_the_pages() -> None:
    settings = (MANUALS / "sojourn.toml.5").read_text("utf-8")
    commands = (MANUALS / "sojourn.1").read_text("utf-8").replace(r"\-", "-")

    assert [name for name, _, _ in table() if f"\\fB{name.removeprefix('SOJOURN_').lower()}\\fR" not in settings] == []
    assert [name for name in COMMANDS if f'.SH "SOJOURN {name.upper()}"' not in commands] == []


def test_the_example_file_names_every_setting_and_can_be_used_as_it_is(tmp_path: Path) -> None:
    example = HOME / "deploy/sojourn.toml"
    shutil.copy(example, tmp_path / "sojourn.toml")
    lines = example.read_text("utf-8").splitlines()
    on = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines if " = " in line and "_file = " not in line))

    done = sojourn(tmp_path, "--config", "sojourn.toml", "config", "check")

    assert (done.returncode, done.stdout) == (0, "0 settings given, all can be used\n")
    assert ["SOJOURN_" + name.upper() for name in on] == [name for name, _, _ in table()]


def completed(words: str, folder: Path, shell: str) -> list[str]:
    """What bash offers for the last word of a line, with the line of `docs/commands.md` in its start-up file."""
    (folder / "sojourn").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sojourn "$@"\n', "utf-8")
    (folder / "sojourn").chmod(0o755)
    line = shlex.split(words) + ([""] if words.endswith(" ") else [])
    script = (
        f'eval "$(_SOJOURN_COMPLETE=bash_source sojourn)"\n'
        f"complete -p sojourn >&2\n"
        f"COMP_WORDS=({' '.join(map(shlex.quote, line))}); COMP_CWORD={len(line) - 1}\n"
        f'_sojourn_completion sojourn; printf "%s\\n" "${{COMPREPLY[@]}}"\n'
    )
    done = subprocess.run(
        [shell, "-euc", script],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(HOME)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("sojourn mig", ["migrate"]),
        ("sojourn api-key ro", ["rotate"]),
        ("sojourn serve --log-f", ["--log-format"]),
        ("sojourn serve --log-format ", ["json", "text"]),
    ],
)
def test_bash_completes_commands_options_and_their_values(words: str, offered: list[str], tmp_path: Path) -> None:
    assert completed(words, tmp_path, program("bash")) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_for_each_shell_is_in_the_reference_and_prints_its_script(shell: str, tmp_path: Path) -> None:
    done = sojourn(tmp_path, _SOJOURN_COMPLETE=f"{shell}_source")

    assert f"_SOJOURN_COMPLETE={shell}_source sojourn" in (HOME / "docs/commands.md").read_text("utf-8")
    assert done.returncode == 0
    assert f"_SOJOURN_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize("command", ["migrate", "tenant list --json", "config show", "purge --dry-run", "check"])
def test_every_command_warns_of_a_misspelled_variable(command: str, tmp_path: Path) -> None:
    sojourn(tmp_path, "migrate")

    done = sojourn(tmp_path, *command.split(), SOJOURN_IDLE_TIMOUT="1h")

    assert done.returncode == 0, done.stderr
    assert "SOJOURN_IDLE_TIMOUT is not a setting; did you mean SOJOURN_IDLE_TIMEOUT?" in done.stderr
    assert "IDLE_TIMOUT" not in done.stdout


def test_a_misspelled_variable_is_a_mistake_to_config_check(tmp_path: Path) -> None:
    done = sojourn(tmp_path, "config", "check", SOJOURN_IDLE_TIMOUT="1h", SOJOURN_PORT="x")

    assert done.returncode == 2
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["SOJOURN_IDLE_TIMOUT", "SOJOURN_PORT:"]
