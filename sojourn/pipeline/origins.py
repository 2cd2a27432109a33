"""Pages of other origins that may call (CORS, Fetch Standard §3.3): those that the operator names, and no other.

Starlette's middleware writes the headers. A preflight from an origin that is not named is no preflight here but an
`OPTIONS` like any other, which is 405. Credentials of the browser are never allowed: bearer tokens travel in a header
that the page sets itself, and no cookie is read.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SENT = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID", "traceparent", "tracestate")
"""What a page may send beside what browsers allow by themselves. An API key is for services and has no place there."""
READ = ("Content-Language", "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID")
"""Response headers that a page may read beside those that browsers show by themselves."""
PREFLIGHT_SECONDS = 600
"""How long a browser need not ask again; the operator's list may change."""

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Origins(CORSMiddleware):
    """Lets pages of `origins` call `app`. An origin is a text such as `https://app.example.com`."""

    def __init__(self, app: App, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=SENT,
            expose_headers=READ,
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Serve one request; a preflight from an origin that is allowed is answered here, with 204."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if asks and origin is not None and self.is_allowed_origin(origin):
            own = {**self.preflight_headers, "Access-Control-Allow-Origin": origin, "X-Content-Type-Options": "nosniff"}
            await Response(status_code=204, headers=own)(scope, receive, send)
            return
        await self.simple_response(scope, receive, send, request_headers=headers)
