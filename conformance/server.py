"""The server under judgement: started for the run, or given by its address.

Only the command line and HTTP are used: nothing of the server is imported.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 30
TENANTS = ("acme", "globex")
USER = "usr_conformance"


@dataclass(frozen=True, slots=True)
class Target:
    """A server that answers at `url`, an API key good for both tenants, an administrator's token for each."""

    url: str
    api_key: str
    tokens: dict[str, str]


class OwnServer:
    """`sojourn serve` on a free port, with a fresh database in `folder`."""

    def __init__(self, folder: Path, command: tuple[str, ...] = (sys.executable, "-m", "sojourn")) -> None:
        self._command = command
        self._log = folder / "server.log"
        self._port = _free_port()
        self._api_key = secrets.token_urlsafe(32)
        self._environ = {
            **os.environ,
            "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/conformance.db",
            "SOJOURN_INTERNAL_API_KEYS": self._api_key,
            "SOJOURN_JWT_SECRET": secrets.token_urlsafe(32),
            "SOJOURN_RESPONSE_VALIDATION": "off",
            "SOJOURN_BODY_TIMEOUT": "5s",
        }

    def __enter__(self) -> Target:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "serve", "--port", str(self._port)],
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        url = f"http://127.0.0.1:{self._port}"
        _wait_until_ready(url, self._process, self._log)
        return Target(url, self._api_key, {tenant: self._token(tenant) for tenant in TENANTS})

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(20) not in (0, -signal.SIGTERM):
            raise RuntimeError(f"the server ended badly:\n{self._log.read_text()}")

    @property
    def log_text(self) -> str:
        """Everything the server has logged so far."""
        return self._log.read_text()

    def _token(self, tenant: str) -> str:
        done = subprocess.run(
            [*self._command, "token", "--tenant", tenant, "--user", USER, "--role", "admin", "--ttl", "12h"],
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def post(target: Target, tenant: str, path: str, body: dict[str, Any]) -> Any:
    """One internal write; the answer's JSON. Raises HTTPError when it is refused."""
    request = urllib.request.Request(
        target.url + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "X-API-Key": target.api_key, "X-Tenant-ID": tenant},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def get(target: Target, tenant: str, path: str) -> Any:
    """One look of the tenant's administrator; the answer's JSON. Raises HTTPError when it is refused."""
    request = urllib.request.Request(target.url + path, headers={"Authorization": f"Bearer {target.tokens[tenant]}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
