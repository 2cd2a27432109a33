"""What the adapters for web frameworks share: from an `Authorization` header to a session or a response."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from sojourn_verify.outcomes import Refused, Session, Stale
from sojourn_verify.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent to a caller who does not pass: 401 with a challenge, 403, or 503 (RFC 6750 section 3)."""

    status: int
    detail: str
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        """A problem document (RFC 9457), of the type in `headers`."""
        problem = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return json.dumps(problem).encode()


def check(verifier: Verifier, authorization: str | None, *, roles: Collection[str] = ()) -> Session | Reply:
    """The session of the bearer token, or what is sent instead. With `roles`, one of them is required."""
    token = token_of(authorization)
    if token is None:
        return _no_token()
    try:
        return _allowed(verifier.verify(token), roles)
    except (Refused, Stale) as error:
        return reply_to(error)


async def acheck(verifier: Verifier, authorization: str | None, *, roles: Collection[str] = ()) -> Session | Reply:
    """The same in an event loop."""
    token = token_of(authorization)
    if token is None:
        return _no_token()
    try:
        return _allowed(await verifier.averify(token), roles)
    except (Refused, Stale) as error:
        return reply_to(error)


def token_of(authorization: str | None) -> str | None:
    """The token of an `Authorization` header (RFC 6750 section 2.1); None where there is none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token else None


def reply_to(error: Refused | Stale) -> Reply:
    """The response to a token that is not accepted."""
    if isinstance(error, Stale):
        return _reply(503, "Sessions cannot be checked now. Try again.", {"Retry-After": "1"})
    challenge = f'Bearer error="invalid_token", error_description="{error.reason}"'
    return _reply(401, "Refresh the token or sign in again.", {"WWW-Authenticate": challenge})


def refused(detail: str) -> Reply:
    """403, and why."""
    return _reply(403, detail, {})


def _allowed(session: Session, roles: Collection[str]) -> Session | Reply:
    if not roles or not set(roles).isdisjoint(session.roles):
        return session
    return _reply(403, "The session may not do this.", {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})


def _no_token() -> Reply:
    return _reply(401, "Send an access token: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})


def _reply(status: int, detail: str, headers: Mapping[str, str]) -> Reply:
    return Reply(status, detail, {"Content-Type": "application/problem+json", "Cache-Control": "no-store", **headers})
