"""Each command that changes keys, tenants, sessions or data leaves one record: which, by whom, of what; no secret."""

import getpass
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from sojourn.cli import sojourn
from sojourn.observability.security_events import BY_COMMAND

SETTINGS = {
    "SOJOURN_INTERNAL_API_KEYS": "internal-key-for-the-tests-0123456789",
    "SOJOURN_JWT_SECRET": "a-secret-of-at-least-thirty-two-bytes!",
    "SOJOURN_LOG_FORMAT": "json",
}


BESIDE_THE_TRAIL = {"schema.migrated", "data.seeded", "numbers.repaired", "user.named"}
"""What is recorded in the log alone."""


def run(folder: Path, *arguments: str, **settings: str) -> Result:
    environ = {**SETTINGS, "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db", **settings}
    return CliRunner().invoke(sojourn, arguments, env=environ)


def records(result: Result) -> list[dict[str, object]]:
    """The records on standard error of a command that did what it was asked."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]


def pseudonym(folder: Path) -> str:
    """Somebody whom the trail of the tenant acme names."""
    with sqlite3.connect(folder / "sojourn.db") as connection:
        connection.execute("INSERT INTO audit_pseudonyms VALUES ('acme', 'usr_abc123', 'psd_1')")
    connection.close()
    return "psd_1"


def wrong_number(folder: Path) -> None:
    """Let a kept number differ from what a recount gives."""
    with sqlite3.connect(folder / "sojourn.db") as connection:
        connection.execute("INSERT INTO session_counters VALUES ('acme', 'revoked', '', 7, 3)")
    connection.close()


def test_each_event_of_the_catalogue_of_commands_is_provoked_and_says_what_it_must(tmp_path: Path) -> None:
    migrated = run(tmp_path, "migrate")
    made = run(tmp_path, "api-key", "create", "--name", "login", "--tenant", "acme")
    key_id = str(records(made)[0]["key_id"])
    first = run(tmp_path, "keys", "rotate", "--now")
    second = run(tmp_path, "keys", "rotate", "--now")
    results = [
        *(migrated, made, first, second),
        run(tmp_path, "keys", "retire", first.stdout.strip()),
        run(tmp_path, "api-key", "rotate", key_id),
        run(tmp_path, "api-key", "revoke", key_id),
        run(tmp_path, "tenant", "create", "acme"),
        run(tmp_path, "end-sessions", "--tenant", "acme", "--reason", "drill", "--yes"),
    ]
    wrong_number(tmp_path)
    results += [
        run(tmp_path, "check", "--repair"),
        run(tmp_path, "audit", "who", pseudonym(tmp_path), "--tenant", "acme"),
        run(tmp_path, "restore", "--yes"),
        run(tmp_path, "purge"),
        run(tmp_path, "seed", "--yes", "--sessions", "10", "--users", "5", "--tenants", "1"),
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
    acts = sorted(str(record["event"]) for record in told if record["event"] not in BESIDE_THE_TRAIL)
    assert sorted(line["action"] for line in written) == acts
    assert {(line["actor"]["kind"], line["actor"]["id"]) for line in written} == {("operator", getpass.getuser())}
    assert run(tmp_path, "audit", "verify").exit_code == 0
    assert told[2]["key_id"] == first.stdout.strip()
    assert [record["tenant"] for record in told if record["event"] == "tenant.ended"] == ["acme"]
    for result in results:
        assert len(result.stdout.strip()) < 40 or result.stdout.strip() not in result.stderr, "no secret in a record"


CHANGES = {
    "migrate", "keys rotate", "keys retire", "api-key create", "api-key rotate", "api-key revoke",
    "tenant create", "end-sessions", "restore", "purge", "check", "seed", "audit who",
}  # fmt: skip
"""Commands that leave a record: they change something or tell who somebody is."""
CHANGE_NOTHING = {
    "config check", "config example", "config show", "token", "token inspect", "keys list", "api-key list",
    "tenant list", "audit export", "audit key", "audit verify", "spec", "conformance",
}  # fmt: skip
"""`token` prints a token and nothing else: whoever runs it has the secret that signs, and needs no command of ours."""
SERVE = {"serve", "demo", "dev"}
"""Servers, with a log of their own."""


def commands(group: click.Group, *path: str) -> Iterator[str]:
    """Every command that does something, by the words it is called with."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield " ".join((*path, name))
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name))


def test_every_command_leaves_a_record_or_changes_nothing() -> None:
    assert sorted(commands(sojourn)) == sorted([*CHANGES, *CHANGE_NOTHING, *SERVE])


@pytest.mark.parametrize(
    "arguments",
    [
        ("purge", "--dry-run"),
        ("migrate",),
        ("migrate", "--check"),
        ("check",),
        ("check", "--repair"),
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
