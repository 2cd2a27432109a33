"""One live server with data for every operation to find."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import API_KEY, LiveServer

TENANT = "acme"
USER = "usr_abc123"


class Prepared:
    """A running server, the credentials it accepts and the ids it knows."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.credentials = {
            "api_key": API_KEY,
            "token": self.run("token", "--tenant", TENANT, "--user", USER, "--role", "admin"),
        }
        self.known = {"X-Tenant-ID": TENANT, "user_id": USER, "auth_user_id": USER, "slug": "validation-failed"}
        if "SOJOURN_TENANTS_PROVISIONED" not in server.environ:
            self.create_session()

    def create_session(self) -> str:
        """A new active session of the known user; its id."""
        answer = self._post("/internal/session/create", {"auth_user_id": USER})
        session_id: str = answer["data"]["session"]["id"]
        return session_id

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.server.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-API-Key": API_KEY, "X-Tenant-ID": TENANT},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)

    def run(self, *arguments: str) -> str:
        """What a command prints, run with the server's own settings."""
        command = [sys.executable, "-m", "sojourn", *arguments]
        return subprocess.run(
            command, env=self.server.environ, capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    server = LiveServer(tmp_path_factory.mktemp("strictness"))
    yield Prepared(server)
    assert server.stop() in (0, -signal.SIGTERM)
