"""What a client sends without end beside the data of a body is refused, and leaves no memory behind."""

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sojourn.serving.lingering import MOST_BYTES
from tests.live import API_KEY, LiveServer
from tests.serving.conversations import converse

MEBIBYTE = 1 << 20
FLOOD = 64 * MEBIBYTE
KEY = b"X-API-Key: " + API_KEY.encode() + b"\r\n"
UNREAD = int(Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()[2])
"""What the kernel takes for a server that does not read, in bytes: its most for a socket."""
BODY = b'16\r\n{"auth_user_id":"ann"}\r\n'


def head(*extra: bytes) -> bytes:
    return (
        b"POST /internal/session/create HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n"
        + b"".join(extra)
        + b"Transfer-Encoding: chunked\r\n\r\n"
    )


def resident(server: LiveServer) -> int:
    """The server's resident memory in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


FLOODS = {
    "trailers": (BODY + b"0\r\n", b"X-Much: " + b"a" * 992 + b"\r\n"),
    "one trailer": (BODY + b"0\r\nX-Much: ", b"a" * 1002),
    "one name of a trailer": (BODY + b"0\r\n", b"a" * 1002),
    "a chunk extension": (b"16;a=", b"a" * 1002),
    "extensions of many chunks": (b"", b"1;a=" + b"a" * 993 + b"\r\n{\r\n"),
}


@pytest.mark.parametrize("key", [b"", KEY], ids=["unknown", "known"])
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut_off_and_its_memory_comes_back(server: LiveServer, name: str, key: bytes) -> None:
    begin, part = FLOODS[name]
    before, sent = resident(server), 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MEBIBYTE // 4)
        connection.sendall(head(key) + begin)
        time.sleep(0.1)  # whoever is unknown is answered meanwhile
        with suppress(BrokenPipeError, ConnectionResetError):
            while sent < FLOOD:
                connection.sendall(part * 64)
                sent += len(part) * 64
            connection.recv(1)

    assert sent < MOST_BYTES + UNREAD + 2 * MEBIBYTE
    assert resident(server) - before < 16 * MEBIBYTE


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_that_is_seen_in_time_is_told_431(server: LiveServer, name: str) -> None:
    begin, part = FLOODS[name]

    answers = converse(server.port, [head(KEY), begin, part * 10, part * 10, part * 3])

    assert [answer.status for answer in answers] == [431]
    assert answers[0].headers["connection"] == "close"


def test_many_small_chunks_are_no_flood(server: LiveServer) -> None:
    text = b'{"auth_user_id":"ann"}' + b" " * 8_000
    chunks = [b"1\r\n" + text[place : place + 1] + b"\r\n" for place in range(len(text))]
    packets = [head(KEY, b"Connection: close\r\n"), *(b"".join(chunks[n : n + 500]) for n in range(0, 8_022, 500))]

    assert [answer.status for answer in converse(server.port, [*packets, b"0\r\n\r\n"])] == [201]
