"""A restored backup knows nothing of what was revoked since it was made: `sojourn end-sessions` makes up for that."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sojourn.domain.clock import utc_now
from sojourn.settings.settings import variable
from tests.conftest import on_sqlite
from tests.http.conftest import Client
from tests.http.tokens import refresh, sign_in, validate
from tests.live import REFRESH_SECRET


def end_sessions(database_url: str, *arguments: str) -> str:
    """Run the command beside the application."""
    environ = {variable("database_url"): database_url, variable("refresh_secret"): REFRESH_SECRET}
    run = subprocess.run(
        [sys.executable, "-m", "sojourn", "end-sessions", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


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
