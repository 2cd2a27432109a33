"""What every test may use: the two engines."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgres

ENGINES = ("sqlite", "postgresql")


def pytest_report_header() -> str:
    return f"engines: SQLite {sqlite3.sqlite_version}, {postgres.version()}"


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of the test run's own."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine that a test runs on: both, or the one that `pytestmark = only_sqlite` leaves."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> str:
    """The URL of a database that is empty and the test's own."""
    if engine == "sqlite":
        return f"sqlite:///{tmp_path}/sojourn.db"
    server: postgres.Cluster = request.getfixturevalue("cluster")
    return server.url(server.create())


@pytest.fixture
def rows(request: pytest.FixtureRequest, database_url: str) -> Callable[[str], list[tuple[object, ...]]]:
    """Runs a statement of SQL beside the program, as somebody who may see everything."""

    def run(sql: str) -> list[tuple[object, ...]]:
        if database_url.startswith("sqlite:"):
            with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
                return connection.execute(sql).fetchall()
        server: postgres.Cluster = request.getfixturevalue("cluster")
        return server.command(sql, _name(database_url))

    return run


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
