"""A client that does not read is not waited for, costs no memory, and keeps nobody out for long."""

import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.serving.conversations import converse
from tests.serving.test_floods import MEBIBYTE, resident

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SCRIPT, CONTRACT = GET % b"/docs/reference.js", GET % b"/openapi.json"
READERS = 300


@pytest.fixture
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits two seconds for a reader."""
    server = LiveServer(tmp_path_factory.mktemp("impatient"), SOJOURN_WRITE_TIMEOUT="2s")
    yield server
    assert server.stop() in (0, -signal.SIGTERM)


def reader(server: LiveServer, sent: bytes) -> socket.socket:
    """A connection that asks and takes little of the answer: its own buffer is small."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(sent)
    return connection


def is_cut(connection: socket.socket) -> bool:
    """Whether the server has given up the connection: what it had sent can be read, and then no more comes."""
    connection.settimeout(1)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def open_sockets(server: LiveServer) -> int:
    """How many sockets the server's process holds."""
    folder = f"/proc/{server.process.pid}/fd"
    held = 0
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed meanwhile
            held += os.readlink(f"{folder}/{name}").startswith("socket:")
    return held


@pytest.mark.parametrize("asked", [SCRIPT, CONTRACT * 20], ids=["one large answer", "many answers"])
def test_readers_that_read_nothing_cost_little_and_are_cut_off(impatient: LiveServer, asked: bytes) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    converse(impatient.port, [asked.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n", 1)])
    before, sockets = resident(impatient), open_sockets(impatient)
    with ExitStack() as stack:
        begun = time.monotonic()
        readers = [stack.enter_context(reader(impatient, asked)) for _ in range(READERS)]
        most = before
        while time.monotonic() - begun < 1.5:
            most = max(most, resident(impatient))
            [answer] = converse(impatient.port, [LIVE])
            assert answer.status == 200
            time.sleep(0.1)
        deadline = time.monotonic() + 60
        while open_sockets(impatient) > sockets and time.monotonic() < deadline:
            most = max(most, resident(impatient))
            time.sleep(0.1)
        left = open_sockets(impatient) - sockets
        cut = sum(is_cut(connection) for connection in readers[:20])

    assert (left, cut) == (0, 20)
    assert most - before < 60 * MEBIBYTE, f"{(most - before) / MEBIBYTE:.0f} MiB"


def test_a_reader_that_is_slow_but_reads_gets_everything(impatient: LiveServer) -> None:
    received = bytearray()
    with reader(impatient, CONTRACT.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")) as connection:
        begun = time.monotonic()
        while part := connection.recv(16_384):
            received += part
            time.sleep(0.1 if time.monotonic() - begun < 5 else 0)
        took = time.monotonic() - begun

    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert took > 2
    assert f"content-length: {len(body)}".encode() in head.lower()


def test_an_answer_too_small_to_be_held_up_is_not_waited_for_either(impatient: LiveServer) -> None:
    """What fits into the system's buffers is taken; the few bytes beyond them would keep a closing connection."""
    sockets = open_sockets(impatient)
    with reader(impatient, GET % b"/problems" * 400):
        time.sleep(0.3)
        deadline = time.monotonic() + 60
        while open_sockets(impatient) > sockets and time.monotonic() < deadline:
            time.sleep(0.1)

        assert open_sockets(impatient) == sockets


def test_beyond_the_most_connections_a_client_is_told_503_and_others_go_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = LiveServer(tmp_path_factory.mktemp("crowded"), SOJOURN_MAX_CONNECTIONS="20")
    with ExitStack() as stack:
        at = ("127.0.0.1", server.port)
        held = [stack.enter_context(socket.create_connection(at, timeout=30)) for _ in range(20)]
        time.sleep(0.2)
        refused = converse(server.port, [LIVE])
        silent = converse(server.port, [b""])
        held[0].sendall(LIVE)
        served = held[0].recv(65_536)
    deadline = time.monotonic() + 60
    while (again := converse(server.port, [LIVE]))[0].status == 503 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [(answer.status, answer.document["type"]) for answer in refused] == [(503, "/problems/unavailable")]
    assert refused[0].headers["retry-after"] == "2"
    assert [answer.status for answer in silent] == [503]
    assert served.startswith(b"HTTP/1.1 200 ")
    assert [answer.status for answer in again] == [200]
    assert server.stop() in (0, -signal.SIGTERM)


@pytest.mark.parametrize("asked", [LIVE, SCRIPT, CONTRACT * 20, LIVE[:30]])
def test_a_client_that_resets_its_connection_leaves_no_error_in_the_log(
    tmp_path_factory: pytest.TempPathFactory, asked: bytes
) -> None:
    server = LiveServer(tmp_path_factory.mktemp("reset"), SOJOURN_LOG_LEVEL="debug")
    for number in range(40):
        with reader(server, asked) as connection:
            time.sleep(0.002 * (number % 5))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.2)
    [answer] = converse(server.port, [LIVE])
    assert server.stop() in (0, -signal.SIGTERM)

    log = server.log.read_text()
    assert answer.status == 200
    assert "Traceback" not in log
    assert " ERROR " not in log
    assert " WARNING " not in log


@pytest.mark.parametrize(("connections", "limit", "warns"), [("800", 1056, False), ("1000000", None, True)])
def test_the_limit_of_open_files_is_raised_to_what_the_connections_need(
    tmp_path: Path, connections: str, limit: int | None, warns: bool
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        server = LiveServer(tmp_path, SOJOURN_MAX_CONNECTIONS=connections)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert server.stop() in (0, -signal.SIGTERM)

    assert int(limits.split("Max open files")[1].split()[0]) == (limit or hard)
    assert ("too little for SOJOURN_MAX_CONNECTIONS" in server.log.read_text()) is warns
