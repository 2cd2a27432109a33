"""Sends a response that comes in pieces and has no end that is known before."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

from sojourn.domain.errors import DomainError
from sojourn.pipeline.bodies import Receive

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STREAM_HEADERS = ((b"x-accel-buffering", b"no"), (b"connection", b"close"))
"""Proxies pass on the pieces as they come; the client connects anew afterwards, to whichever process is there then."""

logger = logging.getLogger("sojourn.pipeline")


async def send_pieces(pieces: AsyncGenerator[bytes, None], send: Send, *, receive: Receive) -> None:
    """Send pieces until they end or the client leaves. A piece is asked for when the one before it is on its way.

    A failure ends the stream, as the client cannot be told another status any more: it comes again.
    """
    sending = asyncio.ensure_future(_send_all(pieces, send))
    leaving = asyncio.ensure_future(_has_left(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send_all(pieces: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except DomainError as error:
            logger.info("a stream ended early: %s", error.key)
        except Exception:
            logger.exception("a stream ended early")
    await send({"type": "http.response.body", "body": b""})


async def _has_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
