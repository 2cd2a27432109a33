"""Sessions that begin and end while something breaks, and what the service says of them to those who follow."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt

from tests.faults.services import Service
from tests.live import API_KEY, JWT_SECRET
from tests.receiver import until

SERVICE = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
TYPES = ("session.created", "session.ended")
SOME, SOME_SECONDS = 16, 120
_PLACES = {"sqlite:": "SQLite", "port=6432": "PostgreSQL, pooled"}


def engine_of(service: Service) -> str:
    """The name of the engine in the tables."""
    url = service.environ["SOJOURN_DATABASE_URL"]
    return next((name for part, name in _PLACES.items() if part in url), "PostgreSQL")


class Traffic:
    """Sessions that begin and end, one after the other, until it is told to stop. Every fifth lives on."""

    def __init__(self, *services: Service, threads: int = 1, pause_seconds: float = 0.05) -> None:
        self._services = services
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(name,), daemon=True) for name in range(threads)]
        self.living: list[str] = []
        self.ended: list[str] = []
        """Sessions whose end was acknowledged."""
        self.unknown: list[str] = []
        """Sessions whose end was asked for and not acknowledged."""

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def go_on(self) -> None:
        """Wait until some more sessions have begun and ended."""
        count = len(self.ended) + SOME
        until(lambda: len(self.ended) >= count, SOME_SECONDS)

    def _run(self, name: int) -> None:
        number = 0
        with httpx.Client(headers=SERVICE, timeout=30) as client:
            while not self._stop.wait(self._pause_seconds):
                service, number = self._services[number % len(self._services)], number + 1
                session = self._created(client, service, user=f"usr_{name}_{number}")
                if session is None:
                    continue
                if number % 5 == 0:
                    self.living.append(session)
                elif _asked(client, "DELETE", f"{service.url}/internal/session/{session}") is not None:
                    self.ended.append(session)
                else:
                    self.unknown.append(session)

    def _created(self, client: httpx.Client, service: Service, *, user: str) -> str | None:
        answer = _asked(client, "POST", f"{service.url}/internal/session/create", json={"auth_user_id": user})
        made: str | None = None if answer is None else answer.json()["data"]["session"]["id"]
        return made


def _asked(client: httpx.Client, method: str, url: str, **options: Any) -> httpx.Response | None:
    """The answer; None where it was refused or none came, as may be while something is broken."""
    try:
        answer = client.request(method, url, **options)
    except httpx.HTTPError:
        return None
    return answer if answer.is_success else None


def administer(service: Service, method: str, path: str, **options: Any) -> Any:
    """What the administrator is answered; by this machine's clock, wherever the service's stands."""
    now = int(time.time())
    claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "iat": now - 4500, "exp": now + 7200}
    token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
    answer = httpx.request(
        method, service.url + path, timeout=60, headers={"Authorization": f"Bearer {token}"}, **options
    )
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def pages_of(service: Service, types: tuple[str, ...] = TYPES) -> Iterator[dict[str, Any]]:
    """Every page of the events that there are."""
    query: dict[str, Any] = {"limit": 500, "types": ",".join(types)}
    while True:
        answer = httpx.get(f"{service.url}/internal/events", headers=SERVICE, params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        query["after"] = page["next_cursor"]
        if not page["has_more"]:
            return


def events_of(service: Service) -> list[dict[str, Any]]:
    """Every event that there is."""
    return [event for page in pages_of(service) for event in page["items"]]
