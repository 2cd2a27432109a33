"""A read of very many rows holds up nobody: others are answered while it runs."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.live import API_KEY, LiveServer
from tests.strictness.conftest import TENANT, USER, Prepared

TOKENS = 400_000
SESSIONS = 15_000
FETCH = """
import json, shutil, sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), json.loads(sys.argv[3]))
shutil.copyfileobj(urllib.request.urlopen(request, timeout=60), sys.stdout.buffer)
"""
MANY = "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {count})"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server on SQLite whose tenant has hundreds of thousands of tokens, and one user thousands of sessions."""
    server = LiveServer(tmp_path_factory.mktemp("full"))
    prepared = Prepared(server)
    prepared.fresh()
    server.kill()
    with sqlite3.connect(server.folder / "sojourn.db") as connection:
        copy(connection, "issued_tokens", TOKENS, id="'tok_' || printf('%032x', n)", token_hash="printf('%064x', n)")
        ids = "printf('%08x-0000-7000-8000-000000000000', n)"
        copy(connection, "sessions", SESSIONS, id=ids, user_id=f"'{USER}'")
    connection.close()
    server.restart()
    yield prepared
    assert server.stop() in (0, -signal.SIGTERM)


def copy(connection: sqlite3.Connection, table: str, count: int, **own: str) -> None:
    """Many rows like the first one of a table, each with values of its own in some columns."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(own.get(column, f"old.{column}") for column in columns)
    source = f"many, (SELECT * FROM {table} WHERE tenant_id = '{TENANT}' ORDER BY id LIMIT 1) AS old"
    into = f"INSERT INTO {table} ({', '.join(columns)})"
    connection.execute(f"{into} {MANY.format(count=count)} SELECT {values} FROM {source}")


def longest_wait_during(server: LiveServer, work: Callable[[], None]) -> tuple[float, float]:
    """The longest time that somebody else waited for an answer, and how long the work took."""
    longest, done = 0.0, threading.Event()

    def ask() -> None:
        nonlocal longest
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not done.is_set():
                begun = time.monotonic()
                assert client.get("/health/live").status_code == 200
                longest = max(longest, time.monotonic() - begun)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    longest = 0.0
    begun = time.monotonic()
    work()
    took = time.monotonic() - begun
    done.set()
    asking.join()
    return longest, took


def test_nobody_waits_for_the_inventory_of_tokens(full: Prepared) -> None:
    headers = {"Authorization": f"Bearer {full.credentials['token']}"}

    def read() -> None:
        found = httpx.get(f"{full.server.url}/admin/tokens?status=expired", headers=headers, timeout=60)
        assert found.status_code == 200, found.text

    longest, took = longest_wait_during(full.server, read)

    print(f"longest wait {longest * 1000:.0f} ms during {took * 1000:.0f} ms")
    assert longest < max(0.1, took / 3)


def test_nobody_waits_for_the_export_of_a_user(full: Prepared) -> None:
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": TENANT}

    data = json.dumps({"user_id": USER})
    found = b""

    def export() -> None:  # in a process of its own: to read so much would hold up the other thread of this one
        nonlocal found
        url = f"{full.server.url}/internal/session/export-user-data"
        arguments = (url, data, json.dumps({**headers, "Content-Type": "application/json"}))
        found = subprocess.run([sys.executable, "-c", FETCH, *arguments], check=True, capture_output=True).stdout

    longest, took = longest_wait_during(full.server, export)

    document = json.loads(found)
    assert document["total"] == len(document["sessions"]) > SESSIONS
    print(f"longest wait {longest * 1000:.0f} ms during {took * 1000:.0f} ms")
    assert longest < max(0.1, took / 3)
