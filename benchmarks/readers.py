"""What many readers of the feed cost: verifiers that each keep a stream of events open, 1 beside 100 and 1,000.

`python -m benchmarks.readers --engine sqlite` (or `postgresql`) starts one worker. For each number, all readers take
the snapshot and open a stream at once; then sessions end at a fixed rate. It prints how soon readers had what they
begin with, what each of them takes of the server's memory, and how soon and at which cost an event reached them all.
"""

import argparse
import asyncio
import http.client
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.machine import describe_machine, load_average
from benchmarks.processes import cpu_seconds
from benchmarks.soak.growth import proportional_bytes
from tests import postgres
from tests.live import API_KEY, REFRESH_SECRET, LiveServer

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Accept": "application/json, text/event-stream"}
REFUSED = 300
"""So many refusals are in the snapshot."""
SETTLE_SECONDS = 3.0
PATIENCE_SECONDS = 120.0
_ENDED = b"event: session.ended\n"


@dataclass(slots=True)
class Reader:
    """One verifier: its stream, and when each end of a session came, in seconds of this process's clock."""

    began: float
    ready: float = 0.0
    came: list[float] = field(default_factory=list)

    async def follow(self, port: int) -> None:
        """Take the snapshot, then read the stream behind it until cancelled."""
        _, body = await _request(port, "/internal/revocations")
        cursor = json.loads(body)["cursor"]
        reader, writer = await _open(port, f"/internal/events/stream?after={cursor}")
        try:
            await reader.readuntil(b"event: checkpoint")
            self.ready = time.perf_counter()
            rest = b""
            while piece := await reader.read(65_536):
                text = rest + piece
                self.came += [time.perf_counter()] * text.count(_ENDED)
                rest = text[-(len(_ENDED) - 1) :]
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many readers were like. Seconds of the clock and of the worker's processor, bytes of its memory."""

    readers: int
    ready: list[float]
    start_cpu: float
    memory: float
    idle_cpu: float
    delays: list[float]
    event_cpu: float


async def _open(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{path}: {head!r}")
    return reader, writer


async def _request(port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ", 2)[1]), body


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> bytes:
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, HEADERS | ({"Content-Type": "application/json"} if content else {}))
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {said!r}")
    return said


def _sessions(port: int, number: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    path = "/internal/session/create"
    said = [json.loads(_ask(connection, "POST", path, {"auth_user_id": f"user_{n}"})) for n in range(number)]
    connection.close()
    return [one["data"]["session"]["id"] for one in said]


def _end(port: int, sessions: list[str], rate: float) -> list[float]:
    """End sessions one by one; when each request began."""
    connection, chance, asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60), random.Random(1), []
    due = time.perf_counter()
    for session in sessions:
        due += chance.expovariate(rate)
        time.sleep(max(0.0, due - time.perf_counter()))
        asked.append(time.perf_counter())
        _ask(connection, "DELETE", f"/internal/session/{session}")
    connection.close()
    return asked


async def measured(server: LiveServer, number: int, *, ends: int, rate: float) -> Cost:
    """So many readers at once."""
    process, port = server.process.pid, server.port
    sessions = await asyncio.to_thread(_sessions, port, ends)
    memory, cpu = proportional_bytes(process), cpu_seconds(process)
    readers = [Reader(time.perf_counter()) for _ in range(number)]
    tasks = [asyncio.create_task(reader.follow(port)) for reader in readers]
    try:
        await _until(lambda: all(reader.ready for reader in readers), tasks)
        start_cpu = cpu_seconds(process) - cpu
        await asyncio.sleep(SETTLE_SECONDS)
        memory = proportional_bytes(process) - memory
        cpu, began = cpu_seconds(process), time.perf_counter()
        await asyncio.sleep(2 * SETTLE_SECONDS)
        idle = (cpu_seconds(process) - cpu) / (time.perf_counter() - began)
        cpu, began = cpu_seconds(process), time.perf_counter()
        asked = await asyncio.to_thread(_end, port, sessions, rate)
        await _until(lambda: all(len(reader.came) >= ends for reader in readers), tasks)
        spent = cpu_seconds(process) - cpu - idle * (time.perf_counter() - began)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    delays = [came - at for reader in readers for at, came in zip(asked, reader.came, strict=True)]
    ready = [reader.ready - reader.began for reader in readers]
    return Cost(number, sorted(ready), start_cpu, memory / number, idle, sorted(delays), spent / ends)


async def _until(is_done: Callable[[], bool], tasks: list[asyncio.Task[None]]) -> None:
    limit = time.perf_counter() + PATIENCE_SECONDS
    while not is_done():
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError("a stream ended before it was to end")
        if time.perf_counter() > limit:
            raise RuntimeError(f"not within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.02)


@contextmanager
def served(engine: str) -> Iterator[LiveServer]:
    """One worker on an empty database, whose streams last as long as a measurement."""
    settings = {"SOJOURN_RESPONSE_VALIDATION": "off", "SOJOURN_LOG_LEVEL": "warning", "SOJOURN_STREAM_MAX_AGE": "1h"}
    with tempfile.TemporaryDirectory() as folder:
        if engine == "sqlite":
            server = LiveServer(Path(folder), **settings)
            try:
                yield server
            finally:
                server.stop()
            return
        with postgres.cluster(postgres.Cluster, "fsync=on") as cluster:
            settings |= {"SOJOURN_DATABASE_URL": cluster.url(cluster.create())}
            server = LiveServer(Path(folder), SOJOURN_REFRESH_SECRET=REFRESH_SECRET, **settings)
            try:
                yield server
            finally:
                server.stop()


def row(engine: str, cost: Cost) -> str:
    """A line of the table in Markdown."""
    late, ready = cost.delays, cost.ready
    return (
        f"| {engine} | {cost.readers:,} | {ready[-1] * 1000:,.0f} ms | {cost.start_cpu / cost.readers * 1000:.2f} ms"
        f" | {cost.memory / 1000:,.0f} kB | {cost.idle_cpu * 100:.1f} % | {median(late) * 1000:,.0f} ms"
        f" | {late[int(len(late) * 0.99)] * 1000:,.0f} ms | {cost.event_cpu * 1000:.2f} ms"
        f" | {cost.event_cpu / cost.readers * 1e6:,.0f} µs |"
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--readers", default="1,100,1000", help="numbers of readers, separated by commas")
    parser.add_argument("--ends", type=int, default=100, help="so many sessions end")
    parser.add_argument("--rate", type=float, default=5, help="so many a second")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"{describe_machine()}, load {load_average():.1f}")
    print(
        "| engine | readers | all have begun after | CPU to begin, each | memory, each | CPU while nothing happens"
        " | an event is there, p50 | p99 | CPU of an event | of it for each reader |"
    )
    print("| --- |" + " ---: |" * 9)
    for engine in given.engine or ("sqlite", "postgresql"):
        with served(engine) as server:
            for session in _sessions(server.port, REFUSED):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                _ask(connection, "DELETE", f"/internal/session/{session}")
                connection.close()
            for number in map(int, given.readers.split(",")):
                cost = asyncio.run(measured(server, number, ends=given.ends, rate=given.rate))
                print(row("PostgreSQL" if engine == "postgresql" else "SQLite", cost), flush=True)


if __name__ == "__main__":
    main()
