"""Retries with an Idempotency-Key against a real process that is killed half way."""

import http.client
import json
import threading
import time
from pathlib import Path

from tests.live import API_KEY, REFRESH_SECRET, LiveServer

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
CLIENTS = 6
SECONDS = 60


def ask(port: int, method: str, path: str, **more: str) -> tuple[int, bytes]:
    """A request on a connection of its own, so that any worker may get it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    body = more.pop("body", None)
    connection.request(method, path, body, {**HEADERS, **{name.replace("_", "-"): text for name, text in more.items()}})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, answer


def create(port: int, user: str, key: str) -> tuple[int, bytes]:
    body = json.dumps({"auth_user_id": user})
    return ask(port, "POST", "/internal/session/create", body=body, Idempotency_Key=key)


def active(port: int, user: str) -> int:
    status, answer = ask(port, "GET", f"/internal/session/sessions/{user}/active")
    assert status == 200
    count: int = json.loads(answer)["session_count"]
    return count


def test_a_server_that_is_killed_leaves_the_effect_with_its_answer_or_neither(
    database_url: str, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path, SOJOURN_DATABASE_URL=database_url, SOJOURN_REFRESH_SECRET=REFRESH_SECRET)
    asked: list[tuple[str, bytes | None]] = []

    def work(number: int) -> None:
        for turn in range(10_000):
            user = f"usr_{number}_{turn}"
            try:
                status, answer = create(server.port, user, user)
                assert status == 201
            except (OSError, http.client.HTTPException):
                asked.append((user, None))
                return
            asked.append((user, answer))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS
    while len(asked) <= 30 and time.monotonic() < deadline:
        time.sleep(0.02)
    server.kill()
    for thread in threads:
        thread.join()
    server.restart()

    for user, answer in asked[-30:]:
        status, again = create(server.port, user, user)
        assert status == 201
        assert answer in (None, again)
        assert active(server.port, user) == 1
    assert sum(answer is None for _, answer in asked) == CLIENTS
    server.stop()
