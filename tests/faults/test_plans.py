"""The job that ends the rows of an applied plan is killed: it goes on by itself, and each end is told once."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

from tests.faults.services import REFRESH_SECRET, Service
from tests.live import JWT_SECRET

Sql = Callable[[str], list[tuple[Any, ...]]]
SESSIONS, KILLS = 8_000, 2
FINISHED_WITHIN = 120


def test_a_plan_whose_job_is_killed_goes_on_by_itself(
    serve: Callable[..., Service], database_url: str, sql: Sql, tmp_path: Path
) -> None:
    service = serve(database_url)
    fill(service, tmp_path / "sessions.jsonl")
    body = {"filter": {}, "everything": True, "reason": "drill"}
    plan = ask(service, "POST", "/admin/revocation-plans", body)
    applied = ask(service, "POST", f"/admin/revocation-plans/{plan['plan_id']}/apply", {})
    revocation = f"/admin/revocations/{applied['revocation_id']}"

    reached = []
    for _ in range(KILLS):
        before = ended(sql)
        while ended(sql) == before:
            time.sleep(0.01)
        service.kill_workers()
        reached.append(ended(sql))
        assert ask(service, "GET", "/admin/sessions/stats")["active_sessions"] == 0, "refused all the while"

    deadline = time.monotonic() + FINISHED_WITHIN
    while (now := ask(service, "GET", revocation))["state"] != "finished":
        assert time.monotonic() < deadline, now
        time.sleep(0.2)
    assert 0 < reached[0] < SESSIONS, "it was killed half way"
    assert (now["ended"], now["remaining"]) == (SESSIONS, 0)
    assert ended(sql) == SESSIONS
    told = "SELECT count(*), count(DISTINCT session_id) FROM events WHERE type = 'session.ended'"
    assert sql(told) == [(SESSIONS, SESSIONS)]
    assert sql("SELECT sum(value) FROM session_counters WHERE kind = 'revoked'") == [(SESSIONS,)]
    assert "unexpected error" not in service.log.read_text()


def fill(service: Service, file: Path) -> None:
    """Sessions that began a while ago, of a hundred users."""
    at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()  # noqa: TID251 - the command reads the clock, too
    with file.open("w") as out:
        for n in range(SESSIONS):
            facts = {"tenant_id": "acme", "user_id": f"u{n % 100}", "created_at": at}
            out.write(json.dumps({**facts, "source": "kratos", "source_id": str(n)}) + "\n")
    command = [sys.executable, "-m", "sojourn", "import", str(file), "--json"]
    environ = {**service.environ, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, json.loads(done.stdout)["imported"]) == (0, SESSIONS), done.stderr


def ended(sql: Sql) -> int:
    """How many rows say that the session was revoked."""
    return int(sql("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL")[0][0])


def ask(service: Service, method: str, path: str, body: Any = None) -> Any:
    """What an administrator is answered."""
    now = int(time.time())
    claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "iat": now, "exp": now + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, JWT_SECRET, algorithm='HS256')}"}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(f"{service.url}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
