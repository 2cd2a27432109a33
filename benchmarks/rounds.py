"""A run: every server alive on the same core, each operation of each server timed in turn, round after round."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import dataset
from benchmarks.answers import better_auth_differences, differences
from benchmarks.callers import API_KEY, admin_tokens
from benchmarks.catalogue import Place, Server
from benchmarks.load import run_load
from benchmarks.peers.better_auth import cookie
from benchmarks.processes import RunningServer, free_port
from sojourn.openapi.loader import bundle_json, load_bundle

_WARM_UP_SECONDS = 1
_FIRST_REQUEST = (
    f"GET /internal/session/sessions/{dataset.user_id(0)}/active HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"X-API-Key: {API_KEY}\r\nX-Tenant-ID: {dataset.tenant_of(0)}\r\nConnection: close\r\n\r\n"
)
_FIRST_REQUEST_OF_BETTER_AUTH = (
    f"GET /api/auth/get-session HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie(0)}\r\nConnection: close\r\n\r\n"
)


class WrongAnswers(Exception):
    """A server does not answer as the others do; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does and where."""

    servers: Sequence[Server]
    operations: Sequence[str]
    rounds: int
    seconds: int
    starts: int
    folder: Path
    server_core: int
    load_core: int
    tell: Callable[[str], None]


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._alive: dict[str, RunningServer] = {}
        self._results: dict[str, dict[str, Any]] = {
            server.name: {
                "title": server.title,
                "cold_start_seconds": [],
                "operations": {name: [] for name in self._operations(server)},
            }
            for server in plan.servers
        }

    def __call__(self) -> dict[str, dict[str, Any]]:
        """The measurements of every server. Raises WrongAnswers, ServerFailed, LoadFailed."""
        self._prepare()
        for server in self._plan.servers:
            self._start_cold(server)
        with ExitStack() as stack:
            for server in self._plan.servers:
                self._alive[server.name], _ = stack.enter_context(self._running(server))
                self._check(server)
            self._warm_up()
            for number in range(1, self._plan.rounds + 1):
                self._round(number)
            for server in self._plan.servers:
                everything, own = self._alive[server.name].memory_bytes()
                self._results[server.name] |= {"rss_bytes": everything, "rss_anonymous_bytes": own}
        return self._results

    def _prepare(self) -> None:
        """A database for each server, filled once and copied; the contract and the credentials as files."""
        folder = self._plan.folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "contract.json").write_bytes(bundle_json(load_bundle()))
        (folder / "tokens").write_text("\n".join(admin_tokens()) + "\n", "ascii")
        (folder / "cookies").write_text("".join(f"{cookie(user)}\n" for user in range(dataset.USERS)), "ascii")
        filled: dict[Any, Path] = {}
        for server in self._plan.servers:
            target = self._database(server)
            if server.fill is not None and server.fill not in filled:
                self._plan.tell(f"filling a database for {server.name}")
                filled[server.fill] = folder / f"filled-{len(filled)}.db"
                server.fill(filled[server.fill])
            if server.fill is not None:
                shutil.copyfile(filled[server.fill], target)

    def _start_cold(self, server: Server) -> None:
        """Start it a few times with no other server alive."""
        for _ in range(self._plan.starts):
            with self._running(server) as (_, seconds):
                self._results[server.name]["cold_start_seconds"].append(round(seconds, 3))

    def _check(self, server: Server) -> None:
        port = self._alive[server.name].port
        if server.name == "better_auth":
            found = better_auth_differences(port)
        else:
            found = differences(port) if server.checked else []
        if found:
            raise WrongAnswers(f"{server.name}:\n" + "\n".join(found))
        self._plan.tell(f"{server.name} answers" + (" as the dataset says" if server.checked else ""))

    def _warm_up(self) -> None:
        for server in self._plan.servers:
            for operation in self._operations(server):
                self._measure(server, operation, 0, _WARM_UP_SECONDS)

    def _round(self, number: int) -> None:
        for operation in self._plan.operations:
            for server in self._plan.servers:
                if operation in server.operations:
                    measured = self._measure(server, operation, number, self._plan.seconds)
                    self._results[server.name]["operations"][operation].append(measured)
                    self._plan.tell(f"round {number}  {operation:6}  {server.name:16}  {_brief(measured)}")

    def _measure(self, server: Server, operation: str, number: int, seconds: int) -> dict[str, Any]:
        running = self._alive[server.name]
        before = running.cpu_seconds()
        load = run_load(
            port=running.port,
            script=server.scripts[operation],
            seed=1000 + number,
            credentials=self._plan.folder / ("tokens" if operation == "stats" else "cookies"),
            seconds=seconds,
            core=self._plan.load_core,
        )
        cpu = running.cpu_seconds() - before
        return {
            "per_second": round(load.per_second, 1),
            "p50_us": load.p50_us,
            "p99_us": load.p99_us,
            "cpu_us": round(cpu * 1_000_000 / max(load.requests, 1), 1),
            "requests": load.requests,
            "bad": load.failed + load.refused,
        }

    @contextmanager
    def _running(self, server: Server) -> Iterator[tuple[RunningServer, float]]:
        place = Place(self._database(server), free_port(), self._plan.folder / "contract.json")
        running = RunningServer(
            server.command(place),
            folder=server.folder,
            environment=server.environment(place),
            core=self._plan.server_core,
            port=place.port,
            log=self._plan.folder / f"{server.name}.log",
        )
        try:
            own = server.name == "better_auth"
            request = _FIRST_REQUEST_OF_BETTER_AUTH if own else _FIRST_REQUEST
            yield running, running.wait_for_answer(request.encode())
        finally:
            running.stop()

    def _database(self, server: Server) -> Path:
        return self._plan.folder / f"{server.name}.db"

    def _operations(self, server: Server) -> list[str]:
        return [name for name in self._plan.operations if name in server.operations]


def save(path: Path, run: dict[str, Any]) -> None:
    """Write a run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", "utf-8")


def load_run(path: Path) -> dict[str, Any]:
    """Read a run that `save` wrote."""
    run: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return run


def _brief(measured: dict[str, Any]) -> str:
    bad = f"  {measured['bad']} BAD" if measured["bad"] else ""
    return f"{measured['per_second']:9.0f} /s  {measured['cpu_us']:7.0f} µs cpu{bad}"
