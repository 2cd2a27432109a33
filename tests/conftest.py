"""What every test may use: the two engines, and a receiver of webhooks."""

import asyncio
import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sojourn.storage.engines import migrate
from tests import distribution, postgres
from tests.receiver import Receiver

ENGINES = ("sqlite", "postgresql")
settings.register_profile(
    "sojourn",
    deadline=None,  # how long an example takes says more of the machine than of us
    derandomize=not os.environ.get("RANDOM_EXAMPLES"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sojourn")
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def pytest_report_header() -> str:
    return f"engines: SQLite {sqlite3.sqlite_version}, {postgres.version()}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not drawn. Where tests are shared out between processes, the longest files begin."""
    if others := {item.nodeid for item in distribution.left_out(items)}:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in others])
        items[:] = [item for item in items if item.nodeid not in others]
    if hasattr(config, "workerinput"):
        distribution.longest_first(items)


def pytest_collection_finish() -> None:
    """What is there now stays until the end: to look for garbage in it again and again takes a sixth of the time."""
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> distribution.Files | None:
    """Who shares them out with `--dist loadfile`."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return distribution.Files(config, log)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of the test run's own."""
    with postgres.cluster() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with nothing but the tables: to copy it is faster than to make them anew."""
    path = tmp_path_factory.mktemp("migrated") / "sojourn.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine that a test runs on. A test of one engine's own ways is marked `on_sqlite`."""
    name: str = request.param
    return name


@contextmanager
def new_database(request: pytest.FixtureRequest, engine: str, *, folder: Path) -> Iterator[str]:
    """The URL of a database that is empty while the block runs; a file of SQLite is in the folder."""
    if engine == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "sojourn.db")
        yield f"sqlite:///{folder}/sojourn.db"
        return
    server: postgres.Cluster = request.getfixturevalue("cluster")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that is empty and the test's own."""
    with new_database(request, engine, folder=tmp_path) as url:
        yield url


@pytest.fixture
def sql(request: pytest.FixtureRequest, database_url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Runs a statement of SQL beside the program, as somebody who may see everything."""

    def on_file(statement: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            found = connection.execute(statement).fetchall()
        connection.close()
        return found

    if database_url.startswith("sqlite:"):
        yield on_file
        return
    server: postgres.Cluster = request.getfixturevalue("cluster")
    with server.session(_name(database_url)) as run:
        yield run


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks may be sent to."""
    found = Receiver()
    yield found
    found.close()
