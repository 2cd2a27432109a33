"""What was acknowledged with 201 is there after the process was killed."""

import http.client
import json
import threading
import time
from pathlib import Path

from tests.live import API_KEY, LiveServer

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Content-Type": "application/json"}
CLIENTS = 8


def create_until_it_breaks(port: int, user: str, acknowledged: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"auth_user_id": user})
    try:
        while True:
            connection.request("POST", "/internal/session/create", body, HEADERS)
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert response.status == 201
            acknowledged.append(answer["data"]["session"]["id"])
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()


def test_a_killed_server_loses_no_acknowledged_session(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    acknowledged: list[list[str]] = [[] for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=create_until_it_breaks, args=(server.port, f"usr_{number}", acknowledged[number]))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while sum(map(len, acknowledged)) <= 50 and time.monotonic() < deadline:
        time.sleep(0.05)
    server.kill()
    for thread in threads:
        thread.join()
    server.restart()
    lost = 0
    for number, ids in enumerate(acknowledged):
        kept = listed(server.port, f"usr_{number}")
        lost += len(set(ids) - kept)
        assert len(kept) - len(ids) <= 1  # at most the one that was under way

    total = sum(map(len, acknowledged))
    print(f"acknowledged {total}, lost {lost}")
    assert total > 50
    assert lost == 0
    server.stop()


def listed(port: int, user: str) -> set[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found: set[str] = set()
    page = 1
    while True:
        connection.request("GET", f"/internal/session/sessions/{user}?page={page}&page_size=500", headers=HEADERS)
        answer = json.loads(connection.getresponse().read())
        found |= {item["id"] for item in answer["items"]}
        if not answer["pagination"]["has_next"]:
            connection.close()
            return found
        page += 1
