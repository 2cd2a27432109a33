"""A tenant with something of everything, and what a service says of all of it: sessions, tokens, devices, numbers."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.docs.snippets import missing
from tests.faults.clients import Held, RecordingClient
from tests.faults.history import History
from tests.live import API_KEY

QUIET = "quiet"
"""A tenant in which nothing happens while it is looked at."""
USERS = ("ann", "bob", "eve")
_INTERNAL = {"X-API-Key": API_KEY, "X-Tenant-ID": QUIET}
LIVE_FAMILIES = 4
"""Sessions whose last refresh token is good: two each of ann and bob. Those of eve are cut off."""
_PAGE = "page_size=100"
_WAIT_SECONDS = 60
_WAIT_SECONDS = 60
_OF_THE_ANSWER = ("timestamp", "updated_at")
"""Members that say when an answer was made."""


class Question(NamedTuple):
    """A request that changes nothing; `as_service` is with the API key, else as the tenant's administrator."""

    method: str
    path: str
    body: Any = None
    as_service: bool = False


INVENTORY = Question("GET", f"/admin/tokens?{_PAGE}")
"""Each token, and what it is worth."""


class Caller:
    """Asks a service about the quiet tenant, and fills it."""

    def __init__(self, port: int) -> None:
        self._root = RecordingClient(port, QUIET, "root", History())
        self._port = port

    def ask(self, question: Question) -> tuple[int, Any]:
        """The status and the document."""
        headers = _INTERNAL if question.as_service else self._root.admin
        answer = self._root.ask(question.method, question.path, headers, question.body)
        return answer.status, answer.body

    def close(self) -> None:
        """Hang up."""
        self._root.close()

    def fill(self) -> list[Question]:
        """Sessions that are used, ended by hand and ended for a spent token; devices, blocked tokens, lifetimes."""
        tokens: list[str] = []
        sessions: list[Held] = []
        for user in USERS:
            client = RecordingClient(self._port, QUIET, user, History())
            for number in range(4):
                held = client.create()
                assert held is not None
                sessions.append(held)
                tokens.append(held.access)
                client.touch(held)
                first = held.refresh
                for _ in range(number):
                    client.refresh(held)
                    tokens.append(held.access)
                tokens.append(held.refresh)
                if number == 3:  # what the token before the last one is, depends on the instant at which it is asked
                    client.refresh(Held(held.id, held.access, first))
                    tokens.append(first)
                if number == 1:
                    client.revoke(held)
            client.close()
            device = {"user_id": user, "device_fingerprint": f"f-{user}"}
            self._done("POST", "/internal/session/trusted-devices", device)
            blocked = {"token": sessions[-4].access, "token_type": "access", "user_id": user, "reason": "lost laptop"}
            self._done("POST", "/internal/session/blacklist-token", blocked)
        of_eve = {"user_id": "eve", "reason": "a call from eve"}
        self._done("POST", "/admin/tokens/revoke-all", of_eve, as_service=False)
        lifetimes = {"access_expiry": "12h", "refresh_expiry": "2160h"}
        self._done("PUT", "/admin/tokens/config", lifetimes, as_service=False)
        return list(questions([held.id for held in sessions], tokens))

    def wait_until_spent_tokens_are_dead(self) -> None:
        """The token before the last one is answered again until the last one is used, and for some seconds."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            _, inventory = self.ask(INVENTORY)
            good = [one for one in inventory["items"] if (one["token_type"], one["status"]) == ("refresh", "active")]
            if len(good) == LIVE_FAMILIES:
                return
            assert time.monotonic() < deadline, good
            time.sleep(0.2)

    def _done(self, method: str, path: str, body: Any, *, as_service: bool = True) -> None:
        status, document = self.ask(Question(method, path, body, as_service))
        assert status in (200, 201, 202, 204), (path, status, document)


def questions(sessions: list[str], tokens: list[str]) -> Iterator[Question]:
    """Everything that can be asked of the tenant without changing it."""
    for key in sessions:
        yield Question("GET", f"/sessions/{key}")
    for user in USERS:
        yield Question("GET", f"/sessions/user/{user}/sessions?{_PAGE}")
        yield Question("GET", f"/internal/session/sessions/{user}?{_PAGE}", as_service=True)
        yield Question("GET", f"/internal/session/sessions/{user}/active", as_service=True)
        yield Question("GET", f"/internal/session/trusted-devices?user_id={user}", as_service=True)
        yield Question("GET", f"/admin/trusted-devices?user_id={user}")
    for status in ("active", "revoked", "expired"):
        yield Question("GET", f"/admin/sessions?status={status}&{_PAGE}")
    for path in ("/admin/sessions/stats", "/admin/sessions/active-count", "/admin/tokens/config"):
        yield Question("GET", path)
    yield INVENTORY
    yield Question("GET", f"/admin/tokens/blacklist?{_PAGE}")
    for token in tokens:
        yield Question("POST", "/admin/tokens/introspect", {"token": token})
        yield Question("POST", "/tokens/blacklist/check", {"token": token})
        yield Question("POST", "/internal/session/validate-token", {"access_token": token}, as_service=True)


def contradictions(said: tuple[int, Any], says: tuple[int, Any], *, question: Question) -> list[str]:
    """Where an answer no longer holds what was said before. What came to it since is no contradiction."""
    if said[0] != says[0]:
        return [f"{question.method} {question.path}: {said} was said, {says} is"]
    lasting = {name: value for name, value in said[1].items() if name not in _OF_THE_ANSWER}
    if question == INVENTORY:
        pairs = zip(said[1]["items"], says[1]["items"], strict=False)
        lasting["items"] = [was | {"status": now["status"]} if _is_told_better(was, now) else was for was, now in pairs]
    return [f"{question.method} {question.path} {line}" for line in missing(lasting, says[1], "")]


def _is_told_better(was: dict[str, Any], now: dict[str, Any]) -> bool:
    """0.1.0 listed a spent refresh token as revoked that it would still answer, and introspected it as active.

    The list now says what introspection says.
    """
    return was["token_type"] == "refresh" and (was["status"], now["status"]) == ("revoked", "active")
