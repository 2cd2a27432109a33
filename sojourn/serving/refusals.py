"""Refusals that are sent below the application, as bytes."""

from collections.abc import Iterable
from http import HTTPStatus

from sojourn.domain.clock import utc_now
from sojourn.domain.errors import DomainError
from sojourn.observability import tracing
from sojourn.pipeline.responses import to_json
from sojourn.problems import documents


def written(error: DomainError, server_headers: Iterable[tuple[bytes, bytes]], *, public_url: str | None) -> bytes:
    """A whole HTTP answer with the problem document of `error`, the last of its connection.

    `server_headers` are those that the server adds to every answer, `Date` among them (RFC 9110 §6.6.1).
    """
    now = utc_now()
    trace = tracing.continue_trace(None)
    facts = documents.Facts(
        instance="/",
        request_id=tracing.request_id(None, now),
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        locale="en",
        now=now,
        public_url=public_url,
    )
    body, status = to_json(documents.document(error, facts)), documents.status_of(error)
    added = b"".join(name + b": " + value + b"\r\n" for name, value in server_headers)
    own = b"".join(name + b": " + value + b"\r\n" for name, value in documents.headers(error) if name == b"retry-after")
    head = (
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-request-id: {facts.request_id}\r\n"
        "content-language: en\r\n"
        "cache-control: no-store\r\n"
        "x-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() + added + own + head.encode() + body
