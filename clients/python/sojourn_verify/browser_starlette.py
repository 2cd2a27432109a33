"""FastAPI and Starlette: `app.add_middleware(BrowserMiddleware, sessions=sessions)`, then `request.state.browser`.

The methods of a `BrowserSession` wait for the server: call them from `def` routes, or with `run_in_threadpool`.
"""

# mypy: disable-error-code="import-not-found"

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sojourn_verify.bearer import Reply
from sojourn_verify.browser import BrowserSessions, Incoming


class BrowserMiddleware:
    """Reads the browser's cookie into `request.state.browser`, and writes what has changed into the response."""

    def __init__(self, app: ASGIApp, sessions: BrowserSessions) -> None:
        self._app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        origin = f"{connection.url.scheme}://{connection.url.netloc}"
        incoming = Incoming(scope["method"], connection.cookies, connection.headers, origin)
        found = await run_in_threadpool(self._sessions.open, incoming)
        if isinstance(found, Reply):
            await Response(found.body, found.status, dict(found.headers))(scope, receive, send)
            return
        browser = connection.state.browser = found

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for cookie in browser.set_cookies:
                    headers.append("Set-Cookie", cookie)
                headers.add_vary_header("Cookie")
            await send(message)

        await self._app(scope, receive, send_with_cookies)
