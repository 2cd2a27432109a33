"""Whatever happens at the service, a verifier that has heard of it says of each token what the service says.

Random histories over HTTP. After each step tokens are shown to the service and to a verifier that followed the events,
at the end all of them, also to a verifier that began with the snapshot.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn_verify import Verifier
from tests.clients.following import Beside, administrator
from tests.live import API_KEY

USERS = ("usr_ann", "usr_bob")
STEPS = (
    "sign_in", "sign_in", "refresh", "reuse", "end", "end_user", "end_others", "refuse_token", "refuse_text",
    "cut_off_user", "cut_off_tenant", "cut_off_refresh", "elevate", "begin_anew", "erase", "exchange",
)  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 999)), min_size=3, max_size=12)
numbers = count(1)
_OF_SESSION = {"session_revoked", "session_expired", "session_not_found"}
_WORDS = (_OF_SESSION, _OF_SESSION | {"issued_before_cutoff"})


class History:
    """One tenant's story, and every access token that came up in it."""

    def __init__(self, beside: Beside) -> None:
        self.beside, self.tenant = beside, f"tenant-{next(numbers)}"
        self.http, self.headers = beside.http, {"X-Tenant-ID": self.tenant}
        self.sessions: list[dict[str, Any]] = []
        self.refresh_tokens: list[str] = []
        self.tokens: list[str] = []
        self.is_anybody_erased = False
        self.sign_in(0)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = self.headers | options.pop("headers", {})
        response = self.http.request(method, path, headers=headers, **options)
        assert response.status_code < 500, response.text
        return response.json() if response.content and response.status_code < 300 else None

    def as_admin(self, method: str, path: str, **options: Any) -> Any:
        return self.ask(method, path, headers=administrator(self.tenant), **options)

    def keep(self, pair: Any) -> None:
        if pair is not None:
            self.tokens.append(pair["access_token"])
            self.refresh_tokens.append(pair["refresh_token"])

    def sign_in(self, number: int) -> None:
        user = USERS[number % 2]
        created = self.ask("POST", "/internal/session/create", json={"auth_user_id": user})
        if created is not None:
            self.sessions.append(created["data"]["session"])
            self.begin_anew(-1)

    def begin_anew(self, number: int) -> None:
        session = self.sessions[number % len(self.sessions)]
        body = {"session_id": session["id"], "tenant_id": self.tenant, "auth_user_id": session["user_id"]}
        self.keep(self.ask("POST", "/internal/session/generate-tokens", json=body))

    def refresh(self, number: int) -> None:
        self.keep(self.ask("POST", "/sessions/refresh", json={"refresh_token": self.refresh_tokens[-1]}))

    def reuse(self, number: int) -> None:
        old = self.refresh_tokens[number % len(self.refresh_tokens)]
        self.keep(self.ask("POST", "/sessions/refresh", json={"refresh_token": old}))

    def end(self, number: int) -> None:
        self.ask("DELETE", f"/internal/session/{self.sessions[number % len(self.sessions)]['id']}")

    def end_user(self, number: int) -> None:
        self.ask("DELETE", f"/internal/session/session/user/{USERS[number % 2]}")

    def end_others(self, number: int) -> None:
        session = self.sessions[number % len(self.sessions)]
        path = f"/internal/session/session/user/{session['user_id']}"
        self.ask("DELETE", path, params={"except_session_id": session["id"]})

    def refuse_token(self, number: int) -> None:
        body = {"token": self.tokens[number % len(self.tokens)], "token_type": "access", "user_id": "usr_ann"}
        self.ask("POST", "/internal/session/blacklist-token", json=body)

    def refuse_text(self, number: int) -> None:
        body = {"token": f"no token {number}", "token_type": "access", "user_id": "usr_ann"}
        self.ask("POST", "/internal/session/blacklist-token", json=body)

    def cut_off_user(self, number: int) -> None:
        self.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": USERS[number % 2]})

    def cut_off_tenant(self, number: int) -> None:
        self.as_admin("POST", "/admin/tokens/revoke-all", json={})

    def cut_off_refresh(self, number: int) -> None:
        self.as_admin("POST", "/admin/tokens/revoke-all", json={"type": "refresh"})

    def elevate(self, number: int) -> None:
        session = self.sessions[number % len(self.sessions)]
        self.ask("POST", f"/internal/session/{session['id']}/elevate", json={"amr": [f"m{number % 9}"]})

    def erase(self, number: int) -> None:
        self.ask("POST", "/internal/session/erase-user-data", json={"user_id": USERS[number % 2]})
        self.is_anybody_erased = True

    def exchange(self, number: int) -> None:
        token = self.tokens[number % len(self.tokens)]
        body = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": token}
        kind = {"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        found = self.ask("POST", "/oauth/token", data=body | kind, auth=(self.tenant, API_KEY))
        if found is not None:
            self.tokens.append(found["access_token"])

    def compare(self, verifier: Verifier, tokens: list[str]) -> None:
        """The verifier says the same of these tokens."""
        self.beside.verified(self.tokens[0], by=verifier)
        self.beside.catch_up(verifier)
        for token in tokens:
            body = {"access_token": token, "audience": "sojourn"}
            said = self.ask("POST", "/internal/session/validate-token", json=body)
            ours, theirs = self.beside.verified(token, by=verifier), said.get("error", "good")
            assert ours == theirs or {ours, theirs} <= _WORDS[self.is_anybody_erased], (ours, theirs)


@pytest.fixture(scope="module")
def strict(beside: Beside) -> Iterator[Verifier]:
    """A verifier that trusts clocks, as it may on one machine: it asks about no token."""
    with Verifier(beside.server.url, API_KEY, leeway=0) as made:
        yield made


@settings(max_examples=6)
@given(steps)
def test_a_verifier_and_the_service_agree_on_every_token(
    beside: Beside, strict: Verifier, drawn: list[tuple[str, int]]
) -> None:
    history = History(beside)
    history.compare(strict, history.tokens)
    for name, number in drawn:
        getattr(history, name)(number)
        history.compare(strict, [history.tokens[number % len(history.tokens)], history.tokens[-1]])
    history.compare(strict, history.tokens)
    with Verifier(beside.server.url, API_KEY, tenant=history.tenant, leeway=0) as later:
        history.compare(later, history.tokens)
    assert strict.metrics()["asked"] == later.metrics()["asked"] == 0
