"""A server that is told to stop: not ready first, then no more requests, and those under way finish."""

import http.client
import json
import signal
import socket
import sqlite3
import time
from contextlib import closing
from http.client import HTTPMessage
from pathlib import Path

import pytest

from tests.live import API_KEY, LiveServer

BODY = json.dumps({"auth_user_id": "usr_late"}).encode()
HEAD = (
    b"POST /internal/session/create HTTP/1.1\r\nHost: sojourn.test\r\nContent-Type: application/json\r\n"
    + f"X-API-Key: {API_KEY}\r\nX-Tenant-ID: acme\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
)


def ask(server: LiveServer, path: str) -> tuple[int, HTTPMessage, bytes]:
    """Status, headers and body of a GET on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", path, headers={"X-API-Key": API_KEY, "X-Tenant-ID": "acme"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def accepts_connections(server: LiveServer) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def wait_until_not_ready(server: LiveServer) -> tuple[int, HTTPMessage, bytes]:
    deadline = time.monotonic() + 60
    while (answer := ask(server, "/health/ready"))[0] == 200:
        assert time.monotonic() < deadline, "still ready"
        time.sleep(0.02)
    return answer


@pytest.mark.parametrize("workers", ["1", "2"])
def test_readiness_goes_first_and_requests_are_served_meanwhile(tmp_path: Path, workers: str) -> None:
    server = LiveServer(tmp_path, "--workers", workers, SOJOURN_DRAIN_TIME="3s")
    told = time.monotonic()
    server.process.terminate()

    status, headers, body = wait_until_not_ready(server)

    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert json.loads(body)["status"] == 503
    assert headers["Connection"] == "close"
    assert ask(server, "/health/live")[0] == 200
    assert ask(server, "/internal/session/sessions/usr_abc123/active")[0] == 200
    assert server.process.wait(60) == 0
    assert time.monotonic() - told >= 3
    assert not accepts_connections(server)


def test_a_request_that_is_under_way_finishes(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SOJOURN_DRAIN_TIME="500ms")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(HEAD + BODY[:5])
        time.sleep(0.2)
        server.process.terminate()
        while accepts_connections(server):
            time.sleep(0.05)
        slow.sendall(BODY[5:])
        answer = slow.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert server.process.wait(60) == 0


def test_a_request_that_takes_too_long_is_refused_as_everything_is(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SOJOURN_SHUTDOWN_TIMEOUT="1s", SOJOURN_BUSY_TIMEOUT="60s")
    with closing(sqlite3.connect(tmp_path / "sojourn.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as waiting:
            waiting.sendall(HEAD + BODY)
            time.sleep(0.5)
            server.process.terminate()
            answer = waiting.recv(65536)
        other.execute("ROLLBACK")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"retry-after: " in head.lower()
    assert json.loads(body)["status"] == 503
    assert server.process.wait(60) == 0
    assert "ERROR" not in server.log.read_text().replace("ERROR   sojourn.server: Cancel 1 running task", "")


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SOJOURN_DRAIN_TIME="60s")
    server.process.terminate()
    wait_until_not_ready(server)

    server.process.terminate()

    assert server.process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_time_to_drain_it_stops_at_once(tmp_path: Path, number: signal.Signals) -> None:
    server = LiveServer(tmp_path)

    server.process.send_signal(number)

    assert server.process.wait(60) == 0
