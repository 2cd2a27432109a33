"""The command line, as a process: what is asked for on stdout, one line on stderr for a mistake."""

import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import jwt
import pytest
import yaml

from sojourn.cli import COMMANDS
from sojourn.settings.settings import variable
from sojourn.storage.schema.revisions import HEAD
from tests.live import free_port

SECRET = "a-secret-of-at-least-thirty-two-bytes!"


def sojourn(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a database of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sojourn", *arguments],
        env={**os.environ, variable("database_url"): f"sqlite:///{folder}/cli.db", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    text = sojourn(tmp_path, "--help").stdout

    for command in COMMANDS:
        assert len(re.findall(rf"^  {command} ", text, re.MULTILINE)) == 1
    assert "..." not in text.partition("\n")[2]


@pytest.mark.parametrize("command", [*COMMANDS, "api-key create", "tenant create"])
def test_each_help_is_worth_reading(tmp_path: Path, command: str) -> None:
    run = sojourn(tmp_path, *command.split(), "--help")

    assert run.returncode == 0
    assert len(run.stdout.split()) > 30


@pytest.mark.parametrize(
    "arguments",
    [
        "frobnicate",
        "serve --port eighty",
        "serve --workers 0",
        "serve --log-format xml",
        "serve --base-path api",
        "serve --database-url mysql://x",
        "serve",
        "token --tenant t",
        "token --tenant t --user u",
        "token --tenant t --user u --ttl soon",
        "token --tenant t/t --user u",
        "api-key create",
        "api-key create --name x --tenant bad/id",
        "api-key revoke nobody",
        "tenant create bad/id",
        "tenant list --database-url sqlite:////no/such/folder/x.db",
        "seed --tenants 0",
        "seed --tenants 5 --users 2",
        "seed --until yesterday",
        "spec --format xml",
        "restore",
        "end-sessions",
        "end-sessions --yes --tenant nowhere",
        "restore --yes --keep-api-key nobody",
    ],
)
def test_a_mistake_is_one_line_and_a_status(tmp_path: Path, arguments: str) -> None:
    run = sojourn(tmp_path, *arguments.split())

    assert run.returncode in (1, 2)
    assert run.stdout == ""
    assert run.stderr.startswith("sojourn: ")
    assert run.stderr.count("\n") == 1


def test_serve_without_anybody_who_may_call_says_how_to_make_a_key(tmp_path: Path) -> None:
    assert "sojourn api-key create" in sojourn(tmp_path, "serve").stderr


def test_token_prints_a_token_and_nothing_else(tmp_path: Path) -> None:
    arguments = "token --tenant acme --user u1 --role admin --role auditor --session sess_1 --ttl 90s"

    run = sojourn(tmp_path, *arguments.split(), SOJOURN_JWT_SECRET=SECRET, SOJOURN_JWT_AUDIENCE="here")

    claims = jwt.decode(run.stdout.strip(), SECRET, algorithms=["HS256"], audience="here")
    assert run.stderr == ""
    assert claims["exp"] - claims["iat"] == 90
    assert (claims["sub"], claims["tenant_id"], claims["roles"], claims["sid"]) == (
        "u1",
        "acme",
        ["admin", "auditor"],
        "sess_1",
    )


def test_an_api_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    made = sojourn(tmp_path, "api-key", "create", "--name", "login", "--tenant", "acme")
    key_id = made.stdout.split("_")[1]
    secret = made.stdout.strip().rpartition("_")[2]

    assert re.fullmatch(r"sj_[0-9a-f]{32}_\S{51}\n", made.stdout)
    assert re.search(
        rf"^{key_id}  good  +now  +login  acme  +\S+$", sojourn(tmp_path, "api-key", "list").stdout, re.MULTILINE
    )
    assert sojourn(tmp_path, "api-key", "revoke", key_id).returncode == 0
    assert f"{key_id}  revoked" in sojourn(tmp_path, "api-key", "list").stdout
    assert secret.encode() not in (tmp_path / "cli.db").read_bytes()


def test_a_tenant_is_made_once(tmp_path: Path) -> None:
    assert sojourn(tmp_path, "tenant", "create", "acme", "--name", "Acme Inc.").returncode == 0
    assert "exists already" in sojourn(tmp_path, "tenant", "create", "acme").stderr
    assert re.fullmatch(r"ID +MADE +NAME\nacme +now +Acme Inc\.\n", sojourn(tmp_path, "tenant", "list").stdout)


def test_spec_prints_the_same_contract_in_both_forms(tmp_path: Path) -> None:
    as_json = json.loads(sojourn(tmp_path, "spec", "--format", "json").stdout)

    assert as_json["openapi"] == "3.0.3"
    assert yaml.safe_load(sojourn(tmp_path, "spec").stdout) == as_json


def test_spec_writes_the_same_file_every_time_and_makes_its_folder(tmp_path: Path) -> None:
    one, other = tmp_path / "dist" / "one.json", tmp_path / "other.json"
    for file in (one, other):
        assert sojourn(tmp_path, "spec", "--format", "json", "--output", str(file)).stdout == ""

    assert one.read_bytes() == other.read_bytes()
    assert one.read_text("utf-8") == sojourn(tmp_path, "spec", "--format", "json").stdout


def test_seed_makes_the_same_sessions_for_the_same_seed(tmp_path: Path) -> None:
    arguments = "seed --tenants 2 --users 20 --sessions 501 --until 2026-04-15T08:00:00Z --seed"
    query = "SELECT * FROM sessions ORDER BY tenant_id, id"
    found = []
    for folder, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        (tmp_path / folder).mkdir()
        assert sojourn(tmp_path / folder, *arguments.split(), seed).returncode == 0
        with sqlite3.connect(tmp_path / folder / "cli.db") as connection:
            found.append(connection.execute(query).fetchall())
        connection.close()

    again = sojourn(tmp_path / "a", *arguments.split(), "7")

    assert len(found[0]) == 501
    assert found[0] == found[1] != found[2]
    assert again.returncode == 1
    assert "holds this data already" in again.stderr


def test_the_demo_serves_three_requests_that_work_and_ends_cleanly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sojourn", "demo", "--port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr and process.stderr.read()
        answers = [curl(line) for line in lines if line.startswith("curl ")]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()

    assert len(answers) == 3
    assert answers[0]["total"] == answers[1]["session_count"] > 0
    assert answers[2]["total_sessions"] > 100
    assert min(answers[2][kind] for kind in ("active_sessions", "expired_sessions", "revoked_sessions")) > 0
    assert process.returncode == 0
    assert "the demo's data is gone" in rest
    assert errors == ""


def test_the_demo_says_in_one_line_that_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = sojourn(tmp_path, "demo", "--port", str(taken.getsockname()[1]))

    assert run.returncode == 1
    assert re.fullmatch(r"sojourn: cannot listen on 127\.0\.0\.1:\d+: .*; try --port 0\n", run.stderr)


def curl(line: str) -> dict[str, int]:
    """Do what a printed curl line does; the answer must be 200."""
    words = shlex.split(line)
    headers = [words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H"]
    request = urllib.request.Request(words[-1], headers=dict(headers))
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        read: dict[str, int] = json.load(answer)
    return read


def test_migrate_makes_the_tables_and_check_only_asks(tmp_path: Path) -> None:
    asked = sojourn(tmp_path, "migrate", "--check")
    assert (asked.returncode, asked.stderr.count("sojourn migrate")) == (1, 1)
    assert not (tmp_path / "cli.db").exists()

    made = sojourn(tmp_path, "migrate")
    assert (made.returncode, made.stdout) == (0, f"schema {HEAD}: up to date\n")
    assert sojourn(tmp_path, "migrate", "--check").returncode == 0


def test_serve_refuses_older_tables_with_the_command_to_run(tmp_path: Path) -> None:
    sojourn(tmp_path, "migrate")
    with sqlite3.connect(tmp_path / "cli.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()

    run = sojourn(tmp_path, "serve")

    assert run.returncode == 1
    assert "run `sojourn migrate`" in run.stderr


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://me:hunter2@localhost:{free_port()}/x"

    for command in (["tenant", "list"], ["migrate"]):
        run = sojourn(tmp_path, *command, SOJOURN_DATABASE_URL=url, SOJOURN_REFRESH_SECRET=SECRET)
        assert run.returncode == 1
        assert "postgresql://me@localhost" in run.stderr
        assert "hunter2" not in run.stderr
