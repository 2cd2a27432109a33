"""An application in Next.js, built and started as one does: its proxy and its routes share one verifier."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sojourn_verify import Verifier
from tests import node
from tests.clients.following import Beside, wait_until
from tests.clients.typescript import TOOLS, run
from tests.live import API_KEY, LiveServer, free_port

APPLICATION = Path(__file__).parent / "application"
NEXT = APPLICATION / "node_modules/next/dist/bin/next"
QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}
STALE_SECONDS = 10


class Site:
    """The application, seen by a browser."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.get(self.url + path, headers=headers, timeout=30)

    def is_there(self) -> bool:
        try:
            return self.get("/metrics").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    server = LiveServer(tmp_path_factory.mktemp("beside"), SOJOURN_STREAM_MAX_AGE="1m")
    made = Beside(server, Verifier(server.url, API_KEY))
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def site(beside: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The package is built and packed, the application has it from the tarball, and is built and started."""
    folder = tmp_path_factory.mktemp("packed")
    run(TOOLS / "tsc", "--project", ".")
    packed = json.loads(run("npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder))[0]
    install = ("npm", "install", "--no-save", "--no-audit", "--no-fund", "--omit=peer")
    run(*install, folder / packed["filename"], cwd=APPLICATION)
    run(node.program(), NEXT, "build", cwd=APPLICATION, **QUIET)
    port = free_port()
    settings = {"SOJOURN_URL": beside.server.url, "SOJOURN_API_KEY": API_KEY, **QUIET}
    command = (NEXT, "start", "--port", str(port), "--hostname", "127.0.0.1")
    with node.running(*command, cwd=APPLICATION, **settings):
        made = Site(port)
        wait_until(made.is_there, seconds=60)
        yield made


def test_routes_and_pages_know_who_calls(beside: Beside, site: Site) -> None:
    key, tokens = beside.sign_in("usr_next")

    answer = site.get("/me", tokens["access_token"])

    assert answer.json() == {"subject": "usr_next", "tenant": "acme", "sessionId": key}
    assert "usr_next" in site.get("/page", tokens["access_token"]).text
    assert site.get("/behind", tokens["access_token"]).json() == "usr_next"


@pytest.mark.parametrize("path", ["/me", "/page", "/admin"])
@pytest.mark.parametrize(("token", "error"), [(None, "Bearer"), ("a.b.c", 'Bearer error="invalid_token"')])
def test_the_proxy_lets_no_request_without_a_good_token_through(
    site: Site, path: str, token: str | None, error: str
) -> None:
    answer = site.get(path, token)

    assert answer.status_code == answer.json()["status"] == 401
    assert answer.headers["WWW-Authenticate"].startswith(error)


def test_the_proxy_asks_for_roles(beside: Beside, site: Site) -> None:
    answer = site.get("/admin", beside.sign_in()[1]["access_token"])

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


@pytest.mark.parametrize("token", [None, "a.b.c"])
def test_a_route_behind_no_proxy_refuses_by_itself(site: Site, token: str | None) -> None:
    """The verifier may be of another copy of the package than the route: it knows the error all the same."""
    answer = site.get("/behind", token)

    assert (answer.status_code, answer.json()) == (401, "invalid_token")


def test_all_of_the_application_follows_the_service_once(beside: Beside, site: Site) -> None:
    key, tokens = beside.sign_in()
    paths = ("/me", "/page", "/behind")
    assert {site.get(path, tokens["access_token"]).status_code for path in paths} == {200}
    beside.end(key)

    wait_until(lambda: site.get("/me", tokens["access_token"]).status_code == 401, seconds=5)
    assert site.get("/behind", tokens["access_token"]).json() == "session_revoked"
    metrics = site.get("/metrics").json()
    assert (metrics["snapshots"], metrics["keyFetches"], metrics["online"]) == (1, 1, 0)


def test_when_the_service_is_gone_it_is_503_at_once_and_recovers(beside: Beside, site: Site) -> None:
    token = beside.sign_in()[1]["access_token"]
    assert site.get("/me", token).status_code == 200
    beside.server.kill()
    try:
        wait_until(lambda: site.get("/me", token).status_code == 503, seconds=STALE_SECONDS + 5)
        took = site.get("/me", token).elapsed.total_seconds()
        assert took < 2, "a request waits for nothing"
    finally:
        beside.server.restart()
    wait_until(lambda: site.get("/me", token).status_code == 200)
