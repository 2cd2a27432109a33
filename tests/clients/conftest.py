"""A service of each engine and verifiers beside it, for a file of tests."""

import fcntl
import os
import shutil
from collections.abc import Iterator

import pytest

from sojourn_verify import Verifier
from tests.clients.following import Beside
from tests.clients.typescript import PACKAGE, TOOLS, run
from tests.conftest import ENGINES
from tests.live import API_KEY, REFRESH_SECRET, LiveServer
from tests.postgres import Cluster


def _new_database(cluster: Cluster) -> str:
    return cluster.url(cluster.create())


@pytest.fixture(scope="module", params=ENGINES)
def beside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    settings = {"SOJOURN_MAX_SESSIONS_PER_USER": "3", "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}
    if request.param == "postgresql":
        settings["SOJOURN_DATABASE_URL"] = _new_database(request.getfixturevalue("cluster"))
    server = LiveServer(tmp_path_factory.mktemp("beside"), **settings)
    made = Beside(server, Verifier(server.url, API_KEY))
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="session")
def typescript_built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`@sojourn/verify`, compiled in the strictest way, into plain modules and their types; once for all processes."""
    if not TOOLS.exists():
        pytest.skip("the package's tools are not installed; `tox -e clients` brings them")
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with (shared / "typescript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "typescript.built").exists():
            shutil.rmtree(PACKAGE / "dist", ignore_errors=True)
            run(TOOLS / "tsc", "--project", ".")
            (shared / "typescript.built").touch()


@pytest.fixture(scope="session")
def browser_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A service whose access tokens expire soon, for applications that keep sessions in browsers."""
    settings = {"SOJOURN_ACCESS_EXPIRY": "2s", "SOJOURN_JWT_LEEWAY": "0s"}
    server = LiveServer(tmp_path_factory.mktemp("browsers"), **settings)
    yield server
    server.stop()
