"""Streams of events on the wire: each piece leaves at once, none outlives its reader, and a stop ends them all."""

import http.client
import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.following import Follower, Streaming
from tests.live import API_KEY, LiveServer
from tests.serving.test_floods import resident
from tests.serving.test_slow_readers import reader

HEADERS = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
STREAM = "/internal/events/stream"
OPENED = b"GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nX-Tenant-ID: acme\r\nAccept: text/event-stream\r\n\r\n" % (
    STREAM.encode(),
    API_KEY.encode(),
)
SECONDS = 60
"""How long is waited at most for what must happen."""
MANY = int(os.environ.get("SOJOURN_TEST_STREAMS", "300"))
KIBIBYTE = 1024
ESTABLISHED, CLOSE_WAIT = "01", "08"
"""States of a connection in the kernel's table (`include/net/tcp_states.h` of Linux)."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits two seconds for a reader."""
    live = LiveServer(tmp_path_factory.mktemp("streams"), SOJOURN_WRITE_TIMEOUT="2s", SOJOURN_STREAM_MAX_AGE="10m")
    yield live
    assert live.stop() in (0, -signal.SIGTERM)


class Following:
    """An open stream, read line by line."""

    def __init__(self, server: LiveServer, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        self._connection.request("GET", STREAM, headers=HEADERS | {"Accept": "text/event-stream"} | headers)
        self.response = self._connection.getresponse()
        assert self.response.status == 200, self.response.read()

    def close(self) -> None:
        self.response.close()
        self._connection.close()

    def lines(self) -> Iterator[str]:
        """The lines until the stream ends."""
        while line := self.response.readline():
            yield line.decode().rstrip("\n")

    def events(self) -> Iterator[tuple[str, Any]]:
        """What is told, each with its type, checkpoints too."""
        kind = ""
        for line in self.lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


def create(server: LiveServer, user: str) -> str:
    response = httpx.post(
        f"{server.url}/internal/session/create", json={"auth_user_id": user}, headers=HEADERS, timeout=SECONDS
    )
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["session"]["id"])


def end(server: LiveServer, session: str) -> None:
    response = httpx.delete(f"{server.url}/internal/session/{session}", headers=HEADERS, timeout=SECONDS)
    assert response.status_code == 204, response.text


def connections(server: LiveServer) -> int:
    """How many connections of clients the server holds: open, or left by the client alone."""
    lines = Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]
    ends = [(line.split()[1], line.split()[3]) for line in lines]
    return sum(local.endswith(f":{server.port:04X}") and state in (ESTABLISHED, CLOSE_WAIT) for local, state in ends)


def wait_for(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def test_an_end_is_told_while_the_stream_is_open(server: LiveServer) -> None:
    session = create(server, "ann")
    with closing(Following(server)) as following:
        told = following.events()
        assert any(kind == "checkpoint" for kind, _ in told), "what was there before has come"
        end(server, session)
        _, event = next(found for found in told if found[0] == "session.ended")

    assert event["data"]["session_id"] == session


def test_a_quiet_stream_says_that_it_lives(server: LiveServer) -> None:
    with closing(Following(server)) as following:
        checkpoints = comments = 0
        for line in following.lines():
            comments += line.startswith(":")
            checkpoints += line == "event: checkpoint"
            if checkpoints == 3:
                break

    assert (checkpoints, comments >= 3) == (3, True)


def test_the_instant_of_the_checkpoints_moves_on(server: LiveServer) -> None:
    """A stream in which nothing happens proves that nothing happened: its reader's knowledge stays fresh."""
    with closing(Following(server)) as following:
        instants = []
        for kind, data in following.events():
            if kind == "checkpoint":
                instants.append(data["as_of"])
            if len(instants) == 3:
                break

    assert instants == sorted(set(instants))


def test_nothing_is_left_of_readers_who_leave(server: LiveServer) -> None:
    assert wait_for(lambda: connections(server) == 0)
    with ExitStack() as stack:
        readers = [stack.enter_context(reader(server, OPENED)) for _ in range(20)]
        for connection in readers:
            connection.settimeout(SECONDS)
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert connections(server) == 20

    assert wait_for(lambda: connections(server) == 0)


def _log(server: LiveServer) -> str:
    return server.log.read_text()


def test_a_reader_who_reads_nothing_is_cut_off(server: LiveServer) -> None:
    """Its buffers are small and it is sent all events, again and again from the beginning, until they are full."""
    for user in range(150):
        end(server, create(server, f"slow_{user}"))
    assert wait_for(lambda: connections(server) == 0)
    stop = threading.Event()
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(reader(server, OPENED))
        assert wait_for(lambda: connections(server) >= 5 or _any_told(server))
        writer = threading.Thread(target=_go_on_telling, args=(server, stop))
        writer.start()
        try:
            assert wait_for(lambda: connections(server) <= 2), "they are still waited for"
        finally:
            stop.set()
            writer.join()


def _any_told(server: LiveServer) -> bool:
    return "stream_events" in _log(server)


def _go_on_telling(server: LiveServer, stop: threading.Event) -> None:
    with httpx.Client(base_url=server.url, headers=HEADERS, timeout=SECONDS) as client:
        while not stop.is_set():
            client.post("/internal/session/create", json={"auth_user_id": "slow"}).raise_for_status()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_stops_ends_its_streams_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    server = LiveServer(tmp_path, SOJOURN_DRAIN_TIME="1s", SOJOURN_STREAM_MAX_AGE="10m")
    try:
        create(server, "ann")
        with closing(Following(server)) as following:
            told = following.events()
            assert next(told)[0] == "session.created"
            server.process.send_signal(number)
            rest = list(told)  # raises where the last chunk is missing
        assert {kind for kind, _ in rest} <= {"checkpoint"}
        assert server.process.wait(SECONDS) in (0, -number)
    finally:
        server.stop()


def test_readers_of_a_server_that_is_killed_read_each_end_once(tmp_path: Path) -> None:
    """The long form, with other faults, is in `tests/faults/test_feed.py`."""
    server = LiveServer(tmp_path, SOJOURN_STREAM_MAX_AGE="10m")
    try:
        sessions = [create(server, f"user_{number}") for number in range(10)]
        page = httpx.get(f"{server.url}/internal/events", headers=HEADERS, timeout=SECONDS).json()
        readers = [Follower(page["next_cursor"], server), Streaming(page["next_cursor"], server)]
        for one in readers:
            one.start()
        for session in sessions[:5]:
            end(server, session)
        assert wait_for(lambda: all(len(one.read) == 5 for one in readers))
        server.kill()
        server.restart()
        for session in sessions[5:]:
            end(server, session)
        assert wait_for(lambda: all(len(one.read) >= 10 for one in readers))
        for one in readers:
            one.stop()
        for one in readers:
            assert [session for _, session in one.read] == sessions
            assert [cursor for cursor, _ in one.read] == sorted({cursor for cursor, _ in one.read})
            assert one.breaks > 0
    finally:
        server.stop()


def test_a_stream_ends_by_itself(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, SOJOURN_STREAM_MAX_AGE="2s")
    try:
        with closing(Following(server)) as following:
            kinds = [kind for kind, _ in following.events()]
            assert following.response.getheader("Connection") == "close"
        assert set(kinds) == {"checkpoint"}
        assert_no_chunks_in_http_1_0(server)
    finally:
        assert server.stop() in (0, -signal.SIGTERM)


def assert_no_chunks_in_http_1_0(server: LiveServer) -> None:
    """Whoever speaks HTTP/1.0 gets the stream as it is, and it ends with the connection (RFC 9112, section 6.1)."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        connection.sendall(OPENED.replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"transfer-encoding" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body.startswith(b": events\nretry: ")
    assert body.endswith(b"}\n\n")


def test_an_idle_stream_costs_little(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * MANY + 500)), hard))
    server = LiveServer(tmp_path, SOJOURN_STREAM_MAX_AGE="10m")
    try:
        with ExitStack() as stack:
            for _ in range(50):
                _open(stack, server)
            before = resident(server)
            for _ in range(MANY):
                _open(stack, server)
            time.sleep(10)
            each = (resident(server) - before) / MANY
            ticks = _cpu_seconds(server)
            time.sleep(10)
            share = (_cpu_seconds(server) - ticks) / 10
            began, ticks = time.monotonic(), _cpu_seconds(server)
            session = create(server, "ann")
            end(server, session)
            taken = time.monotonic() - began
            time.sleep(3)
            busy = _cpu_seconds(server) - ticks
        print(f"{MANY} streams: {each / KIBIBYTE:.1f} KiB each, {share:.0%} of a core when nothing happens")
        print(f"create and end took {taken:.3f} s, and with telling everybody {busy:.2f} s of a core within 3 s")
        assert each <= 40 * KIBIBYTE
    finally:
        server.stop()


def _open(stack: ExitStack, server: LiveServer) -> None:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS))
    connection.sendall(OPENED)
    assert connection.recv(12) == b"HTTP/1.1 200"


def _cpu_seconds(server: LiveServer) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
