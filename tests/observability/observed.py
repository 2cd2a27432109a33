"""A server whose metrics are read."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import jwt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.live import JWT_SECRET, LiveServer, free_port

TRUST = ssl.create_default_context()
"""One for all: to make it takes longer than a request."""
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Observed(LiveServer):
    """A server whose metrics are read."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.metrics_port = free_port()
        super().__init__(folder, *arguments, SOJOURN_METRICS_PORT=str(self.metrics_port), **settings)

    def read(self) -> Series:
        """Every sample."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.metrics_port}/metrics", headers=OPENMETRICS, timeout=30, verify=TRUST
        )
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def bearer(self, user: str, *roles: str) -> dict[str, str]:
        """The header of a user's token."""
        now = int(time.time())
        claims = {"sub": user, "tenant_id": "acme", "roles": list(roles), "iat": now - 5, "exp": now + 3600}
        return {"Authorization": f"Bearer {jwt.encode(claims, JWT_SECRET, algorithm='HS256')}"}

    def value(self, name: str, **labels: str) -> float:
        """One sample; 0 before there is any."""
        return self.read().get((name, frozenset(labels.items())), 0.0)

    def awaits(self, holds: Callable[["Observed"], bool], seconds: float = 120) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not holds(self):
            assert time.monotonic() < deadline, self.read()
            time.sleep(0.1)
