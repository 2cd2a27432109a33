"""Debian's Apache with `mod_auth_openidc` before an application: it introspects tokens, and ends its own sessions.

The application's sign-in page is the test: it records the session here, and its ID token has that session as `sid`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from tests.background import serving
from tests.deploy.certificates import Certificate
from tests.deploy.programs import program
from tests.live import API_KEY, JWT_SECRET, LiveServer, free_port

MODULES = Path("/usr/lib/apache2/modules")
MISSING = "NOT TESTED: Apache is without mod_auth_openidc here: `apt-get install apache2 libapache2-mod-auth-openidc`"
NAMES = ("mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "auth_openidc")
SECRET = "a-secret-of-the-shop-of-thirty-two-bytes"
CONFIG = """
ServerName localhost
ServerRoot {folder}
PidFile {folder}/apache.pid
Mutex file:{folder} default
Listen 127.0.0.1:{port}
User www-data
Group www-data
ErrorLog {folder}/error.log
LogLevel warn
{modules}
OIDCCryptoPassphrase {secret}
OIDCCABundlePath {trusted}

OIDCOAuthIntrospectionEndpoint {url}/oauth/introspect
OIDCOAuthIntrospectionEndpointAuth client_secret_basic
OIDCOAuthClientID acme
OIDCOAuthClientSecret {key}
OIDCOAuthTokenIntrospectionInterval -1
OIDCOAuthRemoteUserClaim sub

OIDCProviderIssuer {url}
OIDCProviderJwksUri {url}/.well-known/jwks.json
OIDCProviderAuthorizationEndpoint https://sign-in.example.com/authorize
OIDCProviderBackChannelLogoutSupported On
OIDCResponseType id_token
OIDCResponseMode form_post
OIDCClientID shop
OIDCClientSecret {secret}
OIDCRedirectURI http://127.0.0.1:{port}/shop/callback
OIDCRemoteUserClaim sub

ProxyPass /shop/callback !
ProxyPass / {shop}/
<Location /api>
    AuthType oauth20
    Require valid-user
</Location>
<Location /shop>
    AuthType openid-connect
    Require valid-user
</Location>
"""


class Shop(BaseHTTPRequestHandler):
    """The application behind Apache, which says who is there."""

    def do_GET(self) -> None:
        body = json.dumps({"user": self.headers.get("OIDC_CLAIM_sub")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Gateway:
    """The service, Apache and the application behind it."""

    def __init__(self, server: LiveServer, url: str, certificate: Certificate) -> None:
        self.server, self.url = server, url
        self.http = httpx.Client(timeout=30, verify=certificate.trust)

    def call(self, method: str, path: str, **body: Any) -> Any:
        """What the service says to an API key of the tenant."""
        response = self.http.request(
            method,
            f"{self.server.url}{path}",
            headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"},
            **({"json": body} if body else {}),
        )
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def sign_in(self, user: str) -> tuple[str, dict[str, Any]]:
        """The id of a new session, and its first tokens."""
        data = self.call("POST", "/internal/session/create", auth_user_id=user)["data"]
        return data["session"]["id"], data["tokens"]

    def api(self, token: str) -> httpx.Response:
        """The application behind Apache, asked with a token."""
        return self.http.get(f"{self.url}/api/me", headers={"Authorization": f"Bearer {token}"})

    def browser(self, user: str, session: str) -> httpx.Client:
        """A browser that has signed in at the application by way of Apache."""
        browser = httpx.Client(base_url=self.url, timeout=30)
        asked = parse_qs(urlsplit(browser.get("/shop/").headers["Location"]).query)
        now = int(time.time())
        claims = {"iss": self.server.url, "aud": "shop", "sub": user, "sid": session, "nonce": asked["nonce"][0]}
        id_token = jwt.encode(claims | {"iat": now, "exp": now + 60}, SECRET)
        back = browser.post("/shop/callback", data={"id_token": id_token, "state": asked["state"][0]})
        assert back.status_code == 302, back.text
        return browser


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Gateway]:
    """Apache asks over https alone."""
    apache = program("apache2")
    if not (MODULES / "mod_auth_openidc.so").exists():
        pytest.skip(MISSING)
    folder, port = tmp_path_factory.mktemp("apache"), free_port()
    settings = {"SOJOURN_TOKEN_ALGORITHM": "RS256", "SOJOURN_TOKEN_ISSUER": "{url}", "SOJOURN_HOST": "localhost"}
    settings |= {"SOJOURN_TLS_CERTIFICATE": str(certificate.chain), "SOJOURN_TLS_KEY": str(certificate.key)}
    server = LiveServer(folder, tls_authority=certificate.chain, SOJOURN_WEBHOOK_ALLOW="127.0.0.1", **settings)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Shop)) as shop, readable(certificate.chain) as trusted:
        modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NAMES)
        places = {
            "folder": folder,
            "port": port,
            "shop": f"http://127.0.0.1:{shop.server_port}",
            "url": server.url,
            "trusted": trusted,
        }
        config = folder / "apache.conf"
        config.write_text(CONFIG.format(**places, modules=modules, secret=SECRET, key=API_KEY))
        process = subprocess.Popen([apache, "-D", "FOREGROUND", "-f", str(config)], env=os.environ | {"LANG": "C"})
        made = Gateway(server, f"http://127.0.0.1:{port}", certificate)
        try:
            until(lambda: answers(made))
            yield made
        finally:
            made.http.close()
            process.terminate()
            process.wait(30)
            server.stop()


@contextlib.contextmanager
def readable(file: Path) -> Iterator[Path]:
    """A copy of a file where the user can read it as whom Apache runs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(shutil.copy(file, folder))


def answers(gateway: Gateway) -> bool:
    try:
        return gateway.http.get(f"{gateway.url}/").status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def test_apache_lets_in_whom_introspection_calls_active_and_nobody_else(gateway: Gateway) -> None:
    session, tokens = gateway.sign_in("usr_ann")
    token = tokens["access_token"]

    assert gateway.http.get(f"{gateway.url}/api/me").status_code == 401
    assert gateway.api(token).json() == {"user": "usr_ann"}
    for wrong in ("unknown", token[:-4] + "AAAA"):
        refused = gateway.api(wrong)
        assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Bearer"), (
            gateway.log.read_text()
        )
    gateway.call("DELETE", f"/internal/session/{session}")
    assert gateway.api(token).status_code == 401, "the next request of an ended session"


def test_apache_ends_the_session_that_a_logout_token_names_and_no_other(gateway: Gateway) -> None:
    claims = {"sub": "root", "tenant_id": "acme", "roles": ["admin"], "iat": int(time.time()), "exp": 2**31}
    made = gateway.http.post(
        f"{gateway.server.url}/admin/logout-clients",
        headers={"Authorization": f"Bearer {jwt.encode(claims, JWT_SECRET)}"},
        json={"client_id": "shop", "uri": f"{gateway.url}/shop/callback?logout=backchannel"},
    )
    assert made.status_code == 201, made.text
    ended, going_on = gateway.sign_in("usr_ann")[0], gateway.sign_in("usr_ann")[0]
    first, second = gateway.browser("usr_ann", ended), gateway.browser("usr_ann", going_on)
    assert [one.get("/shop/").json() for one in (first, second)] == [{"user": "usr_ann"}] * 2

    gateway.call("DELETE", f"/internal/session/{ended}")

    until(lambda: first.get("/shop/").status_code == 302)
    assert second.get("/shop/").json() == {"user": "usr_ann"}
    until(lambda: 'logout=backchannel "HTTP/1.1 ' in gateway.server.log.read_text())
    assert 'logout=backchannel "HTTP/1.1 200' in gateway.server.log.read_text()
    for browser in (first, second):
        browser.close()
