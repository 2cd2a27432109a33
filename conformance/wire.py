"""HTTP over a socket, byte for byte as given, because a client library would correct what strictness checks send."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

MAX_ANSWER = 1 << 24
_PIECE = 65_536
_CHECKPOINT = b"event: checkpoint"
NO_ANSWER = 0
"""The status of a reply that never came: the connection ended, or time did."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A request before it becomes bytes. Headers are sent in order, repeats included; paths and queries as they are."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    chunked: bool = False

    def copy(self, **changes: Any) -> "Raw":
        """The same request with some fields replaced."""
        return replace(self, **changes)

    def without(self, *names: str) -> "Raw":
        """The same request without some headers."""
        dropped = {name.lower() for name in names}
        return self.copy(headers=tuple(pair for pair in self.headers if pair[0].lower() not in dropped))

    def with_header(self, name: str, value: str) -> "Raw":
        """The same request with one header replaced or added."""
        return self.copy(headers=(*self.without(name).headers, (name, value)))

    def with_query(self, name: str, value: str) -> "Raw":
        """The same request with one query parameter, already encoded, replaced or added."""
        return self.copy(query=(*(pair for pair in self.query if pair[0] != name), (name, value)))

    def with_body(self, value: Any) -> "Raw":
        """The same request with a value as its JSON body."""
        return self.copy(body=json.dumps(value).encode()).with_header("Content-Type", "application/json")

    @property
    def target(self) -> str:
        """The path with the query."""
        return self.path + ("?" + "&".join(f"{name}={value}" for name, value in self.query) if self.query else "")


@dataclass(slots=True)
class Reply:
    """What came back. `headers` has lower-case names; of a repeated header it has the values joined by commas."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        """The body as JSON. Fails the check when it is none."""
        with suppress(ValueError):
            return orjson.loads(self.body)  # several times as fast as what is below, which takes a little more
        try:
            return json.loads(self.body)
        except ValueError:
            raise AssertionError(f"the body of this {self.status} is no JSON: {self.body[:200]!r}") from None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Wire:
    """The way to one server. `url` may carry a path below which the operations are mounted.

    `authorities` is a file of certificates in PEM: who may vouch for the server, instead of those the system trusts.
    """

    def __init__(self, url: str, *, seconds: float = 20, authorities: Path | None = None) -> None:
        parts = urlsplit(url)
        self.base_path = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._authority = parts.netloc.rpartition("@")[2]
        self._seconds = seconds
        self._authorities = authorities

    def exchange(self, request: Raw, seconds: float | None = None) -> Reply:
        """Send and wait for the answer. A status of 0 says that none came."""
        return self.exchange_bytes(self.to_bytes(request), request.method, seconds=seconds)

    def to_bytes(self, request: Raw) -> bytes:
        """The request on the wire."""
        lines = [f"{request.method} {self.base_path}{request.target} HTTP/1.1", f"Host: {self._authority}"]
        lines += ["Connection: close", *(f"{name}: {value}" for name, value in request.headers)]
        body = request.body or b""
        if request.body is not None and request.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif request.body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def exchange_bytes(self, data: bytes, method: str, *, seconds: float | None = None) -> Reply:
        """The same with the bytes as they are. Raises OSError when nobody listens."""
        began = time.monotonic()
        with self._connect(seconds or self._seconds) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer and close before it has read all
                connection.sendall(data)
            reply = read_reply(connection, method)
        reply.seconds = time.monotonic() - began
        return reply

    def exchange_in_two(self, request: Raw, *, between: Callable[[], None]) -> Reply:
        """Send the head and the first byte of the body, then the rest once `between` has returned."""
        data = self.to_bytes(request)
        first = len(data) - len(request.body or b"") + 1
        with self._connect(self._seconds) as connection:
            connection.sendall(data[:first])
            between()
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data[first:])
            return read_reply(connection, request.method)

    def _connect(self, seconds: float) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), timeout=seconds)
        if not self._secure:
            return plain
        return ssl.create_default_context(cafile=self._authorities).wrap_socket(plain, server_hostname=self._host)


def _is_stream(response: http.client.HTTPResponse) -> bool:
    return response.status == 200 and response.getheader("Content-Type", "").startswith("text/event-stream")


def _until_checkpoint(response: http.client.HTTPResponse) -> bytes:
    """A stream of events up to the first message that says that all of them have come: it may go on for ever."""
    said = bytearray()
    while (piece := response.read1(_PIECE)) and len(said) < MAX_ANSWER:
        said += piece
        if _CHECKPOINT in said and said.endswith(b"\n\n"):
            break
    return bytes(said)


def read_reply(connection: socket.socket, method: str, *, whole: bool = False) -> Reply:
    """The answer to a request of `method`, from a connection that it was sent on; of a stream the beginning."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = _until_checkpoint(response) if _is_stream(response) and not whole else response.read(MAX_ANSWER)
    except (http.client.HTTPException, OSError):
        return Reply(NO_ANSWER)
    finally:
        response.close()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Reply(response.status, headers, body)
