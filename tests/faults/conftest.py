"""What every fault is made on: a service on an engine, users at work, and a line about what came of it.

PostgreSQL is reached directly, and through PgBouncer in transaction mode.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.faults.clusters import Server, server
from tests.faults.load import ENOUGH, Load
from tests.faults.services import Service
from tests.faults.verdicts import Verdict, judge
from tests.poolers import pooler
from tests.postgres import Cluster

POOLED = "postgresql behind pgbouncer"
POOLED_CONNECTIONS = 20
"""Connections that PgBouncer has, for all of the service's."""
CONNECTS_SOON = "server_login_retry = 1\n"
"""As docs/postgresql.md says: by default it waits 15 s after a connection that PostgreSQL did not take."""
LINES = pytest.StashKey[list[str]]()
MORE_LINES = pytest.StashKey[dict[str, list[str]]]()
"""Tables with other columns, by their heads."""
HEAD = "| fault | engine | acknowledged | refused | unknown | lost | longest gap |\n|---|---|---:|---:|---:|---:|---:|"
Experiment = Callable[[str, Service, Callable[[], None]], Verdict]
_PLACES = {"sqlite:": "SQLite", "port=6432": "PostgreSQL, pooled"}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []
    config.stash[MORE_LINES] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[LINES]:
        terminalreporter.write_line(HEAD)
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)
    for head, lines in config.stash[MORE_LINES].items():
        terminalreporter.write_line(head)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(params=(*ENGINES, POOLED))
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine, and whether a pooler is on the way to it."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine: str, database_url: str) -> Iterator[str]:
    """The URL of a database of the test's own, by way of the pooler if there is one."""
    if engine != POOLED:
        yield database_url
        return
    server: Cluster = request.getfixturevalue("cluster")
    with pooler(server, "transaction", connections=POOLED_CONNECTIONS) as between:
        yield between.url(database_url.partition("@/")[2].partition("?")[0])


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    """A server of this module's own."""
    with server() as running:
        yield running


@pytest.fixture(params=["direct", "pooled"])
def url(request: pytest.FixtureRequest, postgresql: Server, database: str) -> Iterator[str]:
    """Where the service finds the database: directly, or through PgBouncer in transaction mode."""
    if request.param == "direct":
        yield postgresql.url(database)
        return
    with pooler(postgresql, "transaction", connections=POOLED_CONNECTIONS, settings=CONNECTS_SOON) as between:
        yield between.url(database)


@pytest.fixture
def database(postgresql: Server) -> Iterator[str]:
    """The name of a database with the tables in it."""
    name = postgresql.create()
    yield name
    postgresql.drop(name)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services: `serve(database_url, workers=2, SOJOURN_DATABASE_POOL="2")`."""
    services: list[Service] = []

    def start(database_url: str, workers: int = 2, **settings: str) -> Service:
        services.append(Service(tmp_path, database_url, workers, **settings))
        return services[-1]

    yield start
    for service in services:
        service.stop()


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> Experiment:
    """Runs a fault under load, prints its line, and lets no broken promise pass."""

    def run(fault: str, service: Service, make_it: Callable[[], None]) -> Verdict:
        url = service.environ["SOJOURN_DATABASE_URL"]
        engine = next((name for part, name in _PLACES.items() if part in url), "PostgreSQL")
        history = Load(service.port).run(make_it)
        verdict = judge(history)
        line = (
            f"| {fault} | {engine} | {verdict.acknowledged} | {verdict.refused} | {verdict.unknown} |"
            f" {verdict.lost} | {verdict.longest_gap:.1f} s |"
        )
        request.config.stash[LINES].append(line)
        print("\n" + line)
        broken = {kind: sentences[:5] for kind, sentences in verdict.broken.items() if sentences}
        assert not broken, broken
        assert "unexpected error" not in service.log.read_text()
        before = sum(c.outcome == "acknowledged" and c.ended < history.healed_at for c in history.calls)
        assert min(before, verdict.acknowledged - before) >= ENOUGH, "too little happened to tell anything"
        return verdict

    return run
