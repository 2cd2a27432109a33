"""A server that has the five seed operations and nothing else: made-up sessions in memory, no framework, no Sojourn.

It shares no code with the service, so that the seed profile is shown to need nothing of ours.
"""

import json
import math
import re
import uuid
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.conformance.serving import now
from tests.live import API_KEY

TENANT, ADMIN = "acme", "root"
EPOCH, LATER, END = "2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", "2999-01-01T08:00:00Z"
USERS = {"usr_ada": 3, "usr_bob": 1, "auth0|65f": 2}


class SeedStub:
    """Answers truthfully unless `lie` changes the document of an operation on its way out."""

    def __init__(self, token: str, lie: Any = None) -> None:
        self._token = token
        self._lie = lie or (lambda operation, document: document)
        names = [user for user, count in USERS.items() for _ in range(count)]
        self.sessions = [(f"01968a3c-5c00-7000-8000-{number:012x}", user) for number, user in enumerate(names)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        self._request = f"req_{uuid.uuid4()}"
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = {
            name: values[-1]
            for name, values in parse_qs(scope["query_string"].decode(), keep_blank_values=True).items()
        }
        status, document = self.answer(unquote(scope["raw_path"].decode()), headers, query)
        media = b"application/json" if status == 200 else b"application/problem+json"
        fields = [(b"content-type", media), (b"cache-control", b"no-store"), (b"x-request-id", self._request.encode())]
        if status == 401:
            internal = scope["path"].startswith("/internal")
            fields.append((b"www-authenticate", b'ApiKey realm="stub"' if internal else b'Bearer realm="stub"'))
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    def answer(self, path: str, headers: dict[str, str], query: dict[str, str]) -> tuple[int, Any]:
        """Status and document."""
        if path in ("/admin/sessions/stats", "/api/sessions/all"):
            if headers.get("authorization") != f"Bearer {self._token}":
                return 401, self._problem(401, path)
            if query:
                return 400, self._problem(400, path)
            return 200, self._lie(path, self._statistics() if path.endswith("stats") else self._everything())
        if headers.get("x-api-key") != API_KEY:
            return 401, self._problem(401, path)
        if not re.fullmatch("[a-z-]+", headers.get("x-tenant-id", "")):
            return 400, self._problem(400, path)
        parts = path.removeprefix("/internal/session/").split("/")
        users = USERS if headers["x-tenant-id"] == TENANT else ()
        if parts == ["trusted-devices"]:
            return self._devices(path, query)
        if parts[0] == "sessions" and len(parts) in (2, 3):
            if query:
                return 400, self._problem(400, path)
            user = parts[1] if parts[1] in users else ""
            return 200, self._lie("active" if len(parts) == 3 else "list", self._of_user(user, len(parts) == 3))
        return 404, self._problem(404, path)

    def _problem(self, status: int, path: str) -> dict[str, Any]:
        return problem(status, path, self._request)

    def _of_user(self, user: str, counted: bool) -> dict[str, Any]:
        own = [key for key, owner in self.sessions if owner == user]
        if counted:
            return {"active": bool(own), "session_count": len(own)}
        return listed([session(key, user) for key in own], 1, 100)

    def _devices(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        page, size = query.get("page", "1"), query.get("page_size", "20")
        numbers = page.isdigit() and size.isdigit() and int(page) and 1 <= int(size) <= 100
        if "user_id" not in query or set(query) - {"user_id", "page", "page_size"} or not numbers:
            return 400, self._problem(400, path)
        return 200, self._lie("devices", listed([], int(page), int(size)))

    def _statistics(self) -> dict[str, Any]:
        kinds = dict(Counter("desktop" for _ in self.sessions))
        return {
            "user_id": ADMIN, "total_sessions": len(self.sessions), "active_sessions": len(self.sessions),
            "expired_sessions": 0, "revoked_sessions": 0, "device_breakdown": kinds, "updated_at": now(),
        }  # fmt: skip

    def _everything(self) -> dict[str, Any]:
        numbers = {user: number for number, user in enumerate(USERS, 1)}
        rows = [
            {
                "session_id": key, "user_id": numbers[user], "username": user, "created_at": EPOCH, "expires_at": END,
                "last_activity": LATER, "ip_address": "192.0.2.1", "user_agent": "stub", "auth_method": "password",
                "is_active": True,
            }
            for key, user in self.sessions
        ]  # fmt: skip
        return {"sessions": rows, "total": len(rows)}


def session(key: str, user: str) -> dict[str, Any]:
    """A session in the shape of the lists."""
    return {
        "id": f"sess_{key}", "user_id": user, "tenant_id": TENANT, "status": "active", "created_at": EPOCH,
        "authenticated_at": EPOCH, "last_active_at": LATER, "idle_expires_at": END, "expires_at": END,
        "amr": "password", "device_type": "desktop", "ip": "192.0.2.1", "user_agent": "stub",
    }  # fmt: skip


def listed(items: list[Any], page: int, size: int) -> dict[str, Any]:
    """A list answer that holds a page of the items."""
    pages, total = math.ceil(len(items) / size), len(items)
    info = {"page": page, "page_size": size, "total": total, "total_pages": pages}
    return {
        "code": 0, "message": "ok", "timestamp": now(), "total": total, "items": items[(page - 1) * size : page * size],
        "pagination": {**info, "has_next": page < pages, "has_prev": page > 1 and total > 0},
    }  # fmt: skip


def problem(status: int, path: str, request: str) -> dict[str, Any]:
    """A refusal that satisfies both shapes of problem."""
    return {
        "type": "/problems/refused", "title": "Refused", "status": status, "detail": "Refused.", "instance": path,
        "error": "Refused.", "requestId": request,
    }  # fmt: skip
