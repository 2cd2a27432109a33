"""`sojourn gateway`: a gateway asks whether a request's access token is valid now, and whose it is.

The response is made of what the verifier knows; no request is sent to the service. What came in `X-Auth-*` headers is
never looked at, and all of ours are in every 200, so that a gateway overwrites what a client made up.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from sojourn_verify import Refused, Session, Stale, Verifier

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Iterable[tuple[bytes, bytes]]

FORWARD, ENVOY = "/authz/forward", "/authz/envoy"
_AS_THEY_ARE = "!#$&'*+-.^_`|~@:=,;/"
"""What stands in a header as it is, with letters and digits; everything else is percent-encoded (RFC 3986 §2.1)."""
_ASKED = ("tenant", "role", "amr")


@dataclass(frozen=True, slots=True)
class Demands:
    """What a good token must have besides: one of some tenants, one of some roles, one of some methods. Empty: any."""

    tenants: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()

    def lacking(self, session: Session) -> str | None:
        """The error (RFC 6750 §3.1, RFC 9470 §3) for a session that does not meet them; None for one that does."""
        if self.tenants and session.tenant not in self.tenants:
            return "insufficient_scope"
        if self.roles and not self.roles & set(session.roles):
            return "insufficient_scope"
        if self.methods and not self.methods & set(session.amr):
            return "insufficient_user_authentication"
        return None


class Gateway:
    """The ASGI application. It starts the verifier and closes it."""

    def __init__(self, verifier: Verifier, demands: Demands) -> None:
        self._verifier, self._demands = verifier, demands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection: requests, or the life of the process (ASGI 3.0)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            status, headers, body = await self._respond(scope)
            sized = [*headers, (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": sized})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._verifier.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                self._verifier.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _respond(self, scope: Scope) -> tuple[int, Headers, bytes]:
        path, method = scope["path"], scope["method"]
        if path == ENVOY or path.startswith(ENVOY + "/"):
            return await self._authorize(scope, self._demands)
        if path not in (FORWARD, "/health/live", "/health/ready", "/metrics"):
            return _problem(404, "The gateway has /authz/forward and /authz/envoy/ only.")
        if method not in ("GET", "HEAD"):
            return _problem(405, "Ask with GET.", ("allow", "GET, HEAD"))
        if path == FORWARD:
            asked = _demands(scope["query_string"])
            if asked is None:
                return _problem(400, f"The query may have {', '.join(_ASKED)}, each once and with a value.")
            return await self._authorize(scope, self._demands, asked)
        return self._watched(path)

    def _watched(self, path: str) -> tuple[int, Headers, bytes]:
        """Health and numbers, for who looks after the process."""
        numbers = self._verifier.metrics()
        if path == "/metrics":
            text = "".join(f"sojourn_verify_{name} {value}\n" for name, value in numbers.items())
            return 200, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")], text.encode()
        if path == "/health/ready" and not self._verifier.is_fresh():
            return _problem(503, "The service was not heard for too long.", ("retry-after", "1"))
        return 200, [(b"content-type", b"application/json")], b'{"status":"ok"}'

    async def _authorize(self, scope: Scope, *demands: Demands) -> tuple[int, Headers, bytes]:
        token = _bearer(scope["headers"])
        if token is None:
            return _challenge(401, "Send one access token as `Authorization: Bearer TOKEN`.")
        try:
            session = await self._verifier.averify(token)
        except Refused:
            return _challenge(
                401, "The access token is not accepted. Refresh it or sign in again.", error="invalid_token"
            )
        except Stale:
            return _problem(503, "It cannot be known now whether the token is valid.", ("retry-after", "1"))
        for error in filter(None, (demand.lacking(session) for demand in demands)):
            return _challenge(403, "The access token is valid, but it does not allow this.", error=error)
        return 200, [(b"cache-control", b"no-store"), *_of_session(session)], b""


def _of_session(session: Session) -> list[tuple[bytes, bytes]]:
    """Whose token it is. What the token does not say is empty, so that it replaces what a client sent."""
    said = {
        b"x-auth-subject": session.subject,
        b"x-auth-tenant": session.tenant,
        b"x-auth-session": session.session_id or "",
        b"x-auth-amr": ",".join(session.amr),
    }
    return [(name, quote(value, safe=_AS_THEY_ARE).encode()) for name, value in said.items()]


def _bearer(headers: Headers) -> str | None:
    """The token of the one Authorization header (RFC 6750 §2.1); None where there is none, or several."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1:
        return None
    scheme, _, token = found[0].decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _demands(query: bytes) -> Demands | None:
    """What a query asks for, lists with commas. None for a query that is a mistake: what is asked for twice is one."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        return None
    asked = {name: frozenset(value.split(",")) for name, value in pairs}
    if len(asked) < len(pairs) or not asked.keys() <= set(_ASKED) or any("" in values for values in asked.values()):
        return None
    none = frozenset[str]()
    return Demands(asked.get("tenant", none), asked.get("role", none), asked.get("amr", none))


def _challenge(status: int, detail: str, *, error: str | None = None) -> tuple[int, Headers, bytes]:
    challenge = 'Bearer realm="sojourn"' + ("" if error is None else f', error="{error}"')
    return _problem(status, detail, ("www-authenticate", challenge))


def _problem(status: int, detail: str, *headers: tuple[str, str]) -> tuple[int, Headers, bytes]:
    """A problem document (RFC 9457)."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    sent = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    return status, [*sent, *((name.encode(), value.encode()) for name, value in headers)], json.dumps(body).encode()
