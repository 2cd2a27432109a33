"""Where a key set comes from: a file or a URL, read whole within one deadline, or not at all.

A reading runs in a daemon thread: no name service, server or file system that stands still is waited for, neither by a
request nor by the end of the process. When the deadline has passed its connection is closed under it, so that a server
which sends a byte now and then does not keep the thread.
"""

import asyncio
import http.client
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any

from sojourn.settings.strength import shown_url

DEADLINE_SECONDS = 5.0
"""How long a reading may take in all, finding the address and connecting included."""

MAX_BYTES = 1 << 20
"""The largest key set."""


class KeySetError(Exception):
    """The source cannot be read or holds no JSON Web Key Set."""


class KeySource:
    """The one configured source. What a token's header says about keys (`jku`, `x5u`, `jwk`) is never read."""

    def __init__(self, source: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._source = source
        self._deadline_seconds = deadline_seconds
        self._last: _Reading | None = None

    async def read(self) -> bytes:
        """The bytes of the key set. Raises KeySetError, after `deadline_seconds` at the latest.

        One reading at a time: while an earlier one still hangs in the operating system, there is no other.
        """
        if self._last is not None and not self._last.has_ended.is_set():
            raise KeySetError(f"{shown_url(self._source)}: an earlier reading still waits for the operating system")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[bytes] = loop.create_future()
        reading = self._last = _Reading(self._source, self._deadline_seconds)
        threading.Thread(target=lambda: _deliver(loop, outcome, reading=reading), name="key-set", daemon=True).start()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await outcome
        except TimeoutError:
            raise _too_late(self._source, self._deadline_seconds) from None
        finally:
            reading.give_up()


def _deliver(loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[bytes]", *, reading: "_Reading") -> None:
    """Run in the thread and hand its outcome to the loop, if both still wait for it."""
    try:
        raw, error = reading.run(), None
    except KeySetError as caught:
        raw, error = b"", caught
    except Exception as caught:
        raw, error = b"", reading.failed_by(caught)
    reading.has_ended.set()

    def settle() -> None:
        if not outcome.done():
            outcome.set_result(raw) if error is None else outcome.set_exception(error)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # The loop has ended, and its tasks with it.


def _too_late(source: str, seconds: float) -> KeySetError:
    return KeySetError(f"{shown_url(source)}: not read whole within {seconds:g} s")


def _why(error: Exception) -> str:
    """What the system says of a reading that failed, in its words and without the program's names for it."""
    reason = getattr(error, "reason", None)
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(reason, Exception):
        return _why(reason)
    return getattr(error, "strerror", None) or str(reason or error) or type(error).__name__


class _Reading:
    """One reading, in a thread of its own; `give_up` may be called from another."""

    def __init__(self, source: str, timeout_seconds: float) -> None:
        self.source = source
        self._timeout_seconds = timeout_seconds
        self._given_up = False
        self._socket: socket.socket | None = None
        self.has_ended = threading.Event()

    def run(self) -> bytes:
        """Blocks. Redirects are not followed. Raises any of the errors of files, sockets, TLS and HTTP."""
        raw = self._fetch() if self.source.startswith(("http://", "https://")) else self._open()
        if len(raw) > MAX_BYTES:
            raise KeySetError(f"{shown_url(self.source)}: larger than {MAX_BYTES} bytes")
        return raw

    def failed_by(self, error: Exception) -> KeySetError:
        """What is told of an error. The socket has the same deadline and may be the first to say so."""
        if isinstance(getattr(error, "reason", error), TimeoutError):
            return _too_late(self.source, self._timeout_seconds)
        return KeySetError(f"{shown_url(self.source)}: {_why(error)}")

    def give_up(self) -> None:
        """Let nothing more be received. Does nothing to a reading that is complete."""
        self._given_up = True
        if self._socket is not None:
            try:
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # It is closed.

    def _open(self) -> bytes:
        """Without O_NONBLOCK a pipe that nobody writes to would be waited for when it is opened."""
        with os.fdopen(os.open(self.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            return file.read(MAX_BYTES + 1) or b""

    def _fetch(self) -> bytes:
        opener = urllib.request.build_opener(_NoRedirect, _Http(self._opened), _Https(self._opened))
        with opener.open(self.source, timeout=self._timeout_seconds) as answer:
            raw: bytes = answer.read(MAX_BYTES + 1)
        return raw

    def _opened(self, connection: socket.socket) -> None:
        self._socket = connection
        if self._given_up:
            raise TimeoutError("given up before it was connected")


class _Connection(http.client.HTTPConnection):
    """Tells of its socket once it is connected. As in `http.client`, the class for TLS is the same with TLS."""

    opened: Callable[[socket.socket], None]

    def connect(self) -> None:
        super().connect()
        self.opened(self.sock)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS; certificates are verified."""


def _connects(kind: type[_Connection], opened: Callable[[socket.socket], None]) -> Callable[..., _Connection]:
    def connection(host: str, **options: Any) -> _Connection:
        made = kind(host, **options)
        made.opened = opened
        return made

    return connection


class _Http(urllib.request.HTTPHandler):
    def __init__(self, opened: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._connection: Any = _connects(_Connection, opened)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, opened: Callable[[socket.socket], None]) -> None:
        super().__init__()
        self._connection: Any = _connects(_TlsConnection, opened)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Never follow: the source is the one that was configured."""
        return
