"""The proxies of `deploy/proxies`, each started with its file before a real server: what goes through comes out."""

import http.client
import json
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.certificates import Certificate
from tests.deploy.programs import program
from tests.live import API_KEY, LiveServer, free_port

FILES = Path(__file__).parents[2] / "deploy" / "proxies"
HOST = "sessions.example.com"
KEY = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
NGINX = """
user root; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; uwsgi_temp_path {folder}/uwsgi;
    fastcgi_temp_path {folder}/fastcgi; scgi_temp_path {folder}/scgi;
    include {folder}/nginx.conf;
}}
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None = None


JSON = {**KEY, "Content-Type": "application/json"}
REQUESTS = {
    "health": Asked("GET", "/health/live", {}),
    "head": Asked("HEAD", "/health/live", {}),
    "no key": Asked("GET", "/internal/session/sessions/ann", {"X-Tenant-ID": "acme"}),
    "nowhere": Asked("GET", "/nowhere", {}),
    "another method": Asked("PATCH", "/health/live", {}),
    "an id with a slash": Asked("GET", "/internal/session/sessions/a%2Fb", KEY),
    "an id with two slashes and a percent sign": Asked("GET", "/internal/session/sessions/a%2F%2Fb%25", KEY),
    "an id with a question mark": Asked("GET", "/internal/session/sessions/a%3Fb%23c", KEY),
    "an id of dots": Asked("GET", "/internal/session/sessions/...", KEY),
    "no JSON": Asked("POST", "/internal/session/create", JSON, b"{"),
    "too large": Asked("POST", "/internal/session/create", JSON, b'{"auth_user_id":"' + b"a" * 100_000 + b'"}'),
    "a long header": Asked("GET", "/health/live", {"X-Long": "a" * 17_000}),
    "a language": Asked("GET", "/nowhere", {"Accept-Language": "zh-CN"}),
    "a request id": Asked("GET", "/health/live", {"X-Request-ID": "req-from-the-client-1"}),
}
OF_THE_CONNECTION = {
    "date",
    "connection",
    "keep-alive",
    "server",
    "via",
    "alt-svc",
    "content-length",
    "transfer-encoding",
}
OF_THE_REQUEST = {"x-request-id", "traceparent", "x-envoy-upstream-service-time"}


def ask(port: int, asked: Asked, *, trust: ssl.SSLContext | None = None) -> Answer:
    """One request on a connection of its own."""
    connection: http.client.HTTPConnection
    if trust is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    else:
        connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=trust)
    try:
        connection.request(asked.method, asked.path, asked.body, {"Host": HOST, **asked.headers})
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


def command(name: str, folder: Path) -> list[str]:
    """How the proxy is started with the files in a folder."""
    if name == "nginx":
        (folder / "main.conf").write_text(NGINX.format(folder=folder))
        return [program("nginx"), "-p", str(folder), "-c", str(folder / "main.conf")]
    if name == "caddy":
        return [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    if name == "traefik":
        return [program("traefik"), f"--configFile={folder / 'traefik.yaml'}"]
    return [program("envoy"), "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--base-id", str(free_port())]


@contextmanager
def in_front_of(server: LiveServer, name: str, *, folder: Path, certificate: Certificate) -> Iterator[int]:
    """The port of a proxy that runs with its file of `deploy/`: only addresses and places of files are others."""
    port = free_port()
    for file in FILES.iterdir():
        text = file.read_text("utf-8").replace("/etc/ssl/sojourn/chain.pem", str(certificate.chain))
        text = text.replace("/etc/ssl/sojourn/key.pem", str(certificate.key)).replace("/etc/traefik", str(folder))
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}").replace(
            "port_value: 8080", f"port_value: {server.port}"
        )
        text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace('":443"', f'"127.0.0.1:{port}"')
        text = text.replace(f"{HOST}:443", f"{HOST}:{port}").replace(
            "0.0.0.0, port_value: 443", f"127.0.0.1, port_value: {port}"
        )
        if file.name == "Caddyfile":
            text = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text
        (folder / file.name).write_text(text, "utf-8")
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command(name, folder), stdout=said, stderr=said, cwd=folder, env={"HOME": str(folder)}
        )
    try:
        _await(port, certificate.trust, process=process, said=folder / "said")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _await(port: int, trust: ssl.SSLContext, *, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if ask(port, REQUESTS["health"], trust=trust).status == 200:
                return
        except OSError:
            pass
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("name", ["nginx", "caddy", "traefik", "envoy"])
def test_a_proxy_with_our_file_changes_no_answer(
    name: str, server: LiveServer, certificate: Certificate, tmp_path: Path
) -> None:
    created = ask(server.port, Asked("POST", "/internal/session/create", JSON, b'{"auth_user_id":"a/b"}'))
    assert created.status == 201

    with in_front_of(server, name, folder=tmp_path, certificate=certificate) as port:
        seen = {}
        for what, asked in REQUESTS.items():
            straight, through = ask(server.port, asked), ask(port, asked, trust=certificate.trust)
            seen[what] = (kept(through), kept(straight))

    changed = {what: pair for what, pair in seen.items() if pair[0] != pair[1]}
    assert changed == {}, "\n".join(f"{what}: {pair}" for what, pair in changed.items())
    assert seen["an id with a slash"][0][2] != seen["an id with a question mark"][0][2], "ids of a path are read"


def kept(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """What a proxy has no business to change."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_CONNECTION | OF_THE_REQUEST}
    body = answer.body
    if answer.headers.get("content-type", "").startswith(("application/problem+json", "application/json")) and body:
        told = json.loads(body)
        for changing in ("request_id", "timestamp", "trace_id", "span_id"):
            told.pop(changing, None)
        body = json.dumps(told, sort_keys=True).encode()
    return answer.status, headers, body
