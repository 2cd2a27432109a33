"""Where the time of one request goes, inside the process: `python -m benchmarks.request_profile [operation]`.

The application is called directly, without a socket, on a small database; cProfile's figures are grouped by the part
of the pipeline they belong to. A profiler makes everything slower, small functions most of all: read the shares.
"""

import asyncio
import cProfile
import logging
import pstats
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import jwt

from sojourn.app import create_app
from sojourn.settings import Settings

API_KEY, SECRET, TENANT, USER = "k" * 20, "s" * 40, "acme", "usr_1"
REQUESTS = 3000
PARTS = (
    ("sqlite3", "SQLite: the statements themselves"),
    ("/storage/", "storage: unit of work, rows"),
    ("/handlers/", "handlers and views"),
    ("orjson", "JSON of the answer"),
    ("json/decoder", "JSON of the request"),
    ("jsonschema_rs", "schemas: accept fast"),
    ("/sojourn/authentication/", "authentication"),
    ("hashlib", "authentication"),
    ("/sojourn/pipeline/security", "authentication"),
    ("/sojourn/pipeline/routing", "routing"),
    ("/sojourn/pipeline/parameters", "parameters"),
    ("/sojourn/pipeline/", "pipeline: the rest"),
    ("/sojourn/observability/tracing", "request id"),
    ("isoformat", "instants"),
    ("/domain/", "domain"),
)

Call = Callable[[], Awaitable[int]]


def scope(method: str, path: str, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> dict[str, Any]:
    """An ASGI scope as uvicorn makes it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers,
    }


class Application:
    """The application, started, on a database of its own."""

    def __init__(self, folder: str) -> None:
        settings = Settings.from_env(
            {
                "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/profile.db",
                "SOJOURN_INTERNAL_API_KEYS": API_KEY,
                "SOJOURN_JWT_SECRET": SECRET,
                "SOJOURN_RESPONSE_VALIDATION": "off",
            }
        )
        self._app = create_app(settings)

    async def start(self) -> None:
        """Run the lifespan's first half."""
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        started = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            started.set()

        self._lifespan = asyncio.create_task(self._app({"type": "lifespan", "state": {}}, queue.get, send))
        await queue.put({"type": "lifespan.startup"})
        await started.wait()

    async def call(self, request: dict[str, Any], body: bytes = b"") -> int:
        """Send one request; the answer's status."""
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._app(request, receive, send)
        return status


def operations(app: Application) -> dict[str, Call]:
    """The four measured operations."""
    internal = [(b"x-api-key", API_KEY.encode()), (b"x-tenant-id", TENANT.encode()), (b"accept", b"*/*")]
    body = b'{"auth_user_id": "usr_2", "amr": ["pwd"], "ip": "192.0.2.1", "device_type": "desktop"}'
    json_headers = [*internal, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    claims = {"sub": "root", "tenant_id": TENANT, "roles": ["admin"], "exp": int(time.time()) + 3600}
    bearer = [(b"authorization", b"Bearer " + jwt.encode(claims, SECRET, algorithm="HS256").encode())]
    path = f"/internal/session/sessions/{USER}"
    return {
        "active": lambda: app.call(scope("GET", f"{path}/active", internal)),
        "list": lambda: app.call(scope("GET", path, internal, b"page=1&page_size=10")),
        "create": lambda: app.call(scope("POST", "/internal/session/create", json_headers), body),
        "stats": lambda: app.call(scope("GET", "/admin/sessions/stats", bearer)),
        "fill": lambda: app.call(
            scope("POST", "/internal/session/create", json_headers), body.replace(b"usr_2", USER.encode())
        ),
    }


def part_of(file: str, function: str) -> str:
    """The part of the pipeline that a profiled function belongs to."""
    name = f"{file}:{function}"
    return next((part for mark, part in PARTS if mark in name), "event loop and the rest")


async def profile(name: str) -> None:
    """Print the shares of one operation."""
    with tempfile.TemporaryDirectory() as folder:
        app = Application(folder)
        await app.start()
        calls = operations(app)
        for _ in range(10):
            await calls["fill"]()
        started = time.perf_counter()
        for _ in range(REQUESTS):
            await calls[name]()
        plain = (time.perf_counter() - started) / REQUESTS * 1e6
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(REQUESTS):
            await calls[name]()
        profiler.disable()
    shares: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        shares[part_of(file, function)] += own
    total = sum(shares.values())
    print(f"{name}: {plain:.0f} µs in the process, one at a time, without the profiler")
    for part, seconds in shares.most_common():
        print(f"  {seconds / total:6.1%}  {part}")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for operation in sys.argv[1:] or ("active", "list", "create", "stats"):
        asyncio.run(profile(operation))
