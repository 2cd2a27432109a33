"""A page of another origin in a browser calls the service, where the operator named its origin, and only there."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import jwt
import pytest

from tests.browser.conftest import Browser
from tests.live import API_KEY, JWT_SECRET, LiveServer

CALL = """
const [url, token, done] = arguments;
fetch(url, {headers: {Authorization: `Bearer ${token}`, "X-Request-ID": "from-a-page"}})
  .then(async (answer) => done({
    status: answer.status, id: answer.headers.get("X-Request-ID"), body: await answer.json(),
  }))
  .catch((error) => done({error: error.name}));
"""

EMBED = """
const [base, token, done] = arguments;
import(`${base}/console/scripts/current/devices.js`).then(() => {
  const devices = document.createElement("sojourn-devices");
  devices.setAttribute("base", `${base}/`);
  devices.tokenProvider = () => token;
  document.body.append(devices);
  done(null);
}).catch((error) => done(String(error)));
"""
SHOWN = "return document.querySelector('sojourn-devices').shadowRoot.querySelector('.devices li')?.textContent"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def origins(tmp_path: Path) -> Iterator[list[str]]:
    """Two origins that serve the same page."""
    (tmp_path / "index.html").write_text("<!doctype html><title>An application</title>")
    (tmp_path / "favicon.ico").write_bytes(b"")
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_page_of_a_named_origin_reads_sessions_and_refusals_and_another_page_nothing(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, origins: list[str]
) -> None:
    named, other = origins
    live = LiveServer(tmp_path_factory.mktemp("origins"), SOJOURN_CORS_ORIGINS=named)
    try:
        headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
        body = {"auth_user_id": "usr_page"}
        made = httpx.post(f"{live.url}/internal/session/create", headers=headers, json=body, timeout=60)
        assert made.status_code == 201
        token = jwt.encode({"sub": "usr_page", "tenant_id": "acme", "exp": 4102444800}, JWT_SECRET, algorithm="HS256")
        own = f"{live.url}/sessions/user/usr_page/sessions"
        browser.driver.set_script_timeout(60)

        browser.driver.get(f"{named}/index.html")
        seen = browser.driver.execute_async_script(CALL, own, token)
        assert browser.driver.execute_async_script(EMBED, live.url, token) is None
        shown = browser.wait(lambda: browser.driver.execute_script(SHOWN), "no devices in the page of an application")
        refused = browser.driver.execute_async_script(CALL, own, "not-a-token")
        assert browser.complaints() != []  # the browser notes the 401
        browser.driver.get(f"{other}/index.html")
        hidden = browser.driver.execute_async_script(CALL, own, token)
        assert any("Access-Control-Allow-Origin" in line for line in browser.complaints())
    finally:
        live.stop()

    assert (seen["status"], seen["id"]) == (200, "from-a-page")
    assert "Signed in" in shown
    assert made.json()["data"]["session"]["id"] in str(seen["body"])
    assert (refused["status"], refused["body"]["status"]) == (401, 401)
    assert hidden == {"error": "TypeError"}
