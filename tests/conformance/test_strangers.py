"""Servers that are no servers of the contract: one clear line, and the status that says that nothing was judged."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.seed_stub import SeedStub
from tests.conformance.serving import FIRST, admin_token, judge, served

ARGUMENTS = ("--profile", "seed", "--tenant", FIRST)


@contextlib.contextmanager
def answering(status: int, media: str, **headers: str) -> Iterator[str]:
    """The address of a server that says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}" if "json" in media else b"<h1>Welcome</h1>")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


def line_about(url: str, folder: Path, *arguments: str) -> str:
    """What is said of a server that nothing can be judged of: one line, and status 3."""
    said = judge(url, folder, *ARGUMENTS, *arguments, one_tenant=True)
    lines = [line for line in said.output.splitlines() if line.startswith("conformance: ")]

    assert said.status == 3, said.output
    assert "Traceback" not in said.output
    assert len(lines) == 1, said.output
    return lines[0]


@pytest.mark.parametrize(
    ("status", "media", "wanted"),
    [
        (200, "text/html", "no JSON: something else is there"),
        (404, "text/html; charset=utf-8", "no JSON: something else is there"),
        (404, "application/json", "is the path missing below which the operations are mounted?"),
        (302, "text/html", "redirects to https://elsewhere.example/"),
        (503, "application/problem+json", "answers 503: it does not work"),
    ],
)
def test_what_is_no_server_of_the_contract_is_told_in_one_line(
    status: int, media: str, wanted: str, tmp_path: Path
) -> None:
    with answering(status, media, Location="https://elsewhere.example/") as url:
        assert wanted in line_about(url, tmp_path)


def test_a_path_that_is_wrong_is_told_as_such(tmp_path: Path) -> None:
    with served(SeedStub(admin_token(FIRST))) as url:
        assert "is the path missing" in line_about(f"{url}/session/api", tmp_path)


def test_a_file_without_certificates_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    empty = tmp_path / "none.pem"
    empty.write_text("nothing\n")

    assert "no certificates can be read from it" in line_about("https://127.0.0.1:9", tmp_path, "--ca-file", str(empty))


def test_a_server_with_the_certificate_of_a_private_authority_is_judged(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with proxied(certificate, key) as url:
        refused = line_about(url, tmp_path)
        said = judge(url, tmp_path, *ARGUMENTS, "--ca-file", str(certificate), "--check", "SED-009", one_tenant=True)

    assert "CERTIFICATE_VERIFY_FAILED" in refused
    assert said.status == 3, said.output
    assert "no JSON" in said.output


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    import subprocess

    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


@contextlib.contextmanager
def proxied(certificate: Path, key: Path) -> Iterator[str]:
    """The address of a page over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
