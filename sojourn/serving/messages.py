"""A parser for the rest of a message whose head said `Upgrade`.

llhttp ends such a message after its head. A server may ignore `Upgrade` (RFC 9110 §7.8), and then the body is framed
as any other (RFC 9112 §6.3): a new parser gets only the framing and continues with the body.
"""

from typing import Any

import httptools


def next_parser(protocol: Any) -> Any:
    """A parser that expects the head of a request."""
    parser = httptools.HttpRequestParser(protocol)
    # Data after the last request is left unread, as uvicorn does. Transfer codings are judged in `wire_heads`.
    parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_transfer_encoding=True)
    return parser


def body_parser(protocol: Any, framing: bytes, *, keep_alive: bool) -> Any:
    """A parser that expects a body with the framing of this header line, then further requests."""
    relay = _Relay(protocol)
    parser = next_parser(relay)
    closing = b"" if keep_alive else b"Connection: close\r\n"
    parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + closing + b"\r\n")
    relay.muted = False
    return parser


class _Relay:
    """Hands the parser's calls on, once it is no longer muted."""

    def __init__(self, protocol: Any) -> None:
        self.muted = True
        self._protocol = protocol
        self.on_body, self.on_message_complete = protocol.on_body, protocol.on_message_complete
        self.on_chunk_header = protocol.on_chunk_header

    def on_message_begin(self) -> None:
        if not self.muted:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self.muted:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.muted:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if not self.muted:
            self._protocol.on_headers_complete()
