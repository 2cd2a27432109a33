"""How many messages a write takes on the wire: a proxy between driver and server counts what is waited for.

A message here is what the client sends before it waits: in the protocol of PostgreSQL it ends with Sync, or is a
simple query (https://www.postgresql.org/docs/current/protocol-flow.html).
"""

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.http.conftest import Client, clock, environ, start
from tests.http.tokens import bearer, sign_in
from tests.postgres import Cluster

MOST = 2
WAITED_FOR = (b"S", b"Q", b"H")
"""Sync, Query, Flush."""
NUMBERS = b"advisory_xact_lock(8317984020787195508)"
"""Stands in what the numbering of events asks for."""


class Wire:
    """A proxy on a socket of its own. It counts, on the connections of requests, what was waited for.

    Events are numbered beside the requests, on a connection of the system's: it is not counted.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder, self._server = folder, server
        self._counted: dict[int, int] = {}
        self._numbering: set[int] = set()
        self._servers: list[asyncio.Server] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def mark(self) -> dict[int, int]:
        """How many messages were waited for so far, by connection."""
        return dict(self._counted)

    def since(self, mark: dict[int, int]) -> int:
        """How many were waited for since then."""
        requests = self._counted.keys() - self._numbering
        return sum(self._counted[key] - mark.get(key, 0) for key in requests)

    def start(self) -> None:
        """Accept connections from here on, in a thread."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Accept no more, and end what is open."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        self._servers.append(await asyncio.start_unix_server(self._connect, self.folder / ".s.PGSQL.5432"))

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            answers, questions = await asyncio.open_unix_connection(str(self._server / ".s.PGSQL.5432"))
            self._writers += [writer, questions]
            back = asyncio.create_task(_pass_on(answers, writer))
            await self._forward(reader, questions)
            questions.close()
            await back

    async def _forward(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        """Pass on what the client says, message by message: the first one has no letter."""
        letter = b""
        while True:
            length = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
            if NUMBERS in body:
                self._numbering.add(id(reader))
            self._counted[id(reader)] = self._counted.get(id(reader), 0) + (letter in WAITED_FOR)
            to.write(letter + length + body)
            letter = await reader.readexactly(1)


async def _pass_on(reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        to.write(data)
    to.close()


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    """The way to the server through the proxy."""
    with TemporaryDirectory(prefix="sojourn-wire-") as folder:
        proxy = Wire(Path(folder), cluster.folder)
        proxy.start()
        yield proxy
        proxy.stop()


@pytest.fixture
def client(wire: Wire, cluster: Cluster, database_url: str, start: Callable[..., Client]) -> Client:
    """The application, whose one connection goes through the proxy."""
    url = database_url.replace(str(cluster.folder), str(wire.folder))
    return start(SOJOURN_DATABASE_URL=url, SOJOURN_DATABASE_POOL="1")


def creation(client: Client) -> None:
    client.create("usr_abc123", device_type="desktop", username="Ann")


def creation_for_a_new_user(client: Client) -> None:
    client.create(f"usr_{client.clock()}")
    client.clock.advance(seconds=1)


class Refreshing:
    """A chain of refreshes."""

    def __init__(self, path: str) -> None:
        self.path, self.token = path, ""

    def __call__(self, client: Client) -> None:
        if not self.token:
            self.token = sign_in(client)["tokens"]["refresh_token"]
        response = client.request("POST", self.path, json={"refresh_token": self.token})
        assert response.status_code == 200, response.text
        self.token = response.json().get("refresh_token", self.token)


class Revoking:
    """Revocations, each of a session that was begun beforehand, by a service or by its user's own token."""

    def __init__(self, own: bool = False, touched: bool = False) -> None:
        self.own, self.touched = own, touched
        self.begun: list[dict[str, Any]] = []

    def prepare(self, client: Client) -> None:
        """Begin the sessions, and use their tokens: the first use of one is written down."""
        self.begun = [sign_in(client) for _ in range(3)]
        for begun in self.begun if self.own else []:
            assert bearer(client, begun["tokens"]["access_token"], begun["session"]["id"]).status_code == 200
        for begun in self.begun if self.touched else []:
            path = f"/internal/session/{begun['session']['id']}/activity"
            assert client.internal("POST", path).status_code == 200

    def __call__(self, client: Client) -> None:
        begun = self.begun.pop()
        key = begun["session"]["id"]
        if self.own:
            headers = {"Authorization": f"Bearer {begun['tokens']['access_token']}"}
            response = client.request("DELETE", f"/sessions/{key}", headers=headers)
        else:
            response = client.internal("DELETE", f"/internal/session/{key}")
        assert response.status_code == 204, response.text


OPERATIONS: dict[str, Callable[[], Callable[[Client], None]]] = {
    "creation": lambda: creation,
    "creation for a new user": lambda: creation_for_a_new_user,
    "refresh": lambda: Refreshing("/sessions/refresh"),
    "rotation of the access token": lambda: Refreshing("/sessions/rotate-access"),
    "revocation by a service": Revoking,
    "revocation by the session's own token": lambda: Revoking(own=True),
    "revocation of a session with a touch that waits": lambda: Revoking(touched=True),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_hot_write_takes_two_messages_at_most(client: Client, wire: Wire, operation: str) -> None:
    write = OPERATIONS[operation]()
    if isinstance(write, Revoking):
        write.prepare(client)
    for _ in range(2):  # statements are prepared once on a connection
        write(client)

    before = wire.mark()
    write(client)

    assert 0 < wire.since(before) <= MOST


def test_the_proxy_counts_what_a_transaction_of_single_statements_takes(client: Client, wire: Wire) -> None:
    session = client.create()
    facts = {"json": {"amr": ["otp"]}}
    for _ in range(2):
        assert client.internal("POST", f"/internal/session/{session['id']}/elevate", **facts).status_code == 200

    before = wire.mark()
    assert client.internal("POST", f"/internal/session/{session['id']}/elevate", **facts).status_code == 200

    assert wire.since(before) > MOST


__all__ = ["clock", "environ", "start"]
