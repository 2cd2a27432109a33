"""FastAPI and Starlette: `app.add_middleware(BrowserMiddleware, sessions=sessions)`, then `request.state.browser`.

The methods of a `BrowserSession` wait for the server: call them from `def` routes, or with `run_in_threadpool`.
"""

# mypy: disable-error-code="import-not-found"

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sojourn_verify.bearer import Reply, reply_to
from sojourn_verify.browser import BrowserSessions, Incoming
from sojourn_verify.outcomes import Stale


class BrowserMiddleware:
    """Reads the browser's cookie into `request.state.browser`, and writes what has changed into the response.

    A route that raises `Stale` is responded to with 503.
    """

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
        is_begun = False

        async def send_with_cookies(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                for cookie in browser.set_cookies:
                    headers.append("Set-Cookie", cookie)
                headers.add_vary_header("Cookie")
            await send(message)

        try:
            await self._app(scope, receive, send_with_cookies)
        except Stale as error:
            if is_begun:
                raise
            reply = reply_to(error)
            await Response(reply.body, reply.status, dict(reply.headers))(scope, receive, send)
