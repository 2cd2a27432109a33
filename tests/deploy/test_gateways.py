"""`sojourn gateway` behind real proxies, each with the configuration of docs/guides/gateways.md."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.deploy.programs import place_of, program
from tests.deploy.test_proxies import NGINX
from tests.live import API_KEY, LiveServer, free_port

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs/guides/gateways.md").read_text("utf-8")
PROXIES = ("nginx", "traefik", "caddy", "envoy")
STALE_SECONDS = 6
MADE_UP = {f"X-Auth-{name}": "made-up" for name in ("Subject", "Tenant", "Session", "Amr")}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    seen: dict[str, str]
    """What the application saw in X-Auth-* headers."""


class Application(BaseHTTPRequestHandler):
    """Says what it was sent."""

    protocol_version = "HTTP/1.1"

    def _respond(self) -> None:
        seen = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-auth-")}
        body = json.dumps(seen | {"method": self.command, "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _respond  # noqa: N815 - the names that the library looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Keep silent."""


class Stage:
    """A service, a gateway, an application, and a proxy of each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = LiveServer(folder)
        self.http = httpx.Client(
            base_url=self.server.url, headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}, timeout=60
        )
        self.application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
        threading.Thread(target=self.application.serve_forever, daemon=True).start()
        self.gateway_port = free_port()
        environ = {
            "PYTHONPATH": f"{HOME / 'clients/python'}",
            "SOJOURN_GATEWAY_URL": self.server.url,
            "SOJOURN_GATEWAY_API_KEY": API_KEY,
            "SOJOURN_GATEWAY_MAX_STALENESS": f"{STALE_SECONDS}s",
        }
        command = [sys.executable, "-m", "sojourn", "gateway", "--port", str(self.gateway_port)]
        self.processes = [self._start(command, "gateway", os.environ | environ)]
        self.ports = {name: self._proxy(name) for name in PROXIES if place_of(name)}

    def _start(self, command: list[str], name: str, environ: dict[str, str]) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("wb") as said:
            return subprocess.Popen(command, stdout=said, stderr=said, cwd=self.folder, env=environ)

    def _blocks(self, heading: str, language: str) -> list[str]:
        """The configurations below a heading of the page, with the ports of this stage but for the proxy's own."""
        part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
        ports = {"9000": str(self.application.server_address[1]), "8090": str(self.gateway_port)}
        found = re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)
        return [
            re.sub(r"(?<=127\.0\.0\.1:)\d+|(?<=port_value: )\d+", lambda m: ports.get(m[0], m[0]), t) for t in found
        ]

    def _proxy(self, name: str) -> int:
        port, folder = free_port(), self.folder / name
        folder.mkdir()
        if name == "nginx":
            site, headers = self._blocks("nginx", "nginx")
            (folder / "nginx.conf").write_text(site.replace("listen 8000", f"listen 127.0.0.1:{port}"))
            (folder / "auth_headers.conf").write_text(headers)
            (folder / "main.conf").write_text(NGINX.format(folder=folder))
            command = [program("nginx"), "-p", str(folder), "-c", str(folder / "main.conf")]
        elif name == "traefik":
            static, routes = self._blocks("Traefik", "yaml")
            (folder / "traefik.yaml").write_text(
                static.replace(":8000", f"127.0.0.1:{port}").replace("/etc/traefik", str(folder))
            )
            (folder / "routes.yaml").write_text(routes)
            command = [program("traefik"), f"--configFile={folder / 'traefik.yaml'}"]
        elif name == "caddy":
            (site,) = self._blocks("Caddy", "text")
            text = "{\n\tadmin off\n}\n" + site.replace(":8000 {", f"http://127.0.0.1:{port} {{")
            (folder / "Caddyfile").write_text(text)
            command = [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        else:
            (text,) = self._blocks("Envoy", "yaml")
            text = text.replace("address: 0.0.0.0, port_value: 8000", f"address: 127.0.0.1, port_value: {port}")
            (folder / "envoy.yaml").write_text(text)
            command = [program("envoy"), "-c", str(folder / "envoy.yaml"), "--concurrency", "1"]
            command += ["--base-id", str(port)]
        self.processes.append(self._start(command, f"{name}.said", {"HOME": str(folder)}))
        return port

    def sign_in(self, **facts: Any) -> tuple[str, str]:
        """The id of a new session, and its access token."""
        body = {"auth_user_id": "usr_änn", **facts}
        session = self.http.post("/internal/session/create", json=body).json()["data"]["session"]
        body = {"session_id": session["id"], "tenant_id": "acme", "auth_user_id": session["user_id"]}
        pair = self.http.post("/internal/session/generate-tokens", json=body).json()
        return session["id"], pair["access_token"]

    def ask(self, proxy: str, token: str | None, path: str = "/", method: str = "GET") -> Reply:
        """One request through a proxy, with headers that a client made up."""
        headers = MADE_UP | ({} if token is None else {"Authorization": f"Bearer {token}"})
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[proxy]}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Reply(response.status, {}, json.load(response))
        except urllib.error.HTTPError as error:
            return Reply(error.code, {name.lower(): value for name, value in error.headers.items()}, {})

    def until(self, proxy: str, token: str, status: int, *, seconds: float) -> float:
        """For how long the status was another one. Fails after some seconds."""
        begun = time.monotonic()
        while True:
            try:
                got = self.ask(proxy, token).status
            except OSError:
                got = 0
            if got == status:
                return time.monotonic() - begun
            assert time.monotonic() - begun < seconds, f"{proxy}: {got}, not {status}: {self._said(proxy)}"
            time.sleep(0.05)

    def _said(self, proxy: str) -> str:
        return (self.folder / f"{proxy}.said.log").read_text("utf-8")[-2000:]

    def close(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)
        self.application.shutdown()
        self.application.server_close()
        self.http.close()
        self.server.stop()


@pytest.fixture(autouse=True)
def proxy_is_there(request: pytest.FixtureRequest) -> None:
    """A proxy that is not there is not tested, and the others are."""
    if "proxy" in request.fixturenames:
        program(request.getfixturevalue("proxy"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("gateways"))
    _, token = made.sign_in()
    for name in made.ports:
        made.until(name, token, 200, seconds=60)
    yield made
    made.close()


@pytest.mark.parametrize("proxy", PROXIES)
def test_the_application_is_told_whose_the_token_is_whatever_the_client_says(stage: Stage, proxy: str) -> None:
    key, token = stage.sign_in(amr=["pwd", "otp"])

    reply = stage.ask(proxy, token, "/things?x=1", "POST")

    assert reply.status == 200
    assert (reply.seen["method"], reply.seen["path"]) == ("POST", "/things?x=1")
    said = {name: value for name, value in reply.seen.items() if name.startswith("x-auth-")}
    assert said == {
        "x-auth-subject": "usr_%C3%A4nn",
        "x-auth-tenant": "acme",
        "x-auth-session": key,
        "x-auth-amr": "pwd,otp",
    }


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_a_token_does_not_say_is_not_what_a_client_made_up(stage: Stage, proxy: str) -> None:
    _, token = stage.sign_in()

    assert stage.ask(proxy, token).seen.get("x-auth-amr", "") == ""


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("token", [None, "no.token.this"])
def test_without_a_good_token_the_request_is_refused_with_a_challenge(
    stage: Stage, proxy: str, token: str | None
) -> None:
    reply = stage.ask(proxy, token)

    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith('Bearer realm="sojourn"')


@pytest.mark.parametrize("proxy", [name for name in PROXIES if name != "envoy"])
def test_a_good_token_without_the_role_is_forbidden(stage: Stage, proxy: str) -> None:
    _, token = stage.sign_in()

    assert stage.ask(proxy, token, "/admin/things").status == 403


@pytest.mark.parametrize("proxy", PROXIES)
def test_an_end_is_heard_within_seconds(stage: Stage, proxy: str) -> None:
    key, token = stage.sign_in()
    assert stage.ask(proxy, token).status == 200
    assert stage.http.delete(f"/internal/session/{key}").status_code == 204

    assert stage.until(proxy, token, 401, seconds=10) < 5


def test_when_the_service_is_gone_every_proxy_says_503_and_recovers(stage: Stage) -> None:
    _, token = stage.sign_in()
    assert {stage.ask(name, token).status for name in stage.ports} == {200}
    stage.server.kill()
    try:
        for name in stage.ports:
            stage.until(name, token, 503, seconds=STALE_SECONDS + 10)
    finally:
        stage.server.restart()
    for name in stage.ports:
        stage.until(name, token, 200, seconds=30)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/authz/forward", 200),
        ("HEAD", "/authz/forward?tenant=acme,globex", 200),
        ("GET", "/authz/forward?tenant=globex", 403),
        ("GET", "/authz/forward?amr=hwk", 403),
        ("GET", "/authz/forward?role=admin&role=user", 400),
        ("GET", "/authz/forward?roles=admin", 400),
        ("GET", "/authz/forward?role=", 400),
        ("GET", "/authz/forward?role", 400),
        ("GET", "/authz/forward?role=admin,", 400),
        ("POST", "/authz/forward", 405),
        ("DELETE", "/authz/envoy/things?role=admin", 200),
        ("GET", "/authz/envoy", 200),
        ("GET", "/authz/envoyage", 404),
        ("GET", "/authz", 404),
        ("GET", "/health/ready", 200),
    ],
)
def test_a_gateway_lets_through_what_was_asked_for_and_nothing_by_mistake(
    stage: Stage, method: str, path: str, status: int
) -> None:
    _, token = stage.sign_in()

    response = httpx.request(
        method, f"http://127.0.0.1:{stage.gateway_port}{path}", headers={"Authorization": f"bearer {token}"}
    )

    assert response.status_code == status
    if status >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]


def test_two_authorizations_are_none(stage: Stage) -> None:
    _, token = stage.sign_in()
    headers = [("Authorization", f"Bearer {token}")] * 2

    assert httpx.get(f"http://127.0.0.1:{stage.gateway_port}/authz/forward", headers=headers).status_code == 401
    assert "sojourn_verify_feed_age_seconds" in httpx.get(f"http://127.0.0.1:{stage.gateway_port}/metrics").text
