"""Every server must answer the same before it is timed: what the dataset says, apart from minted ids and instants.

The service's answers have members that came to the contract later; the peers do without them.

Refusals must refuse: their statuses are held against the contract's, with 422 allowed where a framework says so.
"""

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jwt

from benchmarks import dataset
from benchmarks.callers import ADMIN, API_KEY, admin_tokens, internal_headers, token
from benchmarks.dataset import Session
from benchmarks.peers.better_auth import cookie

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SESSION_ID = re.compile(r"sess_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_USERS = "/internal/session/sessions"
_LISTED_USERS, _ORDINARY_USERS = (0, 19, 207, 9_819), (25, 199, 4_567, 9_999)
_CREATED_USER = 25
_CREATION = {
    "auth_user_id": "checked",
    "amr": ["password", "totp"],
    "app_id": "app_portal",
    "browser": "Firefox 140",
    "device_fingerprint": "sha256:a1b2c3d4",
    "device_id": "dev_checked",
    "device_type": "desktop",
    "ip": "2001:db8::7",
    "os": "Windows 11",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
_INSTANTS_OF_SESSION = ("created_at", "authenticated_at", "last_active_at", "expires_at", "idle_expires_at")
_SHOWN_AT_CREATION = ("device_id", "device_type", "ip", "user_agent")


class Client:
    """Asks a server, over a connection for each request: what is compared in between may take longer than one lives."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: Any = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, decoded body, headers."""
        content = None if body is None else json.dumps(body).encode()
        extra = {"Connection": "close"} | ({} if content is None else {"Content-Type": "application/json"})
        self._connection.request(method, path, content, {**headers, **extra})
        response = self._connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None, dict(response.getheaders())


def differences(port: int) -> list[str]:
    """A sentence for each answer that is not the dataset's. Creates one session, for a user of its own."""
    client = Client(port)
    found = [f"{what}: {wrong}" for what, wrong in _reads(client)]
    found += _statistics(client)
    found += _creation(client)
    found += _refusals(client)
    return found


def better_auth_differences(port: int) -> list[str]:
    """The same for better-auth, which answers in its own words: the right user, the right number of sessions."""
    client, found = Client(port), []
    for user in (*_LISTED_USERS, *_ORDINARY_USERS):
        headers = {"Cookie": cookie(user)}
        _, answer, _ = client.ask("GET", "/api/auth/get-session", headers)
        if not answer or answer["user"]["id"] != dataset.user_id(user):
            found.append(f"get-session of user {user}: {answer}")
        status, answer, _ = client.ask("GET", "/api/auth/list-sessions", headers)
        active = {session.id for session in dataset.sessions_of(user) if session.active}
        if status != 200 or {session["id"] for session in answer} != active:
            found.append(f"list-sessions of user {user}: {status} {answer}")
    return found


def _reads(client: Client) -> Iterator[tuple[str, str]]:
    for user in (*_LISTED_USERS, *_ORDINARY_USERS):
        path, headers = f"{_USERS}/{dataset.user_id(user)}", internal_headers(user)
        active = [session for session in dataset.sessions_of(user) if session.active]
        yield from _compare(
            f"active check of user {user}",
            client.ask("GET", f"{path}/active", headers),
            {"active": True, "session_count": len(active)},
        )
        for page, size in ((1, 10), (2, 3), (1, 500)):
            answer = client.ask("GET", f"{path}?page={page}&page_size={size}", headers)
            yield from _compare(f"list of user {user}, page {page}", answer, _list(active, page, size))
    nobody = f"{_USERS}/nobody%7C%C3%A9"
    answer = client.ask("GET", f"{nobody}/active", internal_headers(0))
    yield from _compare("active check of an unknown user", answer, {"active": False, "session_count": 0})
    answer = client.ask("GET", f"{_USERS}/{dataset.user_id(0)}/active", internal_headers(1))
    yield from _compare("active check in another tenant", answer, {"active": False, "session_count": 0})


def _statistics(client: Client) -> list[str]:
    found = []
    every = list(dataset.all_sessions())
    for number, bearer in enumerate(admin_tokens()):
        answer = client.ask("GET", "/admin/sessions/stats", {"Authorization": f"Bearer {bearer}"})
        wanted = _numbers([row for row in every if row.tenant_id == dataset.tenant_of(number)])
        found += [f"{what}: {wrong}" for what, wrong in _compare(f"statistics {number}", answer, wanted)]
    return found


def _creation(client: Client) -> list[str]:
    headers = internal_headers(_CREATED_USER)
    status, answer, _ = client.ask("POST", "/internal/session/create", headers, _CREATION)
    if status != 201:
        return [f"creation: {status} {answer}"]
    session, tokens = answer["data"]["session"], answer["data"]["tokens"]
    instants = [session.pop(name) for name in _INSTANTS_OF_SESSION] + [answer["timestamp"]]
    wanted = {
        "tenant_id": headers["X-Tenant-ID"],
        "user_id": "checked",
        "status": "active",
        "amr": "password,totp",
        **{name: _CREATION[name] for name in _SHOWN_AT_CREATION},
    }
    found = list(_tokens(tokens, session["id"]))
    if not _SESSION_ID.fullmatch(session.pop("id")) or not all(map(_INSTANT.fullmatch, instants)):
        found.append(f"creation: an id or an instant is malformed: {answer}")
    if not _holds(session, wanted) or (answer["code"], answer["message"]) != (0, "ok"):
        found.append(f"creation: {session} instead of {wanted}")
    answer = client.ask("GET", f"{_USERS}/checked/active", headers)
    wanted = {"active": True, "session_count": 1}
    return found + [wrong for _, wrong in _compare("active check after creation", answer, wanted)]


def _tokens(tokens: dict[str, Any], session: str) -> Iterator[str]:
    """What is wrong with the first tokens of a session: the access token is signed and names it."""
    texts = tokens["access_token"], tokens["refresh_token"]
    header, claims = jwt.get_unverified_header(texts[0]), jwt.decode(texts[0], options={"verify_signature": False})
    if (header["alg"], header["typ"]) != ("EdDSA", "at+jwt") or (claims["sid"], claims["sub"]) != (session, "checked"):
        yield f"creation: the access token says {header}, {claims}"
    if tokens["token_type"] != "Bearer" or not 840 < tokens["expires_in"] <= 900 or len(texts[1]) < 40:
        yield f"creation: {tokens}"


def _refusals(client: Client) -> list[str]:
    path, headers = f"{_USERS}/{dataset.user_id(0)}", internal_headers(0)
    tenant = headers["X-Tenant-ID"]
    create = "/internal/session/create"
    invalid = (400, 422)
    probes: list[tuple[str, str, str, dict[str, str], Any, tuple[int, ...]]] = [
        ("no key", "GET", f"{path}/active", {"X-Tenant-ID": tenant}, None, (401,)),
        ("wrong key", "GET", f"{path}/active", {**headers, "X-API-Key": API_KEY[:-1] + "0"}, None, (401,)),
        ("no tenant", "GET", f"{path}/active", {"X-API-Key": API_KEY}, None, invalid),
        ("bad tenant", "GET", f"{path}/active", {**headers, "X-Tenant-ID": "a b"}, None, invalid),
        ("page 0", "GET", f"{path}?page=0", headers, None, invalid),
        ("page x", "GET", f"{path}?page=x", headers, None, invalid),
        ("page size 501", "GET", f"{path}?page_size=501", headers, None, invalid),
        ("no user", "POST", create, headers, {"amr": ["password"]}, invalid),
        ("number as user", "POST", create, headers, {"auth_user_id": 5}, invalid),
        ("unknown member", "POST", create, headers, {"auth_user_id": "a", "extra": 1}, invalid),
        ("bad address", "POST", create, headers, {"auth_user_id": "a", "ip": "1.2.3.400"}, invalid),
        ("empty amr", "POST", create, headers, {"auth_user_id": "a", "amr": []}, invalid),
        ("no token", "GET", "/admin/sessions/stats", {}, None, (401,)),
        ("forged token", "GET", "/admin/sessions/stats", _bearer(token(tenant, secret="x" * 48)), None, (401,)),
        ("no role", "GET", "/admin/sessions/stats", _bearer(token(tenant, roles=("user",))), None, (403,)),
        ("no such path", "GET", "/internal/nothing-here", headers, None, (404,)),
    ]
    found = []
    for what, method, target, sent, body, wanted in probes:
        status, _, _ = client.ask(method, target, sent, body)
        if status not in wanted:
            found.append(f"refusal, {what}: {status} instead of {wanted[0]}")
    return found


def _bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def _compare(
    what: str, answer: tuple[int, Any, Mapping[str, str]], wanted: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    status, body, _ = answer
    if status != 200 or not isinstance(body, dict):
        yield what, f"{status} {body}"
        return
    for name in ("timestamp", "updated_at"):
        if name in body and not _INSTANT.fullmatch(body.pop(name)):
            yield what, f"{name} is no instant"
    if not _holds(body, wanted):
        yield what, f"{body} instead of {wanted}"


def _holds(body: Any, wanted: Any) -> bool:
    """Whether a part of an answer is what is wanted. Members that only the service has are not compared."""
    if isinstance(body, dict) and isinstance(wanted, dict):
        return all(name in body and _holds(body[name], value) for name, value in wanted.items())
    if isinstance(body, list) and isinstance(wanted, list):
        return len(body) == len(wanted) and all(map(_holds, body, wanted))
    return bool(body == wanted)


def _list(active: list[Session], page: int, size: int) -> dict[str, Any]:
    newest_first = sorted(active, key=lambda session: session.id, reverse=True)
    pages = -(-len(active) // size)
    return {
        "code": 0,
        "message": "ok",
        "items": [_shown(session) for session in newest_first[(page - 1) * size : page * size]],
        "total": len(active),
        "pagination": {
            "page": page,
            "page_size": size,
            "total": len(active),
            "total_pages": pages,
            "has_next": page < pages,
            "has_prev": page > 1,
        },
    }


def _shown(session: Session) -> dict[str, str]:
    return {**dict(list(session._asdict().items())[:14]), "status": "active"}


def _numbers(sessions: list[Session]) -> dict[str, Any]:
    devices: dict[str, int] = {}
    for session in sessions:
        devices[session.device_type] = devices.get(session.device_type, 0) + 1
    active = sum(session.active for session in sessions)
    revoked = sum(session.revoked_at is not None for session in sessions)
    return {
        "user_id": ADMIN,
        "total_sessions": len(sessions),
        "active_sessions": active,
        "expired_sessions": len(sessions) - active - revoked,
        "revoked_sessions": revoked,
        "device_breakdown": devices,
    }
