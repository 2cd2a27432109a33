"""Responses whose bytes are made by the handler: all at once, or one after the other."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes that are ready to send, in the media type that was negotiated.

    `policy` is a page's own Content-Security-Policy; without one a page may load and run nothing. `kept` is the
    Cache-Control of an answer that may be kept. `language` is that of the body, where it is not the reader's first
    choice.
    """

    body: bytes
    policy: bytes | None = None
    kept: bytes | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes that are sent as they come, until they end or the client leaves.

    The first are asked for once the response has begun: what refuses the request is raised before.
    """

    pieces: AsyncGenerator[bytes, None]
