"""An application of a thousand requests a second, behind each way to check the token of each request.

`python -m benchmarks.behind` starts one worker of the service and, for each way in turn, an application on Node that
checks every request: by `@sojourn/verify` (build it first), by the active check, by `validate-token`, and not at all.
Meanwhile sessions end, so that it is seen for how long their tokens are accepted. It takes two minutes.
"""

import argparse
import asyncio
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.behind.traffic import Connection, Seen, run
from benchmarks.local_check import DIST, new_session
from benchmarks.machine import describe_machine, load_average
from benchmarks.processes import cpu_seconds
from tests import node
from tests.live import API_KEY, LiveServer

HERE = Path(__file__).parent
WAYS = {
    "none": "no check",
    "local": "local check (`@sojourn/verify`)",
    "active": "remote active check",
    "validate": "`validate-token`",
}
WARM_UP_SECONDS = 2.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000, help="so many requests a second")
    parser.add_argument("--seconds", type=float, default=20, help="for so long in each way")
    parser.add_argument("--ends", type=int, default=150, help="so many sessions end meanwhile in each way")
    parser.add_argument("--tokens", type=int, default=200, help="so many tokens are used")
    given = parser.parse_args()
    print(f"{describe_machine()}, load {load_average():.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"SOJOURN_RESPONSE_VALIDATION": "off", "SOJOURN_LOG_LEVEL": "warning"}
        server = LiveServer(Path(folder), SOJOURN_STREAM_MAX_AGE="5m", **settings)
        try:
            tokens = [token for _, token in _new_sessions(server, "user", given.tokens)]
            rows = [_measured(server, way, tokens, given) for way in WAYS]
        finally:
            server.stop()
    print(_table(rows), flush=True)
    print(f"load {load_average():.1f} at the end")


def _new_sessions(server: LiveServer, name: str, count: int) -> list[tuple[str, str]]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    made = [new_session(connection, f"{name}_{number}") for number in range(count)]
    connection.close()
    return made


def _measured(server: LiveServer, way: str, tokens: list[str], given: argparse.Namespace) -> list[str]:
    ending = _new_sessions(server, way, given.ends)
    with _application(way, server) as application:

        async def traffic(seconds: float, ends: list[tuple[str, str]]) -> Seen:
            return await run(
                application=application, service=server.port, key=API_KEY, tokens=tokens, ending=ends,
                rate=given.rate, seconds=seconds, is_checked=way != "none",
            )  # fmt: skip

        async def whole() -> tuple[Seen, float, dict[str, Any]]:
            await traffic(WARM_UP_SECONDS, [])
            reporter = Connection(application)
            await reporter.ask("GET", "/report")
            before = cpu_seconds(server.process.pid)
            seen = await traffic(given.seconds, ending)
            used = cpu_seconds(server.process.pid) - before
            _, said = await reporter.ask("GET", "/report")
            await reporter.close()
            return seen, used, json.loads(said)

        seen, used, said = asyncio.run(whole())
    if set(seen.statuses) - {200}:
        raise RuntimeError(f"{way}: {dict(seen.statuses)}: a good token was refused")
    return _row(WAYS[way], seen, used, said)


def _row(name: str, seen: Seen, used: float, said: dict[str, Any]) -> list[str]:
    late = sorted(seen.late)
    p99 = f"{late[min(len(late) - 1, int(len(late) * 0.99))] * 1000:.0f} ms" if late else ""
    return [
        name,
        f"{seen.statuses.total() / seen.seconds:,.0f}",
        f"{used / seen.seconds * 100:.1f} %",
        f"{used / seen.statuses.total() * 1e6:.0f}",
        f"{said['cpu_us'] / said['checks']:.0f}",
        f"{said['p50_us'] / 1000:.3f}",
        f"{said['p99_us'] / 1000:.3f}",
        f"{late[len(late) // 2] * 1000:.0f} ms" if late else "",
        p99,
    ]


def _table(rows: list[list[str]]) -> str:
    titles = [
        "way", "requests/s", "processor of our server", "of it a request, µs", "application a request, µs",
        "added p50, ms", "added p99, ms", "accepted after the end, p50", "p99",
    ]  # fmt: skip
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


@contextmanager
def _application(way: str, server: LiveServer) -> Iterator[int]:
    """The port of an application that checks in one way."""
    command = [node.program(), str(HERE / "application.mjs"), way, server.url, API_KEY, str(DIST)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())  # type: ignore[union-attr]
        finally:
            process.kill()


if __name__ == "__main__":
    main()
