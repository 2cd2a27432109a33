"""A client that writes all of a request before it reads still reads why it was refused (RFC 9112 §9.6)."""

import signal
import socket
from collections.abc import Iterator

import pytest

from tests.live import API_KEY, LiveServer
from tests.serving.conversations import Heard, answers

UPLOAD = 10_000_000
CREATE = (
    b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nX-Tenant-ID: acme\r\n" % API_KEY.encode()
)
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % UPLOAD
CLOSE = b"Connection: close\r\n"
BODY = b"a" * UPLOAD
CHUNKS = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
REFUSED = {
    "a length over the limit": (CREATE + JSON + LENGTH + CLOSE + b"\r\n" + BODY, 413),
    "a length over the limit, in HTTP/1.0": (CREATE.replace(b"1.1", b"1.0") + JSON + LENGTH + b"\r\n" + BODY, 413),
    "a length over the limit, the connection kept": (CREATE + JSON + LENGTH + b"\r\n" + BODY, 413),
    "chunks over the limit": (CREATE + JSON + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS * 150, 413),
    "chunks over the limit that break": (
        CREATE + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + b"no chunk\r\n" + BODY,
        400,
    ),
    "another media type": (CREATE + b"Content-Type: text/plain\r\n" + LENGTH + CLOSE + b"\r\n" + BODY, 415),
    "no credential, the connection kept": (
        b"POST /sessions HTTP/1.1\r\nHost: x\r\n" + JSON + LENGTH + b"\r\n" + BODY,
        401,
    ),
    "chunks over the limit, the connection kept": (
        CREATE + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS * 150,
        413,
    ),
    "no credential": (b"POST /sessions HTTP/1.1\r\nHost: x\r\n" + JSON + LENGTH + CLOSE + b"\r\n" + BODY, 401),
    "no such path": (b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + LENGTH + CLOSE + b"\r\n" + BODY, 404),
    "no such method": (b"PUT /sessions HTTP/1.1\r\nHost: x\r\n" + LENGTH + CLOSE + b"\r\n" + BODY, 405),
    "another transfer coding": (CREATE + JSON + b"Transfer-Encoding: gzip\r\n\r\n" + BODY, 501),
    "another version": (b"POST /sessions HTTP/3.0\r\nHost: x\r\n" + LENGTH + b"\r\n" + BODY, 505),
    "no host": (b"POST /sessions HTTP/1.1\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "a field that does not end": (b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Filler: " + BODY, 431),
    "a target that does not end": (b"GET /" + BODY, 414),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00" + BODY, 400),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("uploads"))
    yield live
    assert live.stop() in (0, -signal.SIGTERM)


def write_all_then_read(port: int, data: bytes) -> list[Heard]:
    """What the server says, read after everything was written. Raises OSError when the connection is reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        received = bytearray()
        while part := connection.recv(65_536):
            received += part
    return answers(bytes(received))


@pytest.mark.parametrize("name", REFUSED)
def test_a_client_that_writes_ten_megabytes_before_it_reads_hears_why_it_is_refused(
    name: str, server: LiveServer
) -> None:
    data, status = REFUSED[name]

    [answer] = write_all_then_read(server.port, data)

    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["status"] == status
