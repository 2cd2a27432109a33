"""Answers to clients of HTTP/1.0, which know no chunks: an answer without a length ends with its connection."""

from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]


def until_closed(application: Application) -> Application:
    """The application for one request of HTTP/1.0 (RFC 9112 §6.1, §6.3)."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        cycle, has_length = send.__self__, True

        async def send_plain(message: Any) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                if not has_length:
                    cycle.chunked_encoding = cycle.keep_alive = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))  # of each piece its own
            await send(message)

        await application(scope, receive, send_plain)

    return serve
