"""The head of a request on the wire: it must come in time, within limits, and be HTTP.

uvicorn waits for a head as long as the client likes and takes as many bytes of it as come. This protocol class gives
both a limit, and answers what is no HTTP at all with a problem document (RFC 9110 §15.5.1, §15.5.9, RFC 6585 §5).
"""

import os
from asyncio import AbstractEventLoop, Transport
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.clock import utc_now
from domain.errors import DomainError, Violation
from sojourn import problems, tracing
from sojourn.draining import Draining
from sojourn.http_errors import HeadersTooLarge, MalformedRequest, RequestTimeout, UriTooLong
from sojourn.pipeline.responses import to_json
from sojourn.settings import Settings
from sojourn.wire_savings import OneTimer, OneWrite

UNREADABLE_SLACK = 4096
"""A head that is only a little too large reaches the application, which can answer in the reader's language."""


@lru_cache(maxsize=1)
def _settings() -> Settings:
    """The process's settings: uvicorn makes a protocol for each connection and knows nothing of ours."""
    return Settings.from_env(os.environ)


class StrictHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a deadline and a size limit for request heads."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        settings = _settings()
        self._head_seconds = settings.head_timeout.total_seconds()
        self._uri_limit, self._headers_limit = settings.max_uri_bytes, settings.max_header_bytes
        self._head_limit = settings.max_uri_bytes + settings.max_header_bytes + UNREADABLE_SLACK
        self._public_url = settings.link_prefix
        self._clocks, self._idle = self.loop, OneTimer(self.loop)
        self.loop = cast(AbstractEventLoop, self._idle)
        self._head_bytes = 0
        self.url = b""
        self._awaiting_head = True
        self._deadline: Any = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Start the clock of the first head."""
        super().connection_made(cast(Transport, OneWrite(transport)))
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clock()
        self._idle.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head that is not complete, and keep a clock for it.

        Nearly every head comes in one piece: none but the connection's first ever needs the clock.
        """
        if self._awaiting_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if (self._awaiting_head or self._is_idle) and not self.transport.is_closing():
            if self._head_bytes > self._head_limit:
                self._refuse(self._uri_too_long() or HeadersTooLarge(limit=self._headers_limit))
            elif self._deadline is None:
                self._start_clock()

    def on_message_begin(self) -> None:
        """A further request on the same connection: its head counts anew."""
        super().on_message_begin()
        self._awaiting_head, self._head_bytes = True, self._head_bytes or 1

    def on_headers_complete(self) -> None:
        """The head is there: from now on the body's own deadline counts."""
        self._stop_clock()
        self._awaiting_head, self._head_bytes = False, 0
        super().on_headers_complete()
        draining: Draining | None = self.app_state.get("draining")
        if draining is not None and draining.begun:  # the client is told to connect anew: to another copy
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """The answer is complete: now it leaves, head and body in one write."""
        cast(OneWrite, self.transport).flush()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused with a problem document like everything else.

        uvicorn takes a target of more than 64 KiB for no HTTP either.
        """
        self._refuse(self._uri_too_long() or MalformedRequest([Violation("request", "http_syntax")]))

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being answered: bytes that begin no head (empty lines) stop uvicorn's own clock."""
        return self.cycle is None or self.cycle.response_complete

    def _uri_too_long(self) -> UriTooLong | None:
        """What is wrong with the target of the latest head, if it alone is too long (RFC 9110 §15.5.15)."""
        return UriTooLong(limit=self._uri_limit) if len(self.url) > self._uri_limit else None

    def _too_late(self) -> None:
        self._deadline = None
        if self._head_bytes:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()

    def _start_clock(self) -> None:
        self._deadline = self._clocks.call_later(self._head_seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, error: DomainError) -> None:
        now = utc_now()
        trace = tracing.continue_trace(None)
        facts = problems.Facts(
            "/", tracing.request_id(None, now), trace.trace_id, trace.span_id, "en", now, self._public_url
        )
        body, status = to_json(problems.document(error, facts)), problems.status_of(error)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {facts.request_id}\r\n"
            "content-language: en\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
