"""Each command that changes keys, tenants, sessions or data leaves one record: which, by whom, of what; no secret."""

import getpass
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from sojourn.authentication.vault import Vault
from sojourn.cli import sojourn
from sojourn.domain.clock import utc_now
from sojourn.observability.security_events import BY_COMMAND
from sojourn.settings import Settings
from tests.receiver import Receiver

SETTINGS = {
    "SOJOURN_INTERNAL_API_KEYS": "internal-key-for-the-tests-0123456789",
    "SOJOURN_JWT_SECRET": "a-secret-of-at-least-thirty-two-bytes!",
    "SOJOURN_LOG_FORMAT": "json",
    "SOJOURN_WEBHOOK_ALLOW": "127.0.0.1",
}


SEED = ("seed", "--yes", "--sessions", "50", "--users", "5", "--tenants", "1")
ACTIVE_ENDED = ("session", "end", "--tenant", "tnt_0001", "--status", "active", "--yes")
OF_PLAN = ("--tenant", "tnt_0001")
BESIDE_THE_TRAIL = {"schema.migrated", "data.seeded"}
"""What is recorded in the log alone: the tables that the trail is in, and data that no service has."""


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


@pytest.fixture(scope="module", autouse=True)
def receiver() -> Iterator[Receiver]:
    """Accepts everything."""
    found = Receiver()
    RECEIVERS[:] = [found]
    yield found
    found.close()


RECEIVERS: list[Receiver] = []


def new_webhook(folder: Path) -> str:
    """An endpoint of the tenant acme, with a secret that the vault beside the database reads."""
    hook = "whk_01968a3c-5c00-7000-8000-00a1b2c3d4e5"
    settings = Settings.from_env({**SETTINGS, "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db"})
    secret = Vault.open(settings).seal(f"webhook {hook}", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")
    with sqlite3.connect(folder / "sojourn.db") as connection:
        connection.execute(
            "INSERT INTO webhooks (tenant_id, id, url, events, created_at, sealed_secret, position)"
            " VALUES ('acme', ?, ?, '[]', '2026-04-15T08:00:00.000Z', ?, 0)",
            (hook, RECEIVERS[0].url, secret),
        )
    connection.close()
    return hook


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
        run(tmp_path, "policy", "set", "--tenant", "acme", "--max-sessions", "3"),
        run(tmp_path, "policy", "clear", "--tenant", "acme"),
        run(tmp_path, "end-sessions", "--tenant", "acme", "--reason", "drill", "--yes"),
    ]
    wrong_number(tmp_path)
    hook = new_webhook(tmp_path)
    results += [
        run(tmp_path, "webhook", "test", hook),
        run(tmp_path, "webhook", "replay", hook, "--since", "2026-04-15T08:00:00Z"),
        run(tmp_path, "check", "--repair"),
        run(tmp_path, "audit", "who", pseudonym(tmp_path), "--tenant", "acme"),
        run(tmp_path, "import", a_line(tmp_path)),
        run(tmp_path, "restore", "--yes"),
        run(tmp_path, "purge"),
        run(tmp_path, *SEED),
        planned := run(tmp_path, "plan", "create", *OF_PLAN, "--user-id", "nobody", "--reason", "drill"),
        run(tmp_path, "plan", "apply", planned.stdout.split()[0], *OF_PLAN, "--yes"),
        run(tmp_path, *ACTIVE_ENDED),
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


def a_line(folder: Path) -> str:
    """A file with one session."""
    file = folder / "sessions.jsonl"
    members = {"tenant_id": "globex", "user_id": "u", "source": "kratos", "source_id": "1"}
    file.write_text(json.dumps({**members, "created_at": utc_now().isoformat()}) + "\n")
    return str(file)


Prepared = Callable[[Path], tuple[str, ...]]


def new_key(folder: Path) -> str:
    made = run(folder, "api-key", "create", "--name", "other", "--tenant", "acme")
    return str(records(made)[0]["key_id"])


def new_signing_key(folder: Path) -> str:
    """One that may be withdrawn, because another signs."""
    first = run(folder, "keys", "rotate", "--now").stdout.strip()
    run(folder, "keys", "rotate", "--now")
    return first


def exported(folder: Path) -> str:
    file = folder / "export.jsonl"
    file.write_text(run(folder, "audit", "export").stdout)
    return str(file)


def token(folder: Path) -> str:
    file = folder / "token"
    file.write_text(run(folder, "token", "--tenant", "acme", "--user", "root").stdout)
    return str(file)


def with_sessions(folder: Path) -> tuple[str, ...]:
    run(folder, *SEED)
    return ACTIVE_ENDED


def new_plan(folder: Path) -> str:
    """The id of a plan of every session of a tenant."""
    run(folder, *SEED)
    made = run(folder, "plan", "create", *OF_PLAN, "--everything", "--reason", "drill", "--json").stdout
    return str(json.loads(made)["plan_id"])


def applied_plan(folder: Path) -> str:
    """The id of a plan that was applied and ended nothing, so that none of its rows is left."""
    run(folder, *SEED)
    of = ("--user-id", "nobody", "--reason", "drill")
    plan = str(json.loads(run(folder, "plan", "create", *OF_PLAN, *of, "--json").stdout)["plan_id"])
    run(folder, "plan", "apply", plan, *OF_PLAN, "--yes")
    return plan


def a_session(folder: Path) -> str:
    """The id of one of many."""
    run(folder, *SEED)
    listed = run(folder, "session", "list", "--tenant", "tnt_0001", "--limit", "1", "--json").stdout
    return str(json.loads(listed)[0]["id"])


def with_wrong_number(folder: Path) -> tuple[str, ...]:
    wrong_number(folder)
    return ("check", "--repair")


CHANGES: dict[str, Prepared] = {
    "migrate": lambda folder: ("migrate",),
    "keys rotate": lambda folder: ("keys", "rotate", "--now"),
    "keys retire": lambda folder: ("keys", "retire", new_signing_key(folder)),
    "api-key create": lambda folder: ("api-key", "create", "--name", "login", "--tenant", "acme"),
    "api-key rotate": lambda folder: ("api-key", "rotate", new_key(folder)),
    "api-key revoke": lambda folder: ("api-key", "revoke", new_key(folder)),
    "tenant create": lambda folder: ("tenant", "create", "globex"),
    "policy set": lambda folder: ("policy", "set", "--tenant", "acme", "--max-sessions", "3"),
    "policy clear": lambda folder: ("policy", "clear", "--tenant", "acme"),
    "end-sessions": lambda folder: ("end-sessions", "--tenant", "acme", "--reason", "drill", "--yes"),
    "restore": lambda folder: ("restore", "--yes"),
    "purge": lambda folder: ("purge",),
    "check": with_wrong_number,
    "import": lambda folder: ("import", a_line(folder)),
    "seed": lambda folder: SEED,
    "session end": with_sessions,
    "plan create": lambda folder: ("plan", "create", "--tenant", "acme", "--everything", "--reason", "drill"),
    "plan apply": lambda folder: ("plan", "apply", new_plan(folder), *OF_PLAN, "--yes"),
    "webhook test": lambda folder: ("webhook", "test", new_webhook(folder)),
    "webhook replay": lambda folder: ("webhook", "replay", new_webhook(folder), "--since", "2026-04-15T08:00:00Z"),
    "audit who": lambda folder: ("audit", "who", pseudonym(folder), "--tenant", "acme"),
}
"""Commands that leave a record, with what each needs: they change something or tell who somebody is."""
CHANGE_NOTHING: dict[str, Prepared] = {
    "config check": lambda folder: ("config", "check"),
    "config example": lambda folder: ("config", "example"),
    "config show": lambda folder: ("config", "show"),
    "token": lambda folder: ("token", "--tenant", "acme", "--user", "root"),
    "token inspect": lambda folder: ("token", "inspect", token(folder)),
    "keys list": lambda folder: ("keys", "list"),
    "api-key list": lambda folder: ("api-key", "list"),
    "tenant list": lambda folder: ("tenant", "list"),
    "policy show": lambda folder: ("policy", "show", "--tenant", "acme"),
    "policy simulate": lambda folder: ("policy", "simulate", "--tenant", "acme", "--max-sessions", "3"),
    "session list": lambda folder: ("session", "list", "--tenant", "acme"),
    "session show": lambda folder: ("session", "show", a_session(folder)),
    "session export": lambda folder: ("session", "export", "--tenant", "acme"),
    "plan show": lambda folder: ("plan", "show", new_plan(folder), *OF_PLAN),
    "plan watch": lambda folder: ("plan", "watch", applied_plan(folder), *OF_PLAN, "--seconds", "0"),
    "webhook list": lambda folder: ("webhook", "list"),
    "events tail": lambda folder: ("events", "tail", "--all", "--no-follow"),
    "audit export": lambda folder: ("audit", "export"),
    "audit key": lambda folder: ("audit", "key"),
    "audit verify": lambda folder: ("audit", "verify", exported(folder)),
    "spec": lambda folder: ("spec",),
    "conformance": lambda folder: ("conformance", "--list"),
}
"""`token` prints a token and nothing else: whoever runs it has the secret that signs, and needs no command of ours."""
SERVE = {"serve", "demo", "dev", "gateway"}
"""Servers, with a log of their own. `serve` records its settings, see test_settings_record."""


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


def trail_of(folder: Path) -> list[dict[str, Any]]:
    """The records that stand in the database; none before there are tables."""
    if not (folder / "sojourn.db").exists():
        return []
    lines = run(folder, "audit", "export").stdout.splitlines()
    return [line for line in map(json.loads, lines) if "head" not in line]


@pytest.mark.parametrize("name", [*CHANGES, *CHANGE_NOTHING])
def test_a_command_that_changes_something_writes_one_record_and_any_other_none(tmp_path: Path, name: str) -> None:
    if name != "migrate":
        run(tmp_path, "tenant", "create", "acme")
    arguments = (CHANGES | CHANGE_NOTHING)[name](tmp_path)
    before = trail_of(tmp_path)

    done = run(tmp_path, *arguments)

    told, written = records(done), [line for line in trail_of(tmp_path) if line not in before]
    assert len(told) == int(name in CHANGES)
    kept = [record["event"] for record in told if record["event"] not in BESIDE_THE_TRAIL]
    assert [line["action"] for line in written] == kept
    assert run(tmp_path, "audit", "verify").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("purge", "--dry-run"),
        ("end-sessions", "--dry-run"),
        ("import", "--dry-run", "/dev/null"),
        ("import", "/dev/null"),
        ("migrate",),
        ("migrate", "--check"),
        ("check",),
        ("check", "--repair"),
        ("api-key", "list"),
        ("keys", "list"),
        ("tenant", "list"),
        ("webhook", "list"),
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
