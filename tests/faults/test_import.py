"""An import that is killed is run again: in the end every session is there once, on both engines."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.live import REFRESH_SECRET

Sql = Callable[[str], list[tuple[Any, ...]]]
LINES, TENANTS, KILLS = 20_000, 3, 3


def test_an_import_that_is_killed_goes_on_where_it_stopped(database_url: str, sql: Sql, tmp_path: Path) -> None:
    file = tmp_path / "sessions.jsonl"
    at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()  # noqa: TID251 - the command reads the clock, too
    with file.open("w") as out:
        for n in range(LINES):
            facts = {"tenant_id": f"t{n % TENANTS}", "user_id": f"u{n % 997}", "created_at": at}
            out.write(json.dumps({**facts, "source": "kratos", "source_id": str(n)}) + "\n")
    command = [sys.executable, "-m", "sojourn", "import", str(file), "--json"]
    environ = {**os.environ, "SOJOURN_DATABASE_URL": database_url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    reached = []
    for _ in range(KILLS):
        before = count(sql)
        with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            while count(sql) == before and running.poll() is None:
                time.sleep(0.05)
            running.send_signal(signal.SIGKILL)
        reached.append(count(sql))

    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    report = json.loads(done.stdout)

    assert 0 < reached[0] < LINES, reached
    assert (done.returncode, report["errors"]) == (0, []), done.stderr
    assert report["imported"] + report["taken_before"] == LINES
    assert report["taken_before"] >= reached[-1]
    assert count(sql) == LINES
    assert sql("SELECT count(*), count(DISTINCT session_id) FROM events") == [(LINES, LINES)]
    assert sql("SELECT sum(value) FROM session_counters") == [(LINES,)]
    assert sql("SELECT count(*) FROM users") == [(997 * TENANTS,)]


def count(sql: Sql) -> int:
    return int(sql("SELECT count(*) FROM sessions")[0][0])
