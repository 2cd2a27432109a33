"""Questions to one tenant's registry through HTTP: many checks in one request, filters, and cursors deep in the list.

`python -m benchmarks.registry --sessions 1000000` fills a database of each engine and asks a real server. It prints one
line a question: the median and the fastest of the repetitions, and how many times the first page that is.
"""

import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from tests import postgres
from tests.live import API_KEY, REFRESH_SECRET, LiveServer

TENANT = "tnt_0001"
CHECKS = 500
OF_EACH = 12
"""How many active sessions each user has who is checked."""
ROWS = "/admin/sessions?count=none&page_size=100"
LIST = "/admin/sessions?count=none&limit=20"
FILTERS = {
    "user": "user_id={user_id}",
    "device": "device_id={device_id}",
    "status revoked": "status=revoked",
    "status expired": "status=expired",
    "device type": "device_type={device_type}",
    "address": "ip={ip}",
    "network of the address": "ip={ip}/24",
    "country": "country={country}",
    "method": "amr={method}",
    "part of the User-Agent": "user_agent_contains=mozilla",
    "application that nobody has": "app_id=nobody",
    "created before the middle": "created_before={middle}",
    "by activity": "sort=-last_active_at",
}


@contextmanager
def served(engine: str, sessions: int) -> Iterator[LiveServer]:
    """A server of the engine with so many sessions in one tenant."""
    with tempfile.TemporaryDirectory() as folder, _database(engine) as (where, settle):
        server = LiveServer(Path(folder), SOJOURN_RESPONSE_VALIDATION="off", **where)
        try:
            arguments = ["seed", "--yes", "--sessions", str(sessions), "--users", str(max(1, sessions // 20))]
            _run(server, *arguments, "--tenants", "1")
            settle()
            yield server
        finally:
            server.stop()


@contextmanager
def _database(engine: str) -> Iterator[tuple[dict[str, str], Callable[[], object]]]:
    """Settings that name an empty database, and what gives it the statistics that a planner has in operation."""
    if engine == "sqlite":
        yield {}, lambda: None  # which plans with fixed statistics
        return
    with postgres.cluster() as cluster:
        name = cluster.create()
        settings = {"SOJOURN_DATABASE_URL": cluster.url(name), "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
        yield settings, lambda: cluster.command("VACUUM ANALYZE", name)


def _run(server: LiveServer, *arguments: str) -> str:
    command = [sys.executable, "-m", "sojourn", *arguments]
    return subprocess.run(command, env=server.environ, check=True, capture_output=True, text=True).stdout.strip()


class Asker:
    """One connection, and who asks on it."""

    def __init__(self, server: LiveServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        token = _run(server, "token", "--tenant", TENANT, "--user", "root", "--role", "admin", "--ttl", "12h")
        self._admin = {"Authorization": f"Bearer {token}"}
        self._service = {"X-API-Key": API_KEY, "X-Tenant-ID": TENANT, "Content-Type": "application/json"}

    def list(self, path: str) -> Any:
        """What an administrator is answered."""
        return self._ask("GET", path, None, headers=self._admin)

    def check(self, body: bytes) -> Any:
        """What a service is answered."""
        return self._ask("POST", "/internal/session/active", body, headers=self._service)

    def _ask(self, method: str, path: str, body: bytes | None, *, headers: dict[str, str]) -> Any:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise click.ClickException(f"{method} {path}: {response.status} {content[:300]!r}")
        return json.loads(content)


def alike(asker: Asker, users: list[str]) -> list[str]:
    """As many users as one request checks whose numbers of active sessions are nearest to twelve."""
    numbers: dict[str, int] = {}
    for first in range(0, len(users), CHECKS):
        body = json.dumps({"user_ids": users[first : first + CHECKS]}).encode()
        numbers |= {item["id"]: item["session_count"] for item in asker.check(body)["items"]}
    chosen = sorted(users, key=lambda user: abs(numbers[user] - OF_EACH))[:CHECKS]
    mean = statistics.mean(numbers[user] for user in chosen)
    click.echo(f"  {len(chosen)} users have {mean:.1f} active sessions each")
    return random.Random(1).sample(chosen, len(chosen))


def timed(ask: Callable[[], Any], times: int) -> tuple[float, float]:
    """The median and the fastest of so many repetitions, in milliseconds."""
    ask()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), min(took)


def deep(asker: Asker, middle: str) -> str:
    """A cursor behind the first page of what began before an instant: many sessions deep."""
    path = f"{LIST}&created_before={middle}"
    cursor = asker.list(path)["pagination"]["next_cursor"]
    return f"{path}&cursor={cursor}"


def questions(asker: Asker) -> Iterator[tuple[str, str]]:
    """The name and the path of each question about the list."""
    rows = asker.list("/admin/sessions?page_size=100")["items"]
    row = next(
        row for row in rows if {"ip", "device_id", "device_type", "amr", "country"} <= row.keys() and "." in row["ip"]
    )
    newest = datetime.fromisoformat(rows[0]["created_at"])
    middle = (newest - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {**row, "method": row["amr"].partition(",")[0], "middle": middle}
    yield "first page", LIST
    yield "deep cursor", deep(asker, middle)
    for name, query in FILTERS.items():
        yield name, f"{LIST}&{query.format(**known)}"
    yield "first page, counted", "/admin/sessions?limit=20"
    yield "device type, counted in the window", f"/admin/sessions?limit=20&device_type={row['device_type']}"


@click.command()
@click.option("--sessions", default=1_000_000, show_default=True)
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
@click.option("--times", default=60, show_default=True, help="Repetitions of each question.")
def main(sessions: int, engines: tuple[str, ...], times: int) -> None:
    """Ask and print."""
    chance = random.Random(1)
    for engine in engines or ("sqlite", "postgresql"):
        with served(engine, sessions) as server:
            asker = Asker(server)
            click.echo(f"{engine}, {sessions:,} sessions of one tenant, {times} repetitions")
            rows = [row for page in range(1, 101) for row in asker.list(f"{ROWS}&page={page}")["items"]]
            users = alike(asker, list(dict.fromkeys(row["user_id"] for row in rows)))
            keys = chance.sample([row["id"] for row in rows], CHECKS)
            for name, body in (("users", {"user_ids": users}), ("sessions", {"session_ids": keys})):
                sent = json.dumps(body).encode()
                median, best = timed(partial(asker.check, sent), times)
                click.echo(
                    f"  {CHECKS} {name} in one request: {median:.2f} ms, fastest {best:.2f} ms, "
                    f"{median / CHECKS * 1000:.1f} and {best / CHECKS * 1000:.1f} µs each"
                )
            base = 0.0
            for name, path in questions(asker):
                median, best = timed(partial(asker.list, path), times)
                base = base or best
                click.echo(f"  {name}: {median:.2f} ms, fastest {best:.2f} ms, {best / base:.1f} times the first page")


if __name__ == "__main__":
    main()
