"""`sojourn check`: what differs from a recount is said, and put right where that is asked for; on both engines."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from sojourn.settings.settings import variable
from sojourn.storage import engines
from tests.live import REFRESH_SECRET

Sql = Callable[[str], list[tuple[Any, ...]]]


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(database_url, *arguments)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start(database_url: str, *arguments: str) -> subprocess.Popen[str]:
    environ = {variable("database_url"): database_url, variable("refresh_secret"): REFRESH_SECRET}
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_number_that_differs_from_a_recount_is_named_and_repaired(database_url: str, sql: Sql) -> None:
    run(database_url, "seed", "--tenants", "2", "--users", "5", "--sessions", "40", "--seed", "7")
    right = run(database_url, "check")
    ended = "tenant_id = 'tnt_0001' AND due_at IS NULL AND revoked_at IS NULL"
    (settled,) = sql(f"SELECT count(*) FROM sessions WHERE {ended}")
    kept = settled[0] - 1
    # A change that returns a row, since the fixture fetches.
    sql(f"UPDATE session_counters SET value = {kept} WHERE kind = 'expired' AND tenant_id = 'tnt_0001' RETURNING 1")

    wrong = run(database_url, "check")
    told = run(database_url, "check", "--json")
    repaired = run(database_url, "check", "--repair")
    again = run(database_url, "check", "--json")

    assert (right.returncode, right.stdout) == (0, "2 tenants checked: every number is what a recount gives\n")
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert f"tenant tnt_0001: expired is kept as {kept}, a recount gives {kept + 1}" in wrong.stdout
    assert told.returncode == 1
    assert json.loads(told.stdout) == {
        "tenants": 2,
        "repaired": False,
        "differences": [
            {
                "tenant_id": "tnt_0001",
                "kind": "expired",
                "device_type": "",
                "counted": kept,
                "recounted": kept + 1,
            }
        ],
    }
    assert (repaired.returncode, "1 of 2 tenants put right" in repaired.stdout) == (0, True)
    assert json.loads(again.stdout) == {"tenants": 2, "repaired": False, "differences": []}
    assert again.returncode == 0


def test_numbers_are_not_put_right_while_a_migration_may_have_counted_them(database_url: str, sql: Sql) -> None:
    """It adds what was missing when it looked: after a repair in between, that is too much."""
    run(database_url, "seed", "--tenants", "1", "--users", "5", "--sessions", "40", "--seed", "7")
    changed = "UPDATE session_counters SET value = value + {} WHERE kind = 'expired' RETURNING value"
    wrong = sql(changed.format(3))

    async def migration_runs() -> subprocess.Popen[str]:
        async with engines.no_migration(database_url, tell=print):
            repair = start(database_url, "check", "--repair")
            assert repair.stderr is not None
            told = await asyncio.to_thread(repair.stderr.readline)
            assert told == "another migration runs: waiting for its end\n"
            assert await asyncio.to_thread(sql, "SELECT value FROM session_counters WHERE kind = 'expired'") == wrong
            return repair

    repair = asyncio.run(migration_runs())
    stdout, _ = repair.communicate(timeout=60)

    assert (repair.returncode, stdout.splitlines()[-1]) == (0, "1 of 1 tenants put right")
    assert run(database_url, "check").returncode == 0
