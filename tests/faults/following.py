"""Readers of the feed of events: whatever breaks, each goes on at the last cursor that it has."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests.faults.telling import SERVICE
from tests.live import LiveServer

ENDS = "session.ended"
PATIENCE_SECONDS = 20
"""Longer than the feed is ever silent."""
BROKEN = (OSError, http.client.HTTPException)


class Follower(threading.Thread):
    """Reads the ends of sessions from a cursor on, page by page, until `stop`. The services take turns."""

    def __init__(self, cursor: str, *services: LiveServer) -> None:
        super().__init__(daemon=True)
        self._services = services
        self._cursor = cursor
        self._over = threading.Event()
        self.read: list[tuple[str, str]] = []
        """The cursor and the session of each event, as they came."""
        self.breaks = 0
        """How often no complete response came, or a refusal."""
        self.refused: list[str] = []
        """Refusals that are none of "come again later"."""

    def run(self) -> None:
        turn = 0
        while not self._over.is_set():
            try:
                self._ask(self._services[turn % len(self._services)])
            except BROKEN:
                turn, self.breaks = turn + 1, self.breaks + 1
                self._over.wait(0.1)

    def stop(self) -> None:
        """Read no more."""
        self._over.set()
        self.join(2 * PATIENCE_SECONDS)

    def _ask(self, service: LiveServer) -> None:
        path = f"/internal/events?types={ENDS}&limit=50&wait=2s&after={self._cursor}"
        with self._open(service, path, "application/json") as response:
            page = json.loads(response.read())
        for event in page["items"]:
            self._note(event)
        self._cursor = page["next_cursor"]

    @contextmanager
    def _open(self, service: LiveServer, path: str, accept: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that is to be read. Raises where the service is broken or says so."""
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE_SECONDS)) as connection:
            connection.sock = self._connected(service)
            connection.request("GET", path, headers=SERVICE | {"Accept": accept, "Connection": "close"} | headers)
            with connection.getresponse() as response:
                if response.status not in (200, 503):
                    self.refused.append(f"{response.status} {response.read().decode()}")
                if response.status != 200:
                    raise http.client.HTTPException(response.status)
                yield response

    def _connected(self, service: LiveServer) -> socket.socket:
        return socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE_SECONDS)

    def _note(self, event: dict[str, Any]) -> None:
        if event["type"] == ENDS:
            self.read.append((event["cursor"], event["data"]["session_id"]))


class Streaming(Follower):
    """Reads a stream; goes on behind the last message that came whole."""

    types = ENDS

    def _ask(self, service: LiveServer) -> None:
        path = f"/internal/events/stream?types={self.types}"
        with self._open(service, path, "text/event-stream", **{"Last-Event-ID": self._cursor}) as response:
            for fields in self._messages(response):
                self._cursor = fields["id"]
                if fields["event"] != "checkpoint":
                    self._note(json.loads(fields["data"]))

    def _messages(self, response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
        fields: dict[str, str] = {}
        while not self._over.is_set() and (line := response.readline().decode()):
            if line != "\n":
                name, _, value = line.rstrip("\n").partition(": ")
                fields[name] = value
                continue
            if "id" in fields:
                yield fields
            fields = {}


class Slow(Streaming):
    """Reads nothing of its first stream for a while; its buffer is small, and it asks for beginnings, too."""

    types = f"session.created,{ENDS}"

    def __init__(self, cursor: str, *services: LiveServer, silent_seconds: float) -> None:
        super().__init__(cursor, *services)
        self._silent_seconds = silent_seconds

    def _connected(self, service: LiveServer) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(("127.0.0.1", service.port))
        return connection

    def _messages(self, response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
        time.sleep(self._silent_seconds)
        self._silent_seconds = 0
        return super()._messages(response)
