"""Speaks to one chosen worker of a server: a connection belongs to the worker that accepted it."""

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.live import LiveServer

SECONDS = 60


class Answered(NamedTuple):
    """A response that came from the worker: its status, and its document if it has one."""

    status: int
    document: Any


class Worker:
    """One worker. Nothing that is sent through it reaches another one, also where a connection was closed."""

    def __init__(self, port: int, process: int, others: Sequence[int]) -> None:
        self.process = process
        self._port = port
        self._others = others
        self._connection = self._connected()

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None) -> Answered:
        """The response to one request, whose body is JSON."""
        sent = None if body is None else json.dumps(body)
        all_headers = (headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        try:
            return self._asked(method, path, sent, all_headers)
        except (http.client.NotConnected, http.client.RemoteDisconnected, ConnectionError):
            # Nothing was sent for a while, and the worker has closed the connection.
            self._connection.close()
            self._connection = self._connected()
            return self._asked(method, path, sent, all_headers)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _asked(self, method: str, path: str, sent: str | None, headers: dict[str, str]) -> Answered:
        self._connection.request(method, path, sent, headers)
        response = self._connection.getresponse()
        raw = response.read()
        return Answered(response.status, json.loads(raw) if raw else None)

    def _connected(self) -> http.client.HTTPConnection:
        """A connection that this worker has accepted: the others stand still until it has answered there."""
        with standing_still(self._others):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
            connection.request("GET", "/health/live")
            response = connection.getresponse()
            response.read()
        assert response.status == 200
        connection.auto_open = 0  # a new connection might be another worker's
        return connection


def each_worker(server: LiveServer, number: int) -> list[Worker]:
    """The workers of a server that has so many, as soon as all of them serve."""
    _until(lambda: server.log.read_bytes().count(b"Application startup complete") >= number)
    processes = server.workers()
    assert len(processes) == number
    return [Worker(server.port, process, [other for other in processes if other != process]) for process in processes]


@contextmanager
def standing_still(processes: Sequence[int]) -> Iterator[None]:
    """These processes do nothing meanwhile (SIGSTOP, SIGCONT)."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        _until(lambda: all(_state(process) == "T" for process in processes))
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def _state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)
