"""The head of a request must come in time, within limits, and be HTTP; seen from a raw socket."""

import json
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from sojourn.conformance.wire import Reply
from tests.live import API_KEY, LiveServer
from tests.strictness.requests import exchange, replies


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits half a second for a head."""
    server = LiveServer(tmp_path_factory.mktemp("hasty"), SOJOURN_HEAD_TIMEOUT="500ms")
    yield server
    assert server.stop() in (0, -signal.SIGTERM)


def assert_problem(reply: Reply, status: int) -> None:
    assert reply.status == status
    assert json.loads(reply.body)["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["connection"] == "close"


def test_a_head_that_never_ends_is_408(hasty: LiveServer) -> None:
    started = time.monotonic()

    reply = exchange(hasty.port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ")

    assert_problem(reply, 408)
    assert 0.4 < time.monotonic() - started < 30


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        assert connection.recv(1) == b""


def test_a_head_that_grows_and_grows_is_431(hasty: LiveServer) -> None:
    reply = exchange(hasty.port, b"GET /health/live HTTP/1.1\r\nX-Endless: " + b"a" * 60_000)

    assert_problem(reply, 431)


@pytest.mark.parametrize("length", [9_000, 30_000, 70_000, 200_000])
def test_a_target_that_is_too_long_is_414_however_long_it_is(hasty: LiveServer, length: int) -> None:
    reply = exchange(hasty.port, b"GET /" + b"a" * length + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert_problem(reply, 414)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_and_never_answered_twice(hasty: LiveServer, garbage: bytes) -> None:
    reply = exchange(hasty.port, garbage)

    assert_problem(reply, 400)  # and nothing comes after it: exchange looks


def test_the_next_request_on_a_connection_has_its_own_time(hasty: LiveServer) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.4)
        connection.sendall(b"GET /health")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")


def test_a_client_that_waits_for_100_continue_is_told_to_go_on_before_it_sends(hasty: LiveServer) -> None:
    body = b'{"auth_user_id":"ann"}'
    head = (
        "POST /internal/session/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-API-Key: {API_KEY}\r\nX-Tenant-ID: acme\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)

        assert connection.recv(4096).startswith(b"HTTP/1.1 201 ")


def test_requests_sent_at_once_are_answered_one_after_the_other(hasty: LiveServer) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
    found = replies(hasty.port, request + b"\r\n" + request + b"Connection: close\r\n\r\n", "GET")

    assert [reply.status for reply in found] == [200, 200]


def test_a_connection_that_idles_after_an_answer_is_closed_counted_from_the_last_answer(hasty: LiveServer) -> None:
    """uvicorn's five seconds, from the latest answer on, however many came before it."""
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=60) as connection:
        for pause in (0.0, 0.2, 3.0):
            time.sleep(pause)
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        answered = time.monotonic()

        assert connection.recv(4096) == b""
        assert 4 < time.monotonic() - answered < 30


def test_empty_lines_after_an_answer_keep_no_connection_open(hasty: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=30) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"\r\n")

        assert connection.recv(1) == b""
