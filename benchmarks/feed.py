"""The feed of events: how soon an event is seen, and what the snapshot for verifiers costs.

`python -m benchmarks.feed --engine sqlite` (or `postgresql`) starts one worker on an empty database, ends sessions one
by one beside a reader who polls, then fills the tables and asks for the snapshot. It prints one line for each figure.
"""

import argparse
import gzip
import http.client
import json
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, load_average
from benchmarks.processes import cpu_seconds
from tests import postgres
from tests.live import API_KEY, REFRESH_SECRET, LiveServer

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
LIVE, TOKENS = 10_000, 1_000_000
ASKED = 30
"""How often the snapshot is asked for."""

# A session's key is a UUID version 7 of a time that is over; hash and token are of the form that ours have.
_EVENT = (
    "INSERT INTO events (tenant_id, id, type, number, occurred_at, recorded_at, session_id, user_id, reason_code,"
    " initiated_by, forget_at) SELECT 'acme', 'evt_live_' || n, 'session.ended', {start} + n, '{now}', '{now}', {key},"
    " 'user_' || n, 'signed_out', 'user', '{later}' FROM {numbers}"
)
_TOKEN = (
    "INSERT INTO issued_tokens (tenant_id, id, user_id, token_type, token_hash, created_at, expires_at)"
    " SELECT 'acme', 'tok_' || n, 'user_' || n % 10000, 'access', 'hash_' || n, '{now}', '{later}' FROM {numbers}"
)
_SQLITE = "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {most}) SELECT n FROM c)"
_POSTGRESQL = "generate_series(1, {most}) n"
_KEYS = {
    "sqlite": "printf('01968a3c-%04x-7000-8000-%012x', n / 65536, n * 2654435761 % 281474976710656)",
    "postgresql": "('01968a3c-0000-7000-8000-' || substr(md5(n::text), 1, 12))::uuid",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--ends", type=int, default=300, help="so many sessions are ended beside the reader")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="so many tokens are in the inventory")
    given = parser.parse_args()
    print(f"{describe_machine()}, load {load_average():.1f}")
    with tempfile.TemporaryDirectory() as folder, _database(given.engine) as (settings, run):
        server = LiveServer(Path(folder), SOJOURN_RESPONSE_VALIDATION="off", SOJOURN_LOG_LEVEL="warning", **settings)
        try:
            seen = sorted(_seen(server, given.ends))
            print(
                f"{given.engine}: an end is seen by who polls after {statistics.median(seen) * 1000:.0f} ms,"
                f" p99 {seen[int(len(seen) * 0.99)] * 1000:.0f} ms, at most {seen[-1] * 1000:.0f} ms"
            )
            run = run or _sqlite_of(Path(folder) / "sojourn.db")
            _fill(given.engine, run, tokens=given.tokens)
            before = cpu_seconds(server.process.pid)
            size, times = _snapshot(server)
            cpu = (cpu_seconds(server.process.pid) - before) / ASKED
            print(
                f"{given.engine}: the snapshot of {LIVE} refusals among {given.tokens} tokens: {size[0] / 1000:.0f} kB,"
                f" {size[1] / 1000:.0f} kB compressed, takes {statistics.median(times) * 1000:.0f} ms"
                f" (at least {min(times) * 1000:.0f}), and {cpu * 1000:.0f} ms of the worker's processor"
            )
        finally:
            server.stop()


@contextmanager
def _database(engine: str) -> Iterator[tuple[dict[str, str], Any]]:
    """The settings that name an empty database, and what runs a statement there, where that is known by now."""
    if engine == "sqlite":
        yield {}, None
        return
    with postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
        name = cluster.create()
        settings = {"SOJOURN_DATABASE_URL": cluster.url(name), "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
        yield settings, lambda text: cluster.command(text, name)


def _sqlite_of(path: Path) -> Any:
    def run(text: str) -> list[Any]:
        with sqlite3.connect(path, timeout=60) as connection:
            found = connection.execute(text).fetchall()
        connection.close()
        return found

    return run


def _ask(connection: http.client.HTTPConnection, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    body = more.get("body")
    headers = HEADERS | more.get("headers", {}) | ({"Content-Type": "application/json"} if body else {})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _seen(server: LiveServer, ends: int) -> list[float]:
    """For how many seconds an end was not seen after it was answered."""
    told: dict[str, float] = {}
    answered: dict[str, float] = {}
    over = threading.Event()
    writer = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    sessions = []
    for number in range(ends):
        status, body = _ask(writer, "POST", "/internal/session/create", body={"auth_user_id": f"user_{number}"})
        assert status == 201, body
        sessions.append(json.loads(body)["data"]["session"]["id"])
    first = json.loads(_ask(writer, "GET", "/internal/events?types=session.ended&limit=1")[1])["next_cursor"]

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        cursor = first
        while not over.is_set():
            _, body = _ask(connection, "GET", f"/internal/events?types=session.ended&wait=5s&limit=500&after={cursor}")
            now, page = time.perf_counter(), json.loads(body)
            cursor = page["next_cursor"]
            told.update((event["data"]["session_id"], now) for event in page["items"])

    reader = threading.Thread(target=read)
    reader.start()
    dice = random.Random(7)
    for session in sessions:
        status, body = _ask(writer, "DELETE", f"/internal/session/{session}")
        assert status == 204, body
        answered[session] = time.perf_counter()
        time.sleep(dice.random() * 0.1)
    deadline = time.monotonic() + 60
    while len(told) < ends and time.monotonic() < deadline:
        time.sleep(0.01)
    over.set()
    reader.join()
    assert len(told) == ends, f"{len(told)} of {ends} ends were told"
    return [max(0.0, told[session] - answered[session]) for session in sessions]


def _fill(engine: str, run: Any, *, tokens: int) -> None:
    numbers = _SQLITE if engine == "sqlite" else _POSTGRESQL
    now, later = (
        time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds)) for seconds in (0, 36_000)
    )
    ((start,),) = run("SELECT max(number) FROM events")
    common = {"now": now, "later": later, "start": start, "key": _KEYS[engine]}
    run(_EVENT.format(numbers=numbers.format(most=LIVE), **common))
    run(_TOKEN.format(numbers=numbers.format(most=tokens), **common))
    run("ANALYZE")


def _snapshot(server: LiveServer) -> tuple[tuple[int, int], list[float]]:
    """How many bytes it has, and compressed; and the seconds of each request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    times, body = [], b""
    for _ in range(ASKED):
        began = time.perf_counter()
        status, body = _ask(connection, "GET", "/internal/revocations", headers={"Accept-Encoding": "gzip"})
        times.append(time.perf_counter() - began)
        assert status == 200, body
    whole = gzip.decompress(body)
    assert len(json.loads(whole)["items"]) >= LIVE
    return (len(whole), len(body)), times


if __name__ == "__main__":
    main()
