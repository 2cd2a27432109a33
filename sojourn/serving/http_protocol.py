"""A request on the wire: its head must arrive in time, be within limits and be HTTP/1.1; its framing decides where it
ends.

uvicorn waits for a head without limit of time or size, and serves heads that HTTP does not allow. This protocol class
limits heads, checks them once they are complete, and sends problem documents for refusals below the application, in
the order of the requests (RFC 9110 §15.5.1, §15.5.9, §15.6.6; RFC 9112 §9.3.2; RFC 6585 §5).
"""

import logging
import os
from asyncio import AbstractEventLoop, Transport
from functools import lru_cache
from typing import Any, NoReturn, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sojourn.domain.errors import DomainError, Unavailable, Violation
from sojourn.observability import metrics
from sojourn.problems import documents
from sojourn.problems.http_errors import (
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    UriTooLong,
    VersionNotSupported,
)
from sojourn.serving import heads
from sojourn.serving.coalescing import OneTimer, OneWrite
from sojourn.serving.draining import Draining
from sojourn.serving.heads import JUDGED
from sojourn.serving.lingering import Lingering
from sojourn.serving.messages import body_parser, next_parser
from sojourn.serving.old_clients import until_closed
from sojourn.serving.refusals import written
from sojourn.serving.write_deadlines import WriteDeadline, keep_little_unsent
from sojourn.settings import Settings

logger = logging.getLogger("sojourn.serving")

UNREADABLE_SLACK = 4096
"""A head that is only a little too large reaches the application, which can answer in the reader's language."""

FULL_SECONDS = 1.0
"""How long a client beyond the limit of connections has to send something before it is sent 503."""

FULL_RETRY_SECONDS = 2

CHUNK_FRAME = 20
"""What a chunk costs besides its data: a size of up to 16 digits and two line ends (RFC 9112 §7.1)."""


@lru_cache(maxsize=1)
def _settings() -> Settings:
    """The process's settings: uvicorn makes a protocol for each connection and knows nothing of ours."""
    return Settings.from_env(os.environ)


class StrictHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines and size limits, for requests that HTTP/1.1 allows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        settings = _settings()
        self._head_seconds = settings.head_timeout.total_seconds()
        self._uri_limit, self._headers_limit = settings.max_uri_bytes, settings.max_header_bytes
        self._head_limit = settings.max_uri_bytes + settings.max_header_bytes + UNREADABLE_SLACK
        self._body_limit = settings.max_body_bytes
        self._public_url = settings.link_prefix
        self._clocks, self._idle = self.loop, OneTimer(self.loop)
        self.loop = cast(AbstractEventLoop, self._idle)
        self._application = self.app
        self.parser = next_parser(self)
        self._head_bytes = 0
        self.url = b""
        self._judged: list[tuple[bytes, bytes]] = []
        self._awaiting_head = True
        self._in_body = self._counting = False
        self._framing_bytes = self._trailer_bytes = 0
        self._upgrade_framing: bytes | None = None
        self._misread: list[bytes] | None = None
        self._fault: DomainError | None = None
        self._refusal: DomainError | None = None
        self._broken_body = self._refused = self._tab_behind_coding = False
        self._deadline: Any = None
        self._most_connections, self._write_seconds = settings.max_connections, settings.write_timeout.total_seconds()
        self._too_many = False
        self._writing: WriteDeadline
        self._lingering: Lingering

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Start the clock of the first head."""
        keep_little_unsent(transport)
        self._writing = WriteDeadline(self._clocks, transport, seconds=self._write_seconds)
        self._lingering = Lingering(self._clocks, transport)
        answers = OneWrite(transport, self._writing, lingering=self._lingering, more_may_come=self._more_may_come)
        super().connection_made(cast(Transport, answers))
        metrics.move("sojourn_connections", 1)
        if len(self.connections) > self._most_connections:
            self._too_many = True
            self._deadline = self._clocks.call_later(FULL_SECONDS, self._turn_away)
        else:
            self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks. A client that goes while it is being answered is nothing to worry about."""
        metrics.move("sojourn_connections", -1)
        self._stop_clock()
        self._idle.stop()
        self._writing.stop()
        self._lingering.stop()
        if not self._is_idle:
            logger.debug("client gone before its answer was complete")
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is answered: the answer waits, and not for ever."""
        super().pause_writing()
        self._writing.restart()

    def data_received(self, data: bytes) -> None:
        """Parse what came, a head's worth at a time: of a head over the limit no more than the limit is parsed.

        What follows a request that will be refused has no meaning and is dropped.
        """
        if self._lingering.begun:
            self._lingering.drop(len(data))
            return
        self._unset_keepalive_if_required()
        if self._too_many:
            self._turn_away()
        while data and self._refusal is None and not self.transport.is_closing():
            room = self._head_limit + 1 - (self._head_bytes if self._awaiting_head else 0)
            self._parse(data[:room])
            data = data[room:]

    def _parse(self, data: bytes) -> None:
        """Parse, count what is neither data of a body nor a complete head, and keep a clock for heads.

        Nearly every head comes in one piece: none but the connection's first ever needs the clock.
        """
        if self._awaiting_head:
            self._head_bytes += len(data)
        self._counting = self._in_body
        if self._counting:
            self._framing_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(self._fault or self._unreadable(error))
        while self._misread is not None:
            self._read_again()
        if self._refusal is not None or self.transport.is_closing():
            return
        if self._in_body and self._framing_bytes > self._headers_limit + UNREADABLE_SLACK:
            self._refuse(HeadersTooLarge(limit=self._headers_limit))
        elif self._awaiting_head or self._is_idle:
            if self._head_bytes > self._head_limit:
                self._refuse(self._head_too_large())
            elif self._deadline is None:
                self._start_clock()

    def _go_on(self, data: bytes) -> None:
        """Behind a head that wished for an upgrade a fresh parser goes on, as often as there are such heads."""
        while True:
            if self._upgrade_framing is None:
                self.parser = next_parser(self)
            else:
                self.parser = body_parser(self, self._upgrade_framing, keep_alive=self.cycle.keep_alive)
                self._upgrade_framing = None
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                self._refuse(self._fault or self._unreadable(error))
                return
            else:
                return

    def _read_again(self) -> None:
        """The parser overlooks `chunked` with a tab behind it, and takes all that follows for data of the body."""
        data, self._misread = b"".join(self._misread or ()), None
        self._upgrade_framing = heads.framing(self._judged)
        self._go_on(data)

    def on_message_begin(self) -> None:
        """A further request on the same connection: its head counts anew."""
        super().on_message_begin()
        self._awaiting_head, self._head_bytes, self._judged = True, self._head_bytes or 1, []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, without the white space around its value (RFC 9112 §5.1); of trailers only their size.

        Nothing that follows the head may become part of it (RFC 9110 §6.5.1).
        """
        if not self._awaiting_head:
            self._trailer_bytes += len(name) + len(value) + 4
            if self._trailer_bytes > self._headers_limit:
                self._stop_parsing(HeadersTooLarge(limit=self._headers_limit))
            return
        name = name.lower()
        field = (name, value.strip(b" \t"))
        if name in JUDGED:
            self._judged.append(field)
            if name == b"transfer-encoding":
                self._tab_behind_coding = b"\t" in value
        self.headers.append(field)

    def on_headers_complete(self) -> None:
        """The head is there: judge it. From now on the body's own deadline counts."""
        self._stop_clock()
        if self._head_bytes > self._head_limit and self._size_of_head() > self._head_limit:
            self._stop_parsing(self._head_too_large())
        judged, parser = self._judged, self.parser
        version = parser.get_http_version()
        if (fault := heads.fault(version, parser, target=self.url, judged=judged)) is not None:
            self._stop_parsing(fault)
        if not self.url.startswith(b"/") or b"%" in self.url:
            self.url = heads.origin_form(self.url)
        self.app = self._application if version != "1.0" else until_closed(self._application)
        if len(judged) > 1:  # something besides Host
            # Nobody waits for `100 Continue` in HTTP/1.0 (RFC 9110 §10.1.1).
            self.expect_100_continue = version != "1.0" and heads.expects_continue(judged)
            if (framing := heads.framing(judged)) is not None:
                self.app = self._serve
                if parser.should_upgrade():
                    self._upgrade_framing = framing
                elif self._tab_behind_coding:
                    self._misread = []
                self._tab_behind_coding = False
        super().on_headers_complete()
        self._awaiting_head, self._in_body, self._head_bytes = False, True, 0
        self._framing_bytes = self._trailer_bytes = 0
        if len(judged) > 1 and heads.declared_length(judged) > self._body_limit:
            self.cycle.keep_alive = False  # nobody reads such a body, and a proxy must not take it for read
        draining: Draining | None = self.app_state.get("draining")
        if draining is not None and draining.begun:  # the client is told to connect anew: to another copy
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """A chunk's own frame is not counted; what else stands beside the data is (RFC 9112 §7.1.1)."""
        if self._counting:
            self._framing_bytes -= CHUNK_FRAME

    def on_body(self, body: bytes) -> None:
        """Data of the body."""
        if self._misread is not None:
            self._misread.append(body)
            return
        if self._counting:
            self._framing_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The message ends here, unless the parser only takes a wish to upgrade for its end."""
        if self._upgrade_framing is None:
            self._in_body = self._counting = False
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is complete: now it leaves, head and body in one write. A refusal that waited comes after it."""
        cast(OneWrite, self.transport).flush()
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._refusal is not None and not self.transport.is_closing():
            if self._broken_body:  # of a request that was answered without its body
                self.transport.close()
            else:
                self._send(self._refusal)

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being answered: bytes that begin no head (empty lines) stop uvicorn's own clock."""
        return self.cycle is None or self.cycle.response_complete

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application. When it asks for more of a body that cannot be read, the refusal is the answer.

        A client that waits for `100 Continue` and gets a final response instead need not send its body (RFC 9110
        §10.1.1). What comes next could be that body or another request, so the connection ends.
        """
        own = send.__self__  # the cycle of this request; `self.cycle` may be that of a later one already

        async def receive_or_refuse() -> Any:
            cycle = self.cycle
            is_broken = self._broken_body and cycle.scope is scope
            message = None if is_broken and not cycle.body else await receive()
            if self._broken_body and self.cycle.scope is scope and (message is None or not message.get("body")):
                if not self.cycle.response_started and not self.transport.is_closing():
                    self._send(cast(DomainError, self._refusal))
                self.cycle.disconnected = True
                return {"type": "http.disconnect"}
            return message

        async def send_and_part(message: Any) -> None:
            if own.waiting_for_100_continue and own.more_body:
                own.keep_alive = False
            await send(message)

        await self._application(scope, receive_or_refuse, send_and_part if own.waiting_for_100_continue else send)

    def _turn_away(self) -> None:
        """Answer a client beyond the limit with 503, whatever it has sent so far, and close."""
        if not self.transport.is_closing():
            self._send(Unavailable(retry_after=FULL_RETRY_SECONDS))

    def _stop_parsing(self, fault: DomainError) -> NoReturn:
        """Leave the parser from within one of its calls: it comes out of `feed_data` as an error."""
        self._fault = fault
        raise ValueError(fault.key)

    def _unreadable(self, error: httptools.HttpParserError) -> DomainError:
        """What is wrong when the parser gives up; it takes a target of more than 64 KiB for no HTTP either.

        The method PRI begins a connection of HTTP/2 and is no other request's (RFC 9113 §3.4).
        """
        if "HTTP version" in str(error) or self.parser.get_method() == b"PRI":
            return VersionNotSupported()
        return self._uri_too_long() or MalformedRequest([Violation("request", "http_syntax")])

    def _head_too_large(self) -> DomainError:
        return self._uri_too_long() or HeadersTooLarge(limit=self._headers_limit)

    def _uri_too_long(self) -> UriTooLong | None:
        """What is wrong with the target of the latest head, if it alone is too long (RFC 9110 §15.5.15)."""
        return UriTooLong(limit=self._uri_limit) if len(self.url) > self._uri_limit else None

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

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
        """Refuse what is being read, after the answers to what was read before it (RFC 9112 §9.3.2)."""
        self._stop_clock()
        if self._is_idle:
            if self._in_body:  # already answered
                self.transport.close()
            else:
                self._send(error)
            return
        self._refusal, self._broken_body = error, self._in_body
        self.flow.pause_reading()
        if self._in_body:
            self.cycle.message_event.set()

    def _more_may_come(self) -> bool:
        """Whether the client may still be writing what was answered. One that is turned away is not listened to."""
        if self._too_many or not (self._in_body or self._refused):
            return False
        self.flow.resume_reading()
        return True

    def _send(self, error: DomainError) -> None:
        self._refused = True
        metrics.refused_unread(documents.status_of(error), error.key)
        self.transport.write(written(error, self.server_state.default_headers, public_url=self._public_url))
        self.transport.close()
