"""A request for each operation that succeeds, and all that a server says to one, over a raw socket."""

import socket
import time
import uuid
from base64 import b64encode
from contextlib import suppress
from io import BytesIO
from typing import Any, cast
from urllib.parse import urlencode

import jwt

from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.wire import MAX_ANSWER, NO_ANSWER, Raw, Reply, Wire, read_reply
from sojourn.openapi.document import FORM, SECURITY_EVENT
from tests.live import JWT_SECRET

OPERATIONS = tuple(Contract.read(None).operations.values())


def valid_request(
    operation: Operation, credentials: dict[str, str], known: dict[str, Any], *, optional: bool = False
) -> Raw:
    """A request that the operation answers with success. `known` names parameters whose values must exist.

    Optional query parameters are left out unless `optional` says otherwise. Where the caller's token must belong to a
    session, it is the `access_token` that is known.
    """
    if operation.takes_token:
        request = Raw(operation.method, operation.path, body=security_event_token().encode())
        return request.with_header("Content-Type", SECURITY_EVENT)
    if operation.takes_form:
        return form_request(operation, credentials, known)
    request = operation.request(known, optional=optional)
    if operation.scheme == "apiKey":
        key = credentials["api_key"]
        return request.with_header(
            "X-API-Key", credentials.get("manage_key", key) if operation.scope == "manage" else key
        )
    if operation.scheme == "http":
        own = known.get("access_token") if operation.needs_a_session else None
        return request.with_header("Authorization", f"Bearer {own or credentials['token']}")
    return request


def form_request(operation: Operation, credentials: dict[str, str], known: dict[str, Any]) -> Raw:
    """The same for an operation that takes a form; a provider's logout token is for the client `shop-web`."""
    said = {
        "generate_oauth_tokens": {"grant_type": "refresh_token", "refresh_token": known.get("refresh_token", "")},
        "introspect_oauth_token": {"token": known.get("access_token", "")},
        "revoke_oauth_token": {"token": known.get("access_token", "")},
        "revoke_provider_sessions": {"logout_token": logout_token()},
    }[operation.id]
    request = Raw(operation.method, operation.path, body=urlencode(said).encode()).with_header("Content-Type", FORM)
    return with_client(request, credentials["api_key"]) if operation.schemes else request


def with_client(request: Raw, secret: str) -> Raw:
    """The request with a client's credentials: a tenant and an API key."""
    return request.with_header("Authorization", "Basic " + b64encode(f"acme:{secret}".encode()).decode())


def logout_token() -> str:
    """A provider's logout token that is good now."""
    now = int(time.time())
    said = {"iss": "https://id.example.com", "aud": "shop-web", "sub": "usr_nobody", "iat": now, "exp": now + 120}
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    return jwt.encode({**said, "jti": str(uuid.uuid4()), "events": event}, JWT_SECRET)


def security_event_token() -> str:
    """A provider's security event token that is good now."""
    said = {"iss": "https://id.example.com", "aud": "shop-web", "iat": int(time.time()), "jti": str(uuid.uuid4())}
    event = {"https://schemas.openid.net/secevent/ssf/event-type/verification": {}}
    return jwt.encode({**said, "events": event}, JWT_SECRET, headers={"typ": "secevent+jwt"})


def exchange(port: int, request: Raw | bytes) -> Reply:
    """Send and read until the server closes. A status of 0 says that no answer came.

    Raises AssertionError when anything follows the answer.
    """
    method = request.method if isinstance(request, Raw) else request.partition(b" ")[0].decode("latin-1")
    found = replies(port, request if isinstance(request, bytes) else to_bytes(port, request), method)
    assert len(found) < 2, f"answered more than once: {found}"
    return found[0] if found else Reply(NO_ANSWER)


def replies(port: int, data: bytes, method: str) -> list[Reply]:
    """Every answer that comes before the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer and close before it has read all
            connection.sendall(data)
        said = _Said(_read_all(connection))
    found: list[Reply] = []
    while said.tell() < said.getbuffer().nbytes:
        found.append(read_reply(cast(socket.socket, said), method, whole=True))
        if found[-1].status == NO_ANSWER:
            break
    return found


def to_bytes(port: int, request: Raw) -> bytes:
    """The request on the wire."""
    return Wire(f"http://127.0.0.1:{port}").to_bytes(request)


def problem_of(reply: Reply) -> dict[str, Any]:
    """The problem document, or an empty one when the body is none."""
    document = reply.json if reply.media_type == "application/problem+json" else {}
    return document if isinstance(document, dict) else {}


class _Said(BytesIO):
    """Bytes that were received, in the place of the socket: what one answer leaves over, the next begins with."""

    def makefile(self, _: str) -> "_Said":
        return self

    def close(self) -> None:
        """Reading an answer closes what it was read from."""


def _read_all(connection: socket.socket) -> bytes:
    answer = b""
    while len(answer) < MAX_ANSWER:
        try:
            chunk = connection.recv(65536)
        except (ConnectionResetError, TimeoutError):
            break
        if not chunk:
            break
        answer += chunk
    return answer
