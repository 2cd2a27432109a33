"""The service beside its peers through HTTP, all on one PostgreSQL server, each with a database of its own."""

import asyncio
import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import dataset, service
from benchmarks.answers import differences
from benchmarks.callers import API_KEY, JWT_SECRET, admin_tokens
from benchmarks.catalogue import ROOT
from benchmarks.dataset import Session
from benchmarks.load import run_load
from benchmarks.postgres.trees import server_cpu_seconds
from benchmarks.processes import RunningServer, free_port
from sojourn.storage.engines import open_loader
from sojourn.storage.upkeep.bulk import batches
from tests.postgres import Cluster

OPERATIONS = ("active", "list", "create", "stats")
TITLES = {
    "sojourn": "Sojourn",
    "fastify": "Fastify + pg",
    "fastapi_sqlmodel": "FastAPI + SQLModel, asyncpg",
}
FIRST_REQUEST = (
    f"GET /internal/session/sessions/{dataset.user_id(0)}/active HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"X-API-Key: {API_KEY}\r\nX-Tenant-ID: {dataset.tenant_of(0)}\r\nConnection: close\r\n\r\n"
)
_PEERS = Path(__file__).parents[1] / "peers"
_SECRET = "benchmark-secret-0123456789abcdef0123456789abcdef"
_COLUMNS = (*Session._fields, "due_at")


@dataclass(frozen=True, slots=True)
class Round:
    """Answers a second, and microseconds of CPU a request: of the server of HTTP, and of PostgreSQL."""

    per_second: float
    process: float
    server: float


class Beside:
    """Servers that are alive, asked in turn."""

    def __init__(self, cluster: Cluster, folder: Path, *, cores: tuple[int, int]) -> None:
        self._cluster, self._folder, self._cores = cluster, folder, cores
        self._alive: dict[str, RunningServer] = {}
        self.rounds: dict[tuple[str, str], list[Round]] = {}

    def run(self, *, rounds: int, seconds: int) -> None:
        """Fill, start, check what is answered, measure."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        (self._folder / "tokens").write_text("\n".join(admin_tokens()) + "\n", "ascii")
        with ExitStack() as stack:
            for name in TITLES:
                self._alive[name] = stack.enter_context(self._running(name))
                wrong = differences(self._alive[name].port)
                if wrong:
                    raise RuntimeError(f"{name} does not answer as the others do: {wrong}")
            for number in range(rounds + 1):
                for operation in OPERATIONS:
                    for name in sorted(TITLES, reverse=bool(number % 2)):
                        measured = self._measure(name, operation, seed=number, seconds=seconds)
                        if number:  # the first is for the caches
                            self.rounds.setdefault((operation, name), []).append(measured)

    def _measure(self, name: str, operation: str, *, seed: int, seconds: int) -> Round:
        running = self._alive[name]
        process, server = running.cpu_seconds(), server_cpu_seconds(self._cluster)
        load = run_load(
            port=running.port,
            script=operation,
            seed=1000 + seed,
            credentials=self._folder / "tokens",
            seconds=seconds,
            core=self._cores[1],
        )
        if load.failed + load.refused:
            raise RuntimeError(f"{name} refused or broke off {load.failed + load.refused} requests of {operation}")
        spent = running.cpu_seconds() - process, server_cpu_seconds(self._cluster) - server
        return Round(load.per_second, *(cpu * 1e6 / load.requests for cpu in spent))

    @contextmanager
    def _running(self, name: str) -> Iterator[RunningServer]:
        database, port = self._cluster.create(empty=name != "sojourn"), free_port()
        url = self._cluster.url(database)
        asyncio.run(_fill_ours(url) if name == "sojourn" else _fill_peers(self._cluster.url(database, "postgres")))
        command, folder = _command(name, port)
        running = RunningServer(
            command,
            folder=folder,
            environment=_environment(url, port, self._folder),
            core=self._cores[0],
            port=port,
            log=self._folder / f"{name}.log",
        )
        try:
            running.wait_for_answer(FIRST_REQUEST.encode())
            yield running
        finally:
            running.stop()


def _command(name: str, port: int) -> tuple[list[str], Path]:
    """What starts a server, and where."""
    if name == "sojourn":
        return [sys.executable, "-W", "ignore", "-m", "sojourn", "serve", "--port", str(port)], ROOT
    if name == "fastify":
        return ["node", "fastify_server.js"], _PEERS / "node"
    application = f"benchmarks.peers.{name}.app:app"
    return [
        sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port),
        "--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log", "--no-server-header",
        "--no-proxy-headers", "--log-level", "warning",
    ], ROOT  # fmt: skip


def _environment(url: str, port: int, folder: Path) -> Mapping[str, str]:
    ours = service.environment(API_KEY, JWT_SECRET, "off")
    return {
        **ours,
        "SOJOURN_DATABASE_URL": url,
        "SOJOURN_DATABASE_POOL": "16",
        "SOJOURN_REFRESH_SECRET": _SECRET,
        "BENCHMARK_DATABASE": url,
        "BENCHMARK_API_KEY": API_KEY,
        "BENCHMARK_JWT_SECRET": JWT_SECRET,
        "BENCHMARK_CONTRACT": str(folder / "contract.json"),
        "BENCHMARK_PORT": str(port),
        "NODE_ENV": "production",
    }


async def _fill_ours(url: str) -> None:
    """Write the dataset through the service's own storage."""
    async with open_loader(url) as loader:
        by_tenant = sorted(dataset.all_sessions(), key=lambda session: session.tenant_id)
        for tenant, sessions in groupby(by_tenant, key=lambda session: session.tenant_id):
            for batch in batches(tenant, service.rows(sessions), now=service.LOADED_AT):
                await loader.write(batch)


async def _fill_peers(url: str) -> None:
    """The peers' tables with the same rows: what SQLite alone understands is left out of their statements."""
    connection = await asyncpg.connect(url)
    await connection.execute((_PEERS / "database.sql").read_text("utf-8").replace(") WITHOUT ROWID;", ");"))
    every = list(dataset.all_sessions())
    await connection.copy_records_to_table(
        "sessions", records=[(*session, session.due_at) for session in every], columns=list(_COLUMNS)
    )
    counters: Counter[tuple[str, str, str]] = Counter()
    for session in every:
        counters[session.tenant_id, "created", session.device_type] += 1
        if not session.active:
            counters[session.tenant_id, "expired" if session.revoked_at is None else "revoked", ""] += 1
    await connection.copy_records_to_table("session_counters", records=[(*key, n) for key, n in counters.items()])
    await connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO sojourn")
    await connection.execute("ANALYZE")
    await connection.close()


def table(found: Mapping[tuple[str, str], list[Round]]) -> str:
    """A line an operation and server; the ratio is ours to the peer's within a round."""
    lines = [
        "| operation | server | answers/s | Sojourn to it (lowest to highest) | CPU µs/request | of PostgreSQL |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (operation, name), rounds in found.items():
        ours = found[operation, "sojourn"]
        ratios = [mine.per_second / its.per_second for mine, its in zip(ours, rounds, strict=True)]
        beside = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        of: dict[str, Any] = {
            part: statistics.median(getattr(one, part) for one in rounds)
            for part in ("per_second", "process", "server")
        }
        lines.append(
            f"| {operation} | {TITLES[name]} | {of['per_second']:,.0f} | {'' if name == 'sojourn' else beside} |"
            f" {of['process']:,.0f} | {of['server']:,.0f} |"
        )
    return "\n".join(lines)
