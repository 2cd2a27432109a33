"""The servers of a run: how each is started, from which database, and which operations it has."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import service
from benchmarks.callers import API_KEY, JWT_SECRET
from benchmarks.databases import fill_peers_database
from benchmarks.peers.better_auth import fill_better_auth_database

ROOT = Path(__file__).parent.parent
OPERATIONS = ("active", "list", "create", "stats")
_NODE = Path(__file__).parent / "peers" / "node"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is put: its own copy of a database, a port, the contract as a file."""

    database: Path
    port: int
    contract: Path


@dataclass(frozen=True, slots=True)
class Server:
    """One server. `checked` says whether its answers must be the dataset's."""

    name: str
    title: str
    command: Callable[[Place], list[str]]
    environment: Callable[[Place], Mapping[str, str]]
    fill: Callable[[Path], None] | None
    folder: Path = ROOT
    operations: tuple[str, ...] = OPERATIONS
    scripts: Mapping[str, str] = field(default_factory=lambda: {name: name for name in OPERATIONS})
    checked: bool = True


def _peer_environment(place: Place) -> dict[str, str]:
    return {
        "BENCHMARK_DATABASE": str(place.database),
        "BENCHMARK_API_KEY": API_KEY,
        "BENCHMARK_JWT_SECRET": JWT_SECRET,
        "BENCHMARK_CONTRACT": str(place.contract),
        "BENCHMARK_PORT": str(place.port),
        "NODE_ENV": "production",
    }


def _asgi(name: str, title: str, *, checked: bool = True) -> Server:
    """A Python peer: uvicorn with its fast parts, as the service under test runs it."""

    def command(place: Place) -> list[str]:
        application = f"benchmarks.peers.{name}.app:app"
        return [
            sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(place.port),
            "--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-access-log", "--no-server-header",
            "--no-proxy-headers", "--log-level", "warning",
        ]  # fmt: skip

    return Server(name, title, command, _peer_environment, fill_peers_database, checked=checked)


def _node(name: str, title: str) -> Server:
    def command(place: Place) -> list[str]:
        return ["node", f"{name}_server.js"]

    return Server(name, title, command, _peer_environment, fill_peers_database, folder=_NODE)


def _better_auth() -> Server:
    return Server(
        "better_auth",
        "better-auth, its own session endpoints",
        lambda place: ["node", "better_auth_server.js"],
        _peer_environment,
        fill_better_auth_database,
        folder=_NODE,
        operations=("active", "list"),
        scripts={"active": "better_auth_active", "list": "better_auth_list"},
        checked=False,
    )


def _service(name: str, title: str, response_validation: str) -> Server:
    """The service under test. No peer checks its own answers, so it is measured without and with that."""

    def environment(place: Place) -> dict[str, str]:
        return service.environment(API_KEY, JWT_SECRET, response_validation)

    def command(place: Place) -> list[str]:
        return service.command(place.database, place.port)

    return Server(name, title, command, environment, service.fill_database)


def _wide_service() -> Server:
    """The service with fifty more operations in its contract."""

    def environment(place: Place) -> dict[str, str]:
        address = {"SOJOURN_DATABASE_URL": f"sqlite:///{place.database}", "SOJOURN_PORT": str(place.port)}
        return {**service.environment(API_KEY, JWT_SECRET, "off"), **address}

    def command(place: Place) -> list[str]:
        return [sys.executable, "-m", "benchmarks.peers.wide_sojourn"]

    return Server("sojourn_wide", "Sojourn, 50 further operations", command, environment, service.fill_database)


SERVERS = {
    server.name: server
    for server in (
        _asgi("floor", "bare ASGI, static bytes (floor)", checked=False),
        _asgi("bare_asgi", "bare ASGI, the same work (ceiling)"),
        _service("sojourn", "Sojourn", "off"),
        _service("sojourn_checked", "Sojourn, answers validated", "enforce"),
        _wide_service(),
        _node("fastify", "Fastify + better-sqlite3"),
        _asgi("fastapi_tuned", "FastAPI hand-tuned, sqlite3"),
        _asgi("litestar", "Litestar, sqlite3"),
        _node("express", "Express + express-openapi-validator"),
        _asgi("plain_connexion", "Connexion as it comes, same store"),
        _asgi("fastapi_sqlmodel", "FastAPI + SQLModel (async)"),
        _better_auth(),
    )
}
