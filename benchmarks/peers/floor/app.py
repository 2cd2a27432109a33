"""The floor: an ASGI application that answers the same bytes to everything. What is below this is the server's."""

from typing import Any

_BODY = b'{"active":true,"session_count":3}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
_START = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
_END = {"type": "http.response.body", "body": _BODY}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer, whatever was asked."""
    if scope["type"] == "http":
        await send(_START)
        await send(_END)
