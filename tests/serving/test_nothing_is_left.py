"""A worker holds as much after many requests, good and bad, as before them: no file, connection or memory is left."""

import socket
import time
from pathlib import Path

from tests.live import API_KEY, LiveServer

ROUNDS = 60
MOST_SECONDS = 120
A_FEW_FILES = 8
"""Connections of the pool and files of the database that are opened once and kept."""
MEGABYTES = 48
KINDS = {
    "good": b"GET /internal/session/sessions/usr_1/active HTTP/1.1\r\nHost: x\r\n"
    b"X-API-Key: %b\r\nX-Tenant-ID: acme\r\n\r\n",
    "unknown path": b"GET /no/such/path HTTP/1.1\r\nHost: x\r\n\r\n",
    "no credentials": b"GET /admin/sessions/stats HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken body": b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-API-Key: %b\r\nX-Tenant-ID: acme\r\n"
    b"Content-Type: application/json\r\nContent-Length: 3\r\n\r\n{{{",
    "no http": b"\x00\x01\x02 nothing\r\n\r\n",
    "half a head": b"GET /health/live HTTP/1.1\r\nHo",
    "half a body": b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-API-Key: %b\r\nX-Tenant-ID: acme\r\n"
    b"Content-Type: application/json\r\nContent-Length: 300\r\n\r\n{",
}
"""Requests that are answered, refused, and those that end in the middle."""


def send(server: LiveServer, data: bytes) -> None:
    """Send, read what comes at once where a whole request was sent, and hang up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=MOST_SECONDS) as connection:
        connection.sendall(data.replace(b"%b", API_KEY.encode()))
        if data.endswith((b"\r\n\r\n", b"{{{")):
            connection.recv(65_536)


def files_of(server: LiveServer) -> int:
    """How many files and connections the process has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def megabytes_of(server: LiveServer) -> int:
    """How much memory the process holds."""
    line = next(
        line
        for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    )
    return int(line.split()[1]) // 1024


def test_a_worker_holds_as_much_after_many_requests_as_before(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    try:
        for _ in range(5):
            for data in KINDS.values():
                send(server, data)
        files, megabytes = files_of(server), megabytes_of(server)
        for _ in range(ROUNDS):
            for data in KINDS.values():
                send(server, data)
        deadline = time.monotonic() + MOST_SECONDS
        while files_of(server) > files + A_FEW_FILES and time.monotonic() < deadline:
            time.sleep(0.2)
        assert files_of(server) <= files + A_FEW_FILES
        assert megabytes_of(server) <= megabytes + MEGABYTES
        assert server.process.poll() is None
        assert "Traceback" not in server.log.read_text()
    finally:
        server.stop()
