"""HTTP over a raw socket, byte for byte as given: a library would tidy up what these tests send."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

MAX_ANSWER = 1 << 20


@dataclass(slots=True)
class Raw:
    """A request before it becomes bytes. `headers` are sent in order, repeats included."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    chunked: bool = False

    def copy(self, **changes: Any) -> "Raw":
        """The same request with some fields replaced."""
        fields = {
            "method": self.method,
            "path": self.path,
            "query": list(self.query),
            "headers": list(self.headers),
            "body": self.body,
            "chunked": self.chunked,
        }
        return Raw(**{**fields, **changes})

    def without(self, *names: str) -> "Raw":
        """The same request without some headers."""
        dropped = {name.lower() for name in names}
        return self.copy(headers=[(key, value) for key, value in self.headers if key.lower() not in dropped])

    def with_header(self, name: str, value: str) -> "Raw":
        """The same request with one header replaced or added."""
        fresh = self.without(name)
        fresh.headers.append((name, value))
        return fresh

    def to_bytes(self) -> bytes:
        """The request on the wire. Query parts are written as they are: encode them yourself."""
        target = self.path + ("?" + "&".join(f"{key}={value}" for key, value in self.query) if self.query else "")
        lines = [f"{self.method} {target} HTTP/1.1", "Host: sojourn.test", "Connection: close"]
        lines += [f"{key}: {value}" for key, value in self.headers]
        body = b""
        if self.body is not None and self.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.body), self.body)
        elif self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
            body = self.body
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass(slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document, or an empty one when the body is none."""
        if self.headers.get("content-type") != "application/problem+json":
            return {}
        document = json.loads(self.body)
        return document if isinstance(document, dict) else {}


def exchange(port: int, request: bytes, seconds: float = 10) -> Reply:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer and close before it has read all
            connection.sendall(request)
        answer = _read_all(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _dechunk(body)
    return Reply(int(status_line.split(" ")[1]) if " " in status_line else 0, headers, body)


def _read_all(connection: socket.socket) -> bytes:
    answer = b""
    while len(answer) < MAX_ANSWER:
        try:
            chunk = connection.recv(65536)
        except (ConnectionResetError, TimeoutError):
            break
        if not chunk:
            break
        answer += chunk
    return answer


def _dechunk(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole
