"""A real application on a real database of either engine, with a clock that the test sets.

Answers are held against the contract with undeclared members refused; an answer that breaks it fails the test.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import jwt
import pytest
from connexion.exceptions import ResolverError

from sojourn.app import create_app
from sojourn.openapi.loader import load_bundle
from sojourn.settings import Settings

API_KEY = "internal-key-for-the-tests-0123456789"
JWT_SECRET = "a-secret-of-at-least-thirty-two-bytes!"
REFRESH_SECRET = "another-secret-of-at-least-thirty-two-bytes"
START = datetime(2026, 4, 15, 8, 0, 0, tzinfo=UTC)


@cache
def our_contract() -> dict[str, Any]:
    """The contract, read once: each test makes an application, and reading is half of what that takes."""
    return load_bundle()


class FrozenClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move on by a timedelta given in its keywords."""
        self.now += timedelta(**span)


class Client:
    """The application as its callers see it: requests over ASGI in, answers out."""

    def __init__(self, settings: Settings, clock: FrozenClock, **parts: Any) -> None:
        self.clock = clock
        self.url = settings.database_url
        self.app = create_app(settings, clock=clock, closed_responses=True, **{"contract": our_contract(), **parts})
        self._loop = asyncio.new_event_loop()
        try:
            self._lifespan = self._loop.run_until_complete(self._start())
        except ResolverError as error:  # every test would fail, each with the same traceback
            self._loop.close()
            pytest.exit(f"{error}: write it in handlers/, as CONTRIBUTING.md shows", returncode=1)

    async def _start(self) -> Any:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        started: asyncio.Future[None] = self._loop.create_future()
        stopped: asyncio.Future[None] = self._loop.create_future()

        async def send(message: dict[str, Any]) -> None:
            match message["type"]:
                case "lifespan.startup.complete":
                    started.set_result(None)
                case "lifespan.shutdown.complete":
                    stopped.set_result(None)
                case other:
                    started.set_exception(RuntimeError(f"{other}: {message.get('message')}"))

        task = self._loop.create_task(self.app({"type": "lifespan", "state": {}}, queue.get, send))
        await queue.put({"type": "lifespan.startup"})
        await asyncio.wait((started, task), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task  # raises what kept the application from being built
        await started
        return queue, stopped, task

    def close(self) -> None:
        """Shut the application down as a server would."""
        queue, stopped, task = self._lifespan

        async def stop() -> None:
            await queue.put({"type": "lifespan.shutdown"})
            await stopped
            await task

        self._loop.run_until_complete(stop())
        self._loop.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; keywords as httpx has them."""

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
            before = asyncio.all_tasks()
            async with httpx.AsyncClient(transport=transport, base_url="http://sojourn.test") as client:
                response = await client.request(method, path, **options)
            # What a request leaves to be done (an activity is written later) goes on in a server; here the loop stops.
            if left := asyncio.all_tasks() - before:
                await asyncio.wait(left, timeout=30)
            return response

        return self._loop.run_until_complete(run())

    def gather(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Many requests at once."""

        async def run() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://sojourn.test") as client:
                return await asyncio.gather(
                    *(client.request(method, path, **options) for method, path, options in requests)
                )

        return self._loop.run_until_complete(run())

    def internal(self, method: str, path: str, tenant: str = "acme", **options: Any) -> httpx.Response:
        """A request of an internal service."""
        headers = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant, **options.pop("headers", {})}
        return self.request(method, path, headers=headers, **options)

    def as_user(self, method: str, path: str, user: str, tenant: str = "acme", **options: Any) -> httpx.Response:
        """A request with the bearer token of a user."""
        token = self.token(user, tenant, options.pop("roles", ()))
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return self.request(method, path, headers=headers, **options)

    def as_admin(self, method: str, path: str, tenant: str = "acme", **options: Any) -> httpx.Response:
        """A request with the bearer token of the tenant's administrator."""
        return self.as_user(method, path, "root", tenant, roles=["admin"], **options)

    def token(self, user: str, tenant: str = "acme", roles: Any = (), **claims: Any) -> str:
        """A bearer token, good for an hour."""
        body = {
            "sub": user,
            "tenant_id": tenant,
            "roles": list(roles),
            "iat": int(self.clock.now.timestamp()),
            "exp": int((self.clock.now + timedelta(hours=1)).timestamp()),
            **claims,
        }
        return jwt.encode(body, JWT_SECRET, algorithm="HS256")

    def create(self, user: str = "usr_abc123", tenant: str = "acme", **facts: Any) -> dict[str, Any]:
        """A new session of a user, as the create operation answers it."""
        response = self.internal("POST", "/internal/session/create", tenant, json={"auth_user_id": user, **facts})
        assert response.status_code == 201, response.text
        session: dict[str, Any] = response.json()["data"]["session"]
        return session


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    """The environment of the application under test."""
    secret = {} if database_url.startswith("sqlite:") else {"SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    return secret | {
        "SOJOURN_DATABASE_URL": database_url,
        "SOJOURN_INTERNAL_API_KEYS": API_KEY,
        "SOJOURN_JWT_SECRET": JWT_SECRET,
        "SOJOURN_LOGOUT_AUDIENCE": "shop-web",
        "SOJOURN_RESPONSE_VALIDATION": "enforce",
        "SOJOURN_TOUCH_INTERVAL": "10ms",
        "SOJOURN_STREAM_MAX_AGE": "10ms",
    }


@pytest.fixture
def start(clock: FrozenClock, environ: dict[str, str]) -> Iterator[Callable[..., Client]]:
    """Starts applications with other settings or parts: `start(SOJOURN_BASE_PATH="/api")`, `start(contract=...)`."""
    clients: list[Client] = []

    def starter(**options: Any) -> Client:
        settings = {name: value for name, value in options.items() if name.startswith("SOJOURN_")}
        parts = {name: value for name, value in options.items() if name not in settings}
        clients.append(Client(Settings.from_env({**environ, **settings}), clock, **parts))
        return clients[-1]

    yield starter
    for client in clients:
        client.close()


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """The application with the settings of `environ`, and a noise tenant full of look-alikes."""
    started = start()
    for user in ("usr_abc123", "usr_other"):
        started.create(user, "noise", device_type="desktop", device_id="dev_abc123")
    return started


@pytest.fixture(autouse=True)
def no_unexpected_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An error in the log (a traceback, a broken promise of the contract) fails the test."""
    yield
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, json.dumps(errors, indent=2)
