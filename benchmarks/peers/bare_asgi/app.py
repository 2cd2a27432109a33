"""The ceiling: an ASGI application that does the service's work by hand, with nothing in between.

Each operation is one function; a refusal is raised as `Refused`. The work is the service's: authentication, strict
validation of parameters and body, problem documents, request ids, a cache of verified signatures.
"""

import hashlib
import re
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import jwt
import orjson

from benchmarks.peers.bare_asgi.creation import is_creation
from benchmarks.peers.session_store import SessionStore, as_text, utc_now
from benchmarks.peers.session_views import creation_view, list_view, problem, statistics_view
from benchmarks.peers.surroundings import ADMIN_ROLES, API_KEY, DATABASE, JWT_SECRET

_USERS = "/internal/session/sessions/"
_TENANT = re.compile(r"[A-Za-z0-9._:@|~+=-]{1,128}").fullmatch
_USER = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]{0,253}[^\x00-\x20\x7f])?").fullmatch
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII).fullmatch
_MAX_BODY = 1 << 20
_MAX_REMEMBERED = 10_000

_store = SessionStore(DATABASE)
_key_hash = hashlib.sha256(API_KEY.encode()).digest()
_verified: dict[bytes, tuple[str, str, frozenset[str], float]] = {}
Headers = dict[bytes, bytes]


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, title: str, detail: str | None = None) -> None:
        self.status = status
        self.document = problem(status, title, detail)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route, answer, send."""
    if scope["type"] != "http":
        return
    headers: Headers = dict(scope["headers"])
    media_type = b"application/json"
    try:
        status, view = await _answer(scope, headers, receive)
    except Refused as refusal:
        status, view, media_type = refusal.status, refusal.document, b"application/problem+json"
    body = orjson.dumps(view)
    request_id = headers.get(b"x-request-id") or b"req_%s" % uuid.uuid4().hex.encode()
    answer_headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id),
        (b"cache-control", b"no-store"),
    ]
    if status == 401:
        answer_headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": answer_headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: dict[str, Any], headers: Headers, receive: Any) -> tuple[int, dict[str, Any]]:
    path: str = scope["path"]
    if path == "/admin/sessions/stats":
        _require_method(scope, "GET")
        return 200, _stats(scope, headers)
    if path == "/internal/session/create":
        _require_method(scope, "POST")
        _require_key(headers)
        return 201, _create(scope, headers, await _body(receive))
    if path.startswith(_USERS):
        _require_method(scope, "GET")
        _require_key(headers)
        parts = scope["raw_path"].decode("latin-1").removeprefix(_USERS).split("/")
        operation = _OF_USER.get(tuple(parts[1:]))
        if operation is not None:
            return 200, operation(scope, headers, _user(parts[0]))
    raise Refused(404, "Not found")


def _active(scope: dict[str, Any], headers: Headers, user: str) -> dict[str, Any]:
    tenant = _tenant(headers)
    _query(scope)
    count = _store.count_active(tenant, user, as_text(utc_now()))
    return {"active": count > 0, "session_count": count}


def _list(scope: dict[str, Any], headers: Headers, user: str) -> dict[str, Any]:
    tenant = _tenant(headers)
    query = _query(scope, "page", "page_size")
    page = _number(query.get("page", "1"), 2_147_483_647)
    page_size = _number(query.get("page_size", "100"), 500)
    now = as_text(utc_now())
    rows, total = _store.list_active(tenant, user, now, page, page_size)
    return list_view(rows, total, page, page_size, now)


def _create(scope: dict[str, Any], headers: Headers, content: bytes) -> dict[str, Any]:
    tenant = _tenant(headers)
    _query(scope)
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
        raise Refused(415, "Unsupported media type")
    try:
        body = orjson.loads(content)
    except ValueError:
        raise Refused(400, "Malformed body") from None
    if not is_creation(body):
        raise Refused(400, "Validation failed")
    now = utc_now()
    row, pair = _store.create(tenant, body, now)
    return creation_view(row, pair, as_text(now))


def _stats(scope: dict[str, Any], headers: Headers) -> dict[str, Any]:
    user, tenant, roles = _caller(headers)
    if not roles & ADMIN_ROLES:
        raise Refused(403, "Insufficient role")
    _query(scope)
    now = as_text(utc_now())
    numbers = _store.statistics(tenant, now)
    if numbers is None:
        raise Refused(404, "Tenant not found")
    return statistics_view(numbers, user, now)


_OF_USER: dict[tuple[str, ...], Callable[..., dict[str, Any]]] = {(): _list, ("active",): _active}


def _require_method(scope: dict[str, Any], method: str) -> None:
    if scope["method"] != method:
        raise Refused(405, "Method not allowed")


def _require_key(headers: Headers) -> None:
    given = hashlib.sha256(headers.get(b"x-api-key", b"")).digest()
    if not secrets.compare_digest(given, _key_hash):
        raise Refused(401, "Invalid API key")


def _caller(headers: Headers) -> tuple[str, str, frozenset[str]]:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise Refused(401, "Authentication required")
    digest = hashlib.sha256(token).digest()
    known = _verified.get(digest)
    if known is None or known[3] <= time.time():
        known = _verify(token)
        if len(_verified) >= _MAX_REMEMBERED:
            _verified.clear()
        _verified[digest] = known
    return known[:3]


def _verify(token: bytes) -> tuple[str, str, frozenset[str], float]:
    try:
        claims = jwt.decode(token, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]})
        return claims["sub"], claims["tenant_id"], frozenset(claims["roles"]), float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise Refused(401, "Invalid token") from None


def _tenant(headers: Headers) -> str:
    tenant = headers.get(b"x-tenant-id", b"").decode("latin-1")
    if not _TENANT(tenant):
        raise Refused(400, "Validation failed", "X-Tenant-ID")
    return tenant


def _user(segment: str) -> str:
    try:
        user = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Refused(400, "Malformed request") from None
    if not _USER(user):
        raise Refused(400, "Validation failed", "user_id")
    return user


def _query(scope: dict[str, Any], *known: str) -> dict[str, str]:
    text = scope["query_string"]
    if not text:
        return {}
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Refused(400, "Malformed request") from None
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= set(known):
        raise Refused(400, "Validation failed", "query")
    return query


def _number(text: str, maximum: int) -> int:
    if not _NUMBER(text) or (number := int(text)) > maximum:
        raise Refused(400, "Validation failed", "query")
    return number


async def _body(receive: Any) -> bytes:
    content, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "Malformed request")
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > _MAX_BODY:
            raise Refused(413, "Content too large")
    return content
