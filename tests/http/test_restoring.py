"""A restored backup knows nothing of what was revoked since it was made: `sojourn end-sessions` makes up for that."""

import os
import pty
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from sojourn.domain.clock import utc_now
from sojourn.settings.settings import variable
from tests.conftest import on_sqlite
from tests.http.conftest import REFRESH_SECRET, Client
from tests.http.tokens import refresh, sign_in, validate


def end_sessions(database_url: str, *arguments: str) -> str:
    """Run the command beside the application."""
    run = command(database_url, "end-sessions", "--yes", *arguments)
    assert run.returncode == 0, run.stderr
    return run.stdout


def command(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the application, with nobody at the terminal."""
    environ = {variable("database_url"): database_url}
    if not database_url.startswith("sqlite:"):
        environ[variable("refresh_secret")] = REFRESH_SECRET
    return subprocess.run(
        [sys.executable, "-m", "sojourn", *arguments],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def api_key(database_url: str, name: str) -> tuple[str, str]:
    """A new stored API key, and its id."""
    text = command(database_url, "api-key", "create", "--name", name).stdout.strip()
    return text, text.split("_")[1]


def status_with(client: Client, key: str) -> int:
    """What a service with this key is answered."""
    headers = {"X-API-Key": key, "X-Tenant-ID": "acme"}
    return client.request("GET", "/internal/session/sessions/usr_abc123/active", headers=headers).status_code


def test_after_a_restore_every_session_and_token_ends_at_once(client: Client, database_url: str) -> None:
    client.clock.now = utc_now()  # as the command sees it
    signed_in, other = sign_in(client), sign_in(client, "usr_other")

    said = end_sessions(database_url)

    client.clock.advance(minutes=1)
    assert said.endswith("sessions ended\n")
    for one in (signed_in, other):
        assert validate(client, one["tokens"]["access_token"])["valid"] is False
        assert refresh(client, one["tokens"]["refresh_token"]).status_code == 401
        shown = client.as_admin("GET", f"/sessions/{one['session']['id']}").json()["session"]
        assert (shown["status"], shown["revoke_reason"]) == ("revoked", "restored")
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 0
    assert validate(client, sign_in(client)["tokens"]["access_token"])["valid"] is True


def test_a_tenant_may_be_ended_alone(client: Client, database_url: str) -> None:
    client.clock.now = utc_now()
    here, there = sign_in(client), client.create("usr_abc123", "noise")

    end_sessions(database_url, "--tenant", "acme", "--reason", "keys may have leaked")

    assert validate(client, here["tokens"]["access_token"])["valid"] is False
    shown = client.as_admin("GET", f"/sessions/{there['id']}", "noise").json()["session"]
    assert shown["status"] == "active"


@on_sqlite
def test_what_a_backup_brought_back_is_ended(start: Callable[..., Client], tmp_path: Path, database_url: str) -> None:
    """On SQLite, where a backup is a file: revoked after it was made, good in it, ended by the command."""
    client = start()
    client.clock.now = utc_now()
    signed_in = sign_in(client)
    path = Path(database_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as live, sqlite3.connect(tmp_path / "backup.db") as copy:
        live.backup(copy)
    live.close()
    copy.close()
    assert client.as_admin("DELETE", f"/sessions/{signed_in['session']['id']}").status_code == 204
    shutil.copy(f"{path}.key", tmp_path / "backup.db.key")

    restored = f"sqlite:///{tmp_path}/backup.db"
    end_sessions(restored)

    again = start(SOJOURN_DATABASE_URL=restored)
    assert validate(again, signed_in["tokens"]["access_token"])["valid"] is False
    assert refresh(again, signed_in["tokens"]["refresh_token"]).status_code == 401


def test_after_a_restore_no_key_and_no_token_of_before_is_good(client: Client, database_url: str) -> None:
    client.clock.now = utc_now()
    before = sign_in(client)
    (lost, _), (kept, kept_id) = api_key(database_url, "lost"), api_key(database_url, "kept")
    old_keys = client.request("GET", "/.well-known/jwks.json").json()["keys"]

    said = command(database_url, "restore", "--yes", "--keep-api-key", kept_id)

    client.clock.advance(minutes=1)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("1 signing keys retired\n1 API keys revoked\n")
    new_keys = client.request("GET", "/.well-known/jwks.json").json()["keys"]
    assert len(new_keys) == 1
    assert new_keys[0]["kid"] not in {key["kid"] for key in old_keys}
    assert (status_with(client, lost), status_with(client, kept)) == (401, 200)
    assert validate(client, before["tokens"]["access_token"])["valid"] is False
    assert refresh(client, before["tokens"]["refresh_token"]).status_code == 401
    after = sign_in(client)
    assert validate(client, after["tokens"]["access_token"])["valid"] is True
    assert refresh(client, after["tokens"]["refresh_token"]).status_code == 200


def test_a_token_of_another_epoch_is_refused_whatever_else_the_database_says(
    client: Client, sql: Callable[[str], list[Any]]
) -> None:
    """A signing key that leaked and is in use again, a session that lives: only the epoch tells."""
    client.clock.now = utc_now()
    pair = sign_in(client)["tokens"]
    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert len(pair["refresh_token"].split(".")) == 5
    assert len(claims["epoch"]) >= 20

    sql("UPDATE epochs SET value = 'drawn-by-a-restore'")

    refused = validate(client, pair["access_token"])
    assert (refused["valid"], refused["error"]) == (False, "issued_before_restore")
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    assert client.request("GET", "/sessions", headers=bearer, params={"auth_user_id": "usr_abc123"}).status_code == 401
    assert refresh(client, pair["refresh_token"]).status_code == 401
    introspected = client.as_admin("POST", "/admin/tokens/introspect", json={"token": pair["refresh_token"]}).json()
    assert introspected == {"active": False}
    assert validate(client, sign_in(client)["tokens"]["access_token"])["valid"] is True
    sql(f"UPDATE epochs SET value = '{claims['epoch']}'")
    assert validate(client, pair["access_token"])["valid"] is True
    assert refresh(client, pair["refresh_token"]).status_code == 200


def test_tokens_of_a_release_without_epochs_are_good_until_the_first_restore(
    client: Client, sql: Callable[[str], list[Any]], database_url: str
) -> None:
    client.clock.now = utc_now()
    sql("DELETE FROM epochs")
    pair = sign_in(client)["tokens"]

    assert "epoch" not in jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert validate(client, pair["access_token"])["valid"] is True
    again = refresh(client, pair["refresh_token"]).json()
    assert command(database_url, "restore", "--yes").returncode == 0
    assert validate(client, again["access_token"])["valid"] is False
    assert refresh(client, again["refresh_token"]).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("restore", "--yes"),
        ("end-sessions", "--yes"),
        ("end-sessions --tenant acme", "--yes"),
        ("end-sessions --yes --tenant nowhere", "no tenant nowhere"),
        ("restore --yes --keep-api-key 0123", "no good API key has the id 0123"),
        ("end-sessions --yes --tenant acme --keep-api-key 0123", "--keep-api-key"),
    ],
)
def test_what_was_not_agreed_to_or_is_not_there_changes_nothing(
    client: Client, database_url: str, arguments: str, said: str
) -> None:
    client.clock.now = utc_now()
    pair = sign_in(client)["tokens"]

    run = command(database_url, *arguments.split())

    assert run.returncode in (1, 2)
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert validate(client, pair["access_token"])["valid"] is True


def test_a_revoked_api_key_cannot_be_kept(client: Client, database_url: str) -> None:
    _, key_id = api_key(database_url, "leaked")
    command(database_url, "api-key", "revoke", key_id)

    run = command(database_url, "restore", "--yes", "--keep-api-key", key_id)

    assert run.returncode == 1
    assert key_id in run.stderr


@on_sqlite
@pytest.mark.parametrize(("answer", "acts"), [("y\n", True), ("n\n", False)])
def test_on_a_terminal_the_command_asks_before_it_acts(
    client: Client, database_url: str, answer: str, acts: bool
) -> None:
    client.clock.now = utc_now()
    pair = sign_in(client)["tokens"]
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sojourn", "restore", "--database-url", database_url],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(controller, answer.encode())
        _, asked = process.communicate(timeout=60)
    os.close(controller)
    os.close(terminal)

    assert "[y/N]" in asked
    assert (process.returncode == 0) is acts
    assert validate(client, pair["access_token"])["valid"] is not acts


@on_sqlite
def test_a_restored_backup_brings_no_dead_key_back(
    start: Callable[..., Client], tmp_path: Path, database_url: str
) -> None:
    """A leaked API key and a leaked signing key are retired after the backup; the backup knows nothing of it."""
    client = start()
    client.clock.now = utc_now()
    leaked, leaked_id = api_key(database_url, "leaked")
    token = sign_in(client)["tokens"]["access_token"]
    path = Path(database_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as live, sqlite3.connect(tmp_path / "backup.db") as copy:
        live.backup(copy)
    live.close()
    copy.close()
    shutil.copy(f"{path}.key", tmp_path / "backup.db.key")
    kid = jwt.get_unverified_header(token)["kid"]
    command(database_url, "api-key", "revoke", leaked_id)
    command(database_url, "keys", "rotate", "--now")
    command(database_url, "keys", "retire", kid)

    restored = f"sqlite:///{tmp_path}/backup.db"
    assert command(restored, "restore", "--yes").returncode == 0

    again = start(SOJOURN_DATABASE_URL=restored)
    again.clock.advance(minutes=1)
    assert status_with(again, leaked) == 401
    assert kid not in {key["kid"] for key in again.request("GET", "/.well-known/jwks.json").json()["keys"]}
    assert validate(again, token)["valid"] is False
    assert jwt.get_unverified_header(sign_in(again)["tokens"]["access_token"])["kid"] != kid
