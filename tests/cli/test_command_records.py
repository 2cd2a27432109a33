"""Each command that changes keys, tenants, sessions or data leaves one record: which, by whom, of what; no secret."""

import getpass
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sojourn.cli import sojourn
from sojourn.observability.security_events import BY_COMMAND

SETTINGS = {
    "SOJOURN_INTERNAL_API_KEYS": "internal-key-for-the-tests-0123456789",
    "SOJOURN_JWT_SECRET": "a-secret-of-at-least-thirty-two-bytes!",
    "SOJOURN_LOG_FORMAT": "json",
}


def run(folder: Path, *arguments: str, **settings: str) -> Result:
    environ = {**SETTINGS, "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db", **settings}
    return CliRunner().invoke(sojourn, arguments, env=environ)


def records(result: Result) -> list[dict[str, object]]:
    """The records on standard error of a command that did what it was asked."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]


def test_each_event_of_the_catalogue_of_commands_is_provoked_and_says_what_it_must(tmp_path: Path) -> None:
    made = run(tmp_path, "api-key", "create", "--name", "login", "--tenant", "acme")
    key_id = str(records(made)[0]["key_id"])
    first = run(tmp_path, "keys", "rotate", "--now")
    second = run(tmp_path, "keys", "rotate", "--now")
    results = [
        *(made, first, second),
        run(tmp_path, "keys", "retire", first.stdout.strip()),
        run(tmp_path, "api-key", "rotate", key_id),
        run(tmp_path, "api-key", "revoke", key_id),
        run(tmp_path, "tenant", "create", "acme"),
        run(tmp_path, "end-sessions", "--tenant", "acme", "--reason", "drill", "--yes"),
        run(tmp_path, "restore", "--yes"),
        run(tmp_path, "purge"),
    ]

    told = [record for result in results for record in records(result)]

    assert len(told) == len(results), "one record for each command"
    assert {record["event"] for record in told} == set(BY_COMMAND)
    for record in told:
        event = BY_COMMAND[str(record["event"])]
        assert {"event", "operator", *event.members} <= set(record)
        assert (record["operator"], record["logger"]) == (getpass.getuser(), "sojourn.security")
    exported = run(tmp_path, "audit", "export").stdout.splitlines()
    written = [line for line in map(json.loads, exported) if "head" not in line]
    assert sorted(line["action"] for line in written) == sorted(str(record["event"]) for record in told)
    assert {(line["actor"]["kind"], line["actor"]["id"]) for line in written} == {("operator", getpass.getuser())}
    assert run(tmp_path, "audit", "verify").exit_code == 0
    assert told[1]["key_id"] == first.stdout.strip()
    assert [record["tenant"] for record in told if record["event"] == "tenant.ended"] == ["acme"]
    assert made.stdout.strip() not in made.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("purge", "--dry-run"),
        ("api-key", "list"),
        ("keys", "list"),
        ("tenant", "list"),
    ],
)
def test_a_command_that_changes_nothing_leaves_no_record(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run(tmp_path, "tenant", "create", "acme")

    before = run(tmp_path, "audit", "export").stdout
    assert records(run(tmp_path, *arguments)) == []
    assert run(tmp_path, "audit", "export").stdout == before


def test_a_command_that_fails_leaves_no_record(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "create", "acme")

    again = run(tmp_path, "tenant", "create", "acme")

    assert again.exit_code == 1
    assert "{" not in again.stderr


def test_the_record_is_a_line_for_people_where_the_log_is(tmp_path: Path) -> None:
    made = run(tmp_path, "tenant", "create", "acme", SOJOURN_LOG_FORMAT="text")

    assert "sojourn.security: tenant.created" in made.stderr
    assert "tenant=acme" in made.stderr
