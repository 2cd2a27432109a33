"""`sojourn seed` and `sojourn purge`, on both engines."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sojourn.settings.settings import variable
from tests.live import REFRESH_SECRET

Sql = Callable[[str], list[tuple[Any, ...]]]
SEED = "seed --tenants 2 --users 20 --sessions 501 --until 2026-04-15T08:00:00Z --seed"
ALL = "SELECT tenant_id, CAST(id AS text), user_id, device_type, revoke_reason FROM sessions ORDER BY 1, 2"


@pytest.fixture
def sojourn(database_url: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command on the test's own database."""

    def run(arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sojourn", *arguments.split()],
            env={
                **os.environ,
                variable("database_url"): database_url,
                variable("refresh_secret"): REFRESH_SECRET,
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_seed_fills_either_engine_with_the_same_sessions(sojourn: Any, sql: Sql) -> None:
    filled = sojourn(f"{SEED} 7")
    again = sojourn(f"{SEED} 7")

    found = sql(ALL)
    assert filled.returncode == 0, filled.stderr
    assert "501 sessions of 20 users in 2 tenants" in filled.stdout
    assert (len(found), again.returncode) == (501, 1)
    assert "holds this data already" in again.stderr
    assert (found[0][0], found[-1][0]) == ("tnt_0001", "tnt_0002")
    assert {row[3] for row in found} >= {"desktop", "mobile"}


def test_what_seed_counts_is_what_it_wrote(sojourn: Any, sql: Sql) -> None:
    sojourn(f"{SEED} 7")

    counted = dict(sql("SELECT kind, sum(value) FROM session_counters GROUP BY kind"))
    ended = "revoked_at IS NULL AND due_at IS NULL"
    assert counted["created"] == 501
    assert [(counted["revoked"],)] == sql("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL")
    assert [(counted["expired"],)] == sql(f"SELECT count(*) FROM sessions WHERE {ended}")


def test_purge_says_what_it_would_delete_and_then_deletes_it(sojourn: Any, sql: Sql) -> None:
    sojourn(f"{SEED} 7")

    would = sojourn("purge --dry-run")
    kept = sql("SELECT count(*) FROM sessions")
    deleted = sojourn("purge")
    nothing = sojourn("purge")

    facts = "501 sessions, 0 tokens, 0 blacklist entries, 0 trusted devices, 20 users, 0 cut-offs"
    assert would.stdout == f"{facts} would be deleted\n", would.stderr
    assert kept == [(501,)]
    assert deleted.stdout == f"{facts} deleted\n"
    assert nothing.stdout == f"{facts} deleted\n".replace("501", "0").replace("20", "0")
    assert sql("SELECT count(*) FROM sessions") == [(0,)]
    assert sql("SELECT count(*) FROM users") == [(0,)]


def test_purge_forgets_cut_offs_of_users_without_sessions_once_they_are_old(sojourn: Any, sql: Sql) -> None:
    sojourn(f"{SEED} 7")
    ((tenant, lives),) = sql("SELECT tenant_id, user_id FROM sessions ORDER BY id LIMIT 1")
    sql("UPDATE sessions SET revoked_at = NULL, due_at = NULL WHERE id = (SELECT id FROM sessions ORDER BY id LIMIT 1)")
    sql("UPDATE sessions SET expires_at = '2999-01-01T00:00:00.000Z', idle_expires_at = '2999-01-01T00:00:00.000Z'"
        " WHERE id = (SELECT id FROM sessions ORDER BY id LIMIT 1)")  # fmt: skip
    for user, until in (
        (lives, "2026-04-15"),
        ("gone", "2026-04-15"),
        (" hash", "2026-04-15"),
        ("late", "2999-01-01"),
        ("", "2026-04-15"),
    ):
        sql("INSERT INTO not_before (tenant_id, user_id, token_type, issued_until, count)"
            f" VALUES ('{tenant}', '{user}', 'access', '{until}T00:00:00.000Z', 1)")  # fmt: skip

    would = sojourn("purge --dry-run")
    sojourn("purge")

    assert would.stdout.endswith(", 19 users, 2 cut-offs would be deleted\n"), would.stdout + would.stderr
    assert sorted(sql("SELECT user_id FROM not_before")) == sorted([(lives,), ("late",), ("",)])
    assert sql("SELECT user_id FROM users") == [(lives,)]


def test_end_sessions_says_how_many_it_would_end_and_then_ends_them(sojourn: Any, sql: Sql) -> None:
    sojourn(f"{SEED} 7")
    some = "SELECT id FROM sessions WHERE tenant_id = 'tnt_0001' ORDER BY id LIMIT 3"
    sql("UPDATE sessions SET revoked_at = NULL, due_at = '2999-01-01T00:00:00.000Z',"
        " expires_at = '2999-01-01T00:00:00.000Z', idle_expires_at = '2999-01-01T00:00:00.000Z'"
        f" WHERE id IN ({some})")  # fmt: skip
    ((users,),) = sql(f"SELECT count(DISTINCT user_id) FROM sessions WHERE id IN ({some})")

    would = sojourn("end-sessions --dry-run")
    elsewhere = sojourn("end-sessions --dry-run --tenant nowhere")
    of_one = sojourn("end-sessions --dry-run --tenant tnt_0001")
    ended = sojourn("end-sessions --yes")
    nothing = sojourn("end-sessions --dry-run")

    assert would.stdout == f"3 sessions of {users} users would end\n", would.stderr
    assert (elsewhere.returncode, elsewhere.stderr.count("no tenant nowhere")) == (1, 1)
    assert of_one.stdout == would.stdout
    assert "3 sessions ended" in ended.stdout
    assert nothing.stdout == "0 sessions of 0 users would end\n"


def test_purge_spares_what_is_kept(sojourn: Any, sql: Sql) -> None:
    sojourn(f"{SEED} 7")

    spared = sojourn("purge", SOJOURN_SESSION_RETENTION="87600h")

    assert spared.stdout.startswith("0 sessions")
    assert sql("SELECT count(*) FROM sessions") == [(501,)]
