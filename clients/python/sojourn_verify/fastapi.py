"""FastAPI and Starlette: a dependency for one route, a middleware for an application.

`session: Annotated[Session, Depends(signed_in(verifier))]` is the session of the caller of one route. After
`app.add_middleware(BearerMiddleware, verifier=verifier)` it is in `request.state.session`.
"""

# mypy: disable-error-code="import-not-found"

from collections.abc import Awaitable, Callable, Collection

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from sojourn_verify.bearer import Reply, acheck
from sojourn_verify.outcomes import Session
from sojourn_verify.verifier import Verifier


def signed_in(verifier: Verifier, *, roles: Collection[str] = ()) -> Callable[[Request], Awaitable[Session]]:
    """A dependency that is the caller's session. With `roles`, one of them is required.

    Raises HTTPException: 401 with a challenge, 403, or 503 when nothing can be said.
    """

    async def dependency(request: Request) -> Session:
        found = await acheck(verifier, request.headers.get("Authorization"), roles=roles)
        if isinstance(found, Reply):
            headers = {name: value for name, value in found.headers.items() if name != "Content-Type"}
            raise HTTPException(found.status, found.detail, headers)
        return found

    return dependency


class BearerMiddleware:
    """Lets only requests with a good token pass, web sockets too; the session is in `request.state.session`."""

    def __init__(self, app: ASGIApp, verifier: Verifier, *, roles: Collection[str] = ()) -> None:
        self._app, self._verifier, self._roles = app, verifier, roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        found = await acheck(self._verifier, connection.headers.get("Authorization"), roles=self._roles)
        if isinstance(found, Session):
            connection.state.session = found
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(1008, found.detail)
        else:
            await Response(found.body, found.status, dict(found.headers))(scope, receive, send)
