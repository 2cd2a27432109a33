"""Real servers on one database, ended as a power cut would: each event arrives, under the one id that it has."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.live import API_KEY, JWT_SECRET, LiveServer
from tests.receiver import Receiver, status, until

SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
TYPES = ["session.created", "session.ended"]


class Server(LiveServer):
    """It may send to this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SOJOURN_WEBHOOK_ALLOW="127.0.0.1")

    def ask(self, method: str, path: str, **options: Any) -> Any:
        response = httpx.request(method, self.url + path, timeout=60, **{"headers": SERVICE, **options})
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def admin(self, method: str, path: str, **options: Any) -> Any:
        now = int(time.time())
        claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "iat": now - 5, "exp": now + 3600}
        token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
        return self.ask(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    def lives_and_ends(self, user: str) -> str:
        """A session that begins and ends."""
        session: str = self.ask("POST", "/internal/session/create", json={"auth_user_id": user})["data"]["session"][
            "id"
        ]
        self.ask("DELETE", f"/internal/session/{session}")
        return session

    def hook(self, url: str) -> str:
        self.ask("POST", "/internal/session/create", json={"auth_user_id": "first"})
        made: str = self.admin("POST", "/admin/webhooks", json={"url": url, "events": TYPES})["id"]
        return made

    def events_of(self, sessions: list[str]) -> set[str]:
        items = self.ask("GET", "/internal/events", params={"limit": 500, "types": ",".join(TYPES)})["items"]
        return {item["id"] for item in items if item["data"]["session_id"] in sessions}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    started: list[Server] = []

    def start() -> Server:
        started.append(Server(tmp_path))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def in_order(receiver: Receiver, session: str) -> bool:
    """Whether the end of a session was never told before its beginning."""
    told = [one.said["type"] for one in receiver.received if one.said["data"]["session_id"] == session]
    return "session.ended" not in told[: told.index("session.created")]


def test_a_server_that_is_killed_between_commit_and_send_loses_nothing(
    servers: Callable[[], Server], receiver: Receiver
) -> None:
    def never(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(60)

    receiver.default = never
    server = servers()
    server.hook(receiver.url)
    sessions = [server.lives_and_ends(f"usr_{number}") for number in range(12)]
    until(lambda: receiver.ids)
    server.kill()
    receiver.default = status(204)
    server.restart()

    wanted = server.events_of(sessions)
    assert len(wanted) == 24
    until(lambda: set(receiver.ids) >= wanted, 120)

    assert set(receiver.ids) == wanted
    assert all(in_order(receiver, session) for session in sessions)


def test_two_copies_that_serve_tell_each_event_and_none_under_another_id(
    servers: Callable[[], Server], receiver: Receiver
) -> None:
    one, two = servers(), servers()
    one.hook(receiver.url)
    sessions = [server.lives_and_ends(f"usr_{number}") for number in range(12) for server in (one, two)]

    wanted = one.events_of(sessions)
    assert len(wanted) == 48
    until(lambda: set(receiver.ids) >= wanted, 120)

    assert set(receiver.ids) == wanted
    assert all(in_order(receiver, session) for session in sessions)
