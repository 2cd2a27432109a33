"""One request as the pipeline sees it: the headers it cares about, found in one pass."""

from collections.abc import Container, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sojourn.domain.errors import Violation
from sojourn.problems.http_errors import HeadersTooLarge, MalformedRequest, UriTooLong

Scope = MutableMapping[str, Any]

WANTED = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"traceparent",
        b"tracestate",
        b"transfer-encoding",
        b"x-api-key",
        b"x-request-id",
        b"x-tenant-id",
    }
)
_LISTS = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"content-encoding",
        b"if-none-match",
        b"tracestate",
        b"transfer-encoding",
    }
)
_FIRST_WINS = frozenset({b"traceparent", b"x-request-id"})
_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


@dataclass(slots=True)
class Request:
    """What is known of a request before its operation is."""

    method: str
    raw_path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    repeated: list[bytes]
    header_bytes: int
    now: datetime
    address: str

    def repeated_in(self, declared: Container[bytes]) -> list[bytes]:
        """The single-valued headers that came more than once: every one that is read here, or is `declared`."""
        return [name for name in self.repeated if name in WANTED or name in declared]

    def header(self, name: bytes) -> str | None:
        """A header's text, or None. Any byte is a character of Latin-1, so this never fails."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def has_body(self) -> bool:
        """Whether the client announced a body (RFC 9112 §6)."""
        return b"transfer-encoding" in self.headers or self.headers.get(b"content-length", b"0").strip(b"0") != b""

    @property
    def content_length(self) -> int | None:
        """The announced length in bytes, or None for a chunked body."""
        value = self.headers.get(b"content-length")
        return int(value) if value is not None and value.isdigit() else None


def open_request(scope: Scope, now: datetime, *, declared_headers: frozenset[bytes]) -> Request:
    """The Request in an ASGI scope. Reads nothing but the head of the request and refuses nothing."""
    headers: dict[bytes, bytes] = {}
    repeated: list[bytes] = []
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4
        if name in WANTED or name in declared_headers:
            if name not in headers:
                headers[name] = value
            elif name in _LISTS:
                headers[name] += b", " + value
            elif name not in _FIRST_WINS:
                repeated.append(name)
    raw_path = scope.get("raw_path") or scope["path"].encode()
    address = (scope.get("client") or ("",))[0]
    return Request(
        method=scope["method"],
        raw_path=raw_path,
        query=scope["query_string"],
        headers=headers,
        repeated=repeated,
        header_bytes=size,
        now=now,
        address=address,
    )


def check_head(request: Request, max_uri_bytes: int, *, max_header_bytes: int) -> None:
    """Refuse a head that is too large, or one that names a credential twice.

    Raises UriTooLong, HeadersTooLarge or MalformedRequest.
    """
    if len(request.raw_path) + len(request.query) > max_uri_bytes:
        raise UriTooLong(limit=max_uri_bytes)
    if request.header_bytes > max_header_bytes:
        raise HeadersTooLarge(limit=max_header_bytes)
    for name in request.repeated:
        if name in _CREDENTIALS:
            raise MalformedRequest([repeated_header(name)])


def repeated_header(name: bytes) -> Violation:
    """The violation of sending a single-valued header more than once."""
    return Violation(_CANONICAL.get(name, name.decode("latin-1").title()), "repeated_parameter")


_CANONICAL: Mapping[bytes, str] = {
    b"x-tenant-id": "X-Tenant-ID",
    b"x-api-key": "X-API-Key",
}
