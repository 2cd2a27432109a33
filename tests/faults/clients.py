"""One client of the service: asks over HTTP/1.1, and writes down what it was told."""

import hashlib
import http.client
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from tests.faults.history import Action, Call, History
from tests.live import API_KEY, JWT_SECRET

PATIENCE_SECONDS = 60
_PROBLEM = "application/problem+json"


@dataclass(slots=True)
class Held:
    """A session that a client was given."""

    id: str
    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `status` is 0 when none came."""

    status: int = 0
    body: Any = None
    problem: bool = False


class RecordingClient:
    """Acts for one user of one tenant. Every call ends up in the history, whatever becomes of it.

    Of several ports each call takes any one: processes that serve one database are one service.
    """

    def __init__(self, port: int | Sequence[int], tenant: str, user: str, history: History) -> None:
        self._ports = (port,) if isinstance(port, int) else port
        self._chance = random.Random(f"{tenant} {user}")
        self._tenant = tenant
        self._user = user
        self._history = history
        self._connections: dict[int, http.client.HTTPConnection] = {}
        self._internal = {"X-API-Key": API_KEY, "X-Tenant-ID": tenant}
        self._owner = {"Authorization": f"Bearer {bearer_token(tenant, user)}"}
        self.admin = {"Authorization": f"Bearer {bearer_token(tenant, 'root', 'admin')}"}

    def create(self) -> Held | None:
        """A new session, if it was acknowledged."""
        started = time.monotonic()
        answer = self.ask("POST", "/internal/session/create", self._internal, {"auth_user_id": self._user})
        if answer.status != 201:
            self._note("create", None, started, answer)
            return None
        data = answer.body["data"]
        held = Held(data["session"]["id"], data["tokens"]["access_token"], data["tokens"]["refresh_token"])
        self._note("create", held.id, started, answer)
        return held

    def check(self, held: Held) -> str:
        """What an administrator is told of the session: its status, `absent`, or nothing."""
        started = time.monotonic()
        answer = self.ask("GET", f"/sessions/{held.id}", self.admin)
        says = {200: lambda: answer.body["session"]["status"], 404: lambda: "absent"}.get(answer.status, str)()
        self._note("check", held.id, started, answer, says=says)
        return says

    def validate(self, held: Held) -> None:
        """Ask whether the session's access token is good."""
        started = time.monotonic()
        body = {"access_token": held.access}
        answer = self.ask("POST", "/internal/session/validate-token", self._internal, body)
        says = ""
        if answer.status == 200:
            says = "active" if answer.body["valid"] else answer.body["error"].removeprefix("session_")
        self._note("check", held.id, started, answer, says=says)

    def touch(self, held: Held) -> None:
        """Keep the session alive."""
        started = time.monotonic()
        answer = self.ask("POST", f"/sessions/{held.id}/activity", self._owner)
        self._note("touch", held.id, started, answer)

    def refresh(self, held: Held) -> None:
        """Take the next pair of tokens. One whose answer did not come is asked for again with the same token."""
        started = time.monotonic()
        answer = self.ask("POST", "/sessions/refresh", {}, {"refresh_token": held.refresh})
        spent, gained = held.refresh, ""
        if answer.status == 200:
            gained = answer.body["refresh_token"]
            held.refresh, held.access = gained, answer.body["access_token"]
        self._note("refresh", held.id, started, answer, spent=_short(spent), gained=_short(gained))

    def revoke(self, held: Held) -> None:
        """End the session."""
        started = time.monotonic()
        answer = self.ask("DELETE", f"/sessions/{held.id}", self.admin)
        self._note("revoke", held.id, started, answer)

    def list(self) -> None:
        """The user's active sessions, as an internal service sees them."""
        started = time.monotonic()
        path = f"/internal/session/sessions/{self._user}?page_size=100"
        answer = self.ask("GET", path, self._internal)
        rows = tuple((row["tenant_id"], row["id"]) for row in answer.body["items"]) if answer.status == 200 else ()
        self._note("list", None, started, answer, rows=rows)

    def close(self) -> None:
        """Hang up."""
        while self._connections:
            self._connections.popitem()[1].close()

    def _note(self, action: Action, session: str | None, started: float, answer: Answer, **facts: Any) -> None:
        told = 200 <= answer.status < 300 or facts.get("says") == "absent"
        outcome: Any = "acknowledged" if told else "refused" if answer.status else "unknown"
        ended = time.monotonic()
        self._history.add(
            Call(action, self._tenant, session, started, ended, outcome, answer.status, problem=answer.problem, **facts)
        )

    def introspect(self, held: Held) -> Answer:
        """What an administrator is told of the session's access token; in no history."""
        return self.ask("POST", "/admin/tokens/introspect", self.admin, {"token": held.access})

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Answer:
        """One request, on a connection that is kept."""
        port = self._chance.choice(self._ports)
        if port not in self._connections:
            self._connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection = self._connections[port]
        sent = None if body is None else json.dumps(body)
        typed = headers if body is None else {**headers, "Content-Type": "application/json"}
        try:
            connection.request(method, path, sent, typed)
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return Answer()
        document = json.loads(raw) if raw else None
        return Answer(response.status, document, _is_problem(response, document))


def _is_problem(response: http.client.HTTPResponse, document: Any) -> bool:
    """RFC 9457: media type, a type and a title, the status as on the wire; a 503 says when to come back."""
    if response.headers.get_content_type() != _PROBLEM or not isinstance(document, dict):
        return False
    says_when = response.status != 503 or int(response.headers.get("Retry-After", "0")) >= 1
    return says_when and document.get("status") == response.status and bool(document["type"] and document["title"])


def _short(token: str) -> str:
    """A token as histories show it: a stranger can do nothing with it."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else ""


def bearer_token(tenant: str, user: str, *roles: str) -> str:
    """A bearer token of the configured issuer, good for an hour."""
    now = int(time.time())
    claims = {"sub": user, "tenant_id": tenant, "roles": list(roles), "iat": now, "exp": now + 3600}
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")
