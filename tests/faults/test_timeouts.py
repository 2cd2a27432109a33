"""The job that lets rows follow a shorter time-out is killed: nobody is taken meanwhile, and each end is told once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.services import Service
from tests.faults.test_plans import FINISHED_WITHIN, KILLS, SESSIONS, ask, fill

Sql = Callable[[str], list[tuple[Any, ...]]]


def test_a_shorter_timeout_whose_job_is_killed_goes_on_by_itself(
    serve: Callable[..., Service], database_url: str, sql: Sql, tmp_path: Path
) -> None:
    service = serve(database_url)
    fill(service, tmp_path / "sessions.jsonl")  # they began minutes ago
    ask(service, "PUT", "/admin/policies/sessions", {"absolute_timeout": "1m"})

    reached = []
    for _ in range(KILLS):
        before = followed(sql)
        while followed(sql) == before:
            time.sleep(0.01)
        service.kill_workers()
        reached.append(followed(sql))
        stats = ask(service, "GET", "/admin/sessions/stats")
        assert (stats["active_sessions"], stats["expired_sessions"]) == (0, SESSIONS), "all the while"

    deadline = time.monotonic() + FINISHED_WITHIN
    while (now := followed(sql)) != SESSIONS:
        assert time.monotonic() < deadline, now
        time.sleep(0.2)
    assert 0 < reached[0] < SESSIONS, "it was killed half way"
    told = "SELECT count(*), count(DISTINCT session_id) FROM events WHERE type = 'session.ended'"
    assert sql(told) == [(SESSIONS, SESSIONS)]
    assert sql("SELECT sum(value) FROM session_counters WHERE kind = 'expired'") == [(SESSIONS,)]
    assert ask(service, "GET", "/admin/sessions?status=expired")["items"][0]["reason_code"] == "absolute_timeout"
    assert "unexpected error" not in service.log.read_text()


def followed(sql: Sql) -> int:
    """How many rows say that the session is over."""
    return int(sql("SELECT count(*) FROM sessions WHERE due_at IS NULL")[0][0])
