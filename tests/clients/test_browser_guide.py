"""The applications that docs/guides/browser-sessions.md shows in Flask and Express, run as it says."""

import http.server
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import node
from tests.background import serving
from tests.clients.browser_applications import SECRET
from tests.clients.following import wait_until
from tests.clients.typescript import PACKAGE
from tests.live import API_KEY, LiveServer, free_port

ROOT = Path(__file__).parents[2]
CLIENT = {"OIDC_CLIENT_ID": "shop", "OIDC_CLIENT_SECRET": "of-the-shop"}
HERE = {"Sec-Fetch-Site": "same-origin"}


class Provider(http.server.ThreadingHTTPServer):
    """An OpenID provider at which `usr_cleo` has signed in already (OpenID Connect Core 1.0, section 3.1)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = rsa.generate_private_key(65537, 2048)
        self.codes: dict[str, str] = {}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        about = {"iss": self.url, "sub": "usr_cleo", "aud": "shop", "iat": now, "exp": now + 60, "nonce": nonce}
        claims = about | {"sid": "at-the-provider", "amr": ["pwd", "otp"]}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})


class _Page(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        own, (path, query) = self.server, (urlsplit(self.path).path, parse_qs(urlsplit(self.path).query))
        if path == "/authorize":
            code = f"code-{len(own.codes)}"
            own.codes[code] = query["nonce"][0]
            back = urlencode({"code": code, "state": query["state"][0]})
            self._send(302, b"", Location=f"{query['redirect_uri'][0]}?{back}")
        elif path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.key.public_key())) | {"kid": "1"}
            self._send(200, json.dumps({"keys": [key]}).encode())
        else:
            named = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            urls = {name: f"{own.url}/{where}" for name, where in named.items()}
            self._send(200, json.dumps({"issuer": own.url, **urls}).encode())

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        nonce = self.server.codes.pop(form["code"][0])
        answer = {"access_token": "x", "token_type": "Bearer", "id_token": self.server.id_token(nonce)}
        self._send(200, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as server:
        yield server


def shown(language: str) -> str:
    """The one application that the guide shows in a language."""
    text = (ROOT / "docs/guides/browser-sessions.md").read_text("utf-8")
    (_, found) = text.split(f"```{language}\n")
    return found.split("```")[0]


def environ(server: LiveServer) -> dict[str, str]:
    return {"SOJOURN_URL": server.url, "SOJOURN_API_KEY": API_KEY, "COOKIE_SECRET": SECRET}


def begins(url: str) -> bool:
    try:
        return httpx.get(url).json() == {"user": None}
    except httpx.TransportError:
        return False


class Browser:
    """Sends back the cookies that it gets, as a browser does over TLS or on this machine."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies: dict[str, str] = {}

    def __call__(self, method: str, path: str, **headers: str) -> httpx.Response:
        """Send a request, and follow where it leads."""
        url = path if path.startswith("http") else self.url + path
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())} | headers
        response = httpx.request(method, url, headers=sent if url.startswith(self.url) else {})
        for line in response.headers.get_list("Set-Cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self._cookies[name] = value
        return self("GET", response.headers["Location"]) if response.is_redirect else response


def test_a_sign_in_at_a_provider_is_recorded_in_flask(
    browser_server: LiveServer, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(shown("py"), "utf-8")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "flask", "--app", "shop", "run", "--port", str(port)]
    paths = {"PYTHONPATH": str(ROOT / "clients/python")}
    settings = environ(browser_server) | CLIENT | paths | {"OIDC_ISSUER": provider.url}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | settings, **quiet) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: begins(url))
            browser = Browser(url)

            assert browser("GET", "/sign-in").json() == {"user": "usr_cleo"}
            assert browser("GET", "/").json() == {"user": "usr_cleo"}
            session = sessions_of("usr_cleo", browser_server)[0]
            assert session["amr"] == "pwd,otp"
            assert session["idp"] == {"issuer": provider.url, "session_id": "at-the-provider"}
            assert browser("POST", "/sign-out").status_code == 403
            assert browser("POST", "/sign-out", **HERE).json() == {"user": None}
            assert sessions_of("usr_cleo", browser_server) == []
        finally:
            process.kill()


@pytest.mark.usefixtures("typescript_built")
def test_a_sign_in_is_recorded_in_express(browser_server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "shop.mjs").write_text(shown("js"), "utf-8")
    (tmp_path / "node_modules/@sojourn").mkdir(parents=True)
    (tmp_path / "node_modules/@sojourn/verify").symlink_to(PACKAGE)
    (tmp_path / "node_modules/express").symlink_to(PACKAGE / "node_modules/express")
    port = free_port()
    with node.running("shop.mjs", cwd=tmp_path, PORT=str(port), **environ(browser_server)):
        url = f"http://localhost:{port}"
        wait_until(lambda: begins(url))
        browser = Browser(url)

        assert browser("GET", "/callback").json() == {"user": "usr_bob"}
        assert browser("GET", "/").json() == {"user": "usr_bob"}
        assert browser("POST", "/sign-out").status_code == 403
        assert browser("POST", "/sign-out", **HERE).json() == {"user": None}
        assert sessions_of("usr_bob", browser_server) == []


def sessions_of(user: str, server: LiveServer) -> list[dict[str, Any]]:
    """The active sessions of a user, as the service lists them."""
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    page = httpx.get(f"{server.url}/internal/session/sessions/{user}", headers=headers).json()
    found: list[dict[str, Any]] = page["items"]
    return found
