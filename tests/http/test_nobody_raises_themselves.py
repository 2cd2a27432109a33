"""No sequence of calls by a user alone moves a deadline beyond the first absolute one, or raises assurance.

A machine plays a user who signed in once, with one method, and holds every token that came of it. It calls whatever
the contract offers to holders of tokens, in any order, with bodies that ask for more; time passes in between. Real
storage of either engine, over HTTP.
"""

from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sojourn.domain.clock import from_text, to_text
from tests.http.conftest import START, Client
from tests.http.test_refresh import claims

USER = "usr_eve"
METHODS = ["pwd"]
CONTEXT = "urn:loa:1"
numbers = count(1)
asked = st.fixed_dictionaries(
    {},
    optional={
        "amr": st.lists(st.sampled_from(["pwd", "otp", "mfa", "hwk"]), min_size=1, unique=True),
        "acr": st.sampled_from([CONTEXT, "urn:loa:3"]),
        "role": st.sampled_from(["auditor", "admin"]),
        "ip": st.just("192.0.2.66"),
        "device_id": st.just("dev_trusted"),
    },
)


class AloneWithTokens(RuleBasedStateMachine):
    """One tenant, one user, one sign-in: what the user can make of it."""

    client: ClassVar[Client]
    tokens = Bundle("tokens")
    refreshing = Bundle("refreshing")

    def __init__(self) -> None:
        super().__init__()
        self.client.clock.now = max(self.client.clock.now, START)
        self.tenant = f"alone-{next(numbers)}"
        at = int(self.client.clock.now.timestamp())
        about = {"amr": METHODS, "acr": CONTEXT, "auth_time": at, "exp": at + 7 * 86400, "jti": "once"}
        self.provider = self.client.token(USER, self.tenant, **about)
        answer = self.call("POST", "/sessions", self.provider, json={"auth_user_id": USER})
        assert answer.status_code == 201, answer.text
        self.first = answer.json()
        self.end = from_text(self.first["session"]["expires_at"])
        self.auth_time = at
        self.seen: list[str] = []
        self.ids = [self.first["session"]["id"]]

    def call(self, method: str, path: str, token: str, **options: Any) -> Any:
        """A request of the user with one of their tokens."""
        return self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)

    def note(self, access: str) -> str:
        """Remember an access token that came of a call."""
        self.seen.append(access)
        return access

    @rule(target=tokens)
    def has_the_first_tokens(self) -> Any:
        return multiple(self.note(self.first["tokens"]["access_token"]), self.provider)

    @rule(target=refreshing)
    def has_the_first_refresh_token(self) -> str:
        return str(self.first["tokens"]["refresh_token"])

    @rule(minutes=st.sampled_from([0, 1, 4, 14, 119, 239, 600]))
    def time_passes(self, minutes: int) -> None:
        self.client.clock.advance(minutes=minutes)

    @rule(target=refreshing, token=refreshing)
    def refreshes(self, token: str) -> Any:
        answer = self.client.request("POST", "/sessions/refresh", json={"refresh_token": token})
        if answer.status_code != 200:
            return multiple()
        self.note(answer.json()["access_token"])
        return answer.json()["refresh_token"]

    @rule(target=tokens, token=refreshing)
    def rotates_the_access_token(self, token: str) -> Any:
        answer = self.client.request("POST", "/sessions/rotate-access", json={"refresh_token": token})
        return self.note(answer.json()["access_token"]) if answer.status_code == 200 else multiple()

    @rule(target=tokens, number=st.integers(0, 99))
    def takes_a_token_seen_before(self, number: int) -> Any:
        return self.seen[number % len(self.seen)] if self.seen else multiple()

    @rule(target=tokens, token=tokens, more=asked)
    def starts_a_session(self, token: str, more: dict[str, Any]) -> Any:
        answer = self.call("POST", "/sessions", token, json={"auth_user_id": USER, **more})
        if answer.status_code != 201:
            assert answer.status_code in (401, 403), answer.text
            return multiple()
        self.ids.append(answer.json()["session"]["id"])
        return self.note(answer.json()["tokens"]["access_token"])

    @rule()
    def presents_the_sign_in_again(self) -> None:
        assert self.call("POST", "/sessions", self.provider, json={"auth_user_id": USER}).status_code in (401, 403)
        assert self.call("POST", f"/sessions/{self.ids[0]}/upgrade-mfa", self.provider).status_code in (401, 403, 404)

    @rule(token=tokens)
    def upgrades(self, token: str) -> None:
        answer = self.call("POST", f"/sessions/{self.ids[-1]}/upgrade-mfa", token)
        assert answer.status_code in (401, 403, 404), answer.text

    @rule(token=tokens)
    def keeps_the_session_alive(self, token: str) -> None:
        for session_id in self.ids:
            self.call("POST", f"/sessions/{session_id}/activity", token)
            self.call("POST", f"/sessions/{session_id}/validate", token)

    @rule(token=tokens, fingerprint=st.sampled_from(["sha256:a", "sha256:b"]))
    def trusts_a_device(self, token: str, fingerprint: str) -> None:
        self.call("POST", "/trusted-devices", token, json={"device_fingerprint": fingerprint})

    @rule(token=tokens, path=st.sampled_from(["exchange", "introspect", "revoke-all"]))
    def tries_what_administrators_may(self, token: str, path: str) -> None:
        body = {"token": token, "subject_token": token, "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
        assert self.call("POST", f"/admin/tokens/{path}", token, json=body).status_code in (401, 403)

    @rule(token=tokens)
    def tries_what_services_may(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "X-API-Key": token, "X-Tenant-ID": self.tenant}
        path = f"/internal/session/{self.ids[-1]}/elevate"
        answer = self.client.request("POST", path, headers=headers, json={"amr": ["mfa"]})
        assert answer.status_code == 401, answer.text

    @precondition(lambda self: len(self.ids) < 3)
    @rule(token=tokens)
    def signs_out(self, token: str) -> None:
        self.call("DELETE", f"/sessions/{self.ids[0]}", token)

    @invariant()
    def every_session_is_what_the_sign_in_made_it(self) -> None:
        query = {"user_id": USER, "page_size": "100"}
        listed = self.client.as_admin("GET", "/admin/sessions", self.tenant, params=query).json()["items"]
        assert len(listed) == 1, "one sign-in, one session"
        for session in listed:
            assert (session["amr"], session["acr"]) == ("pwd", CONTEXT)
            assert session["authenticated_at"] <= to_text(START.fromtimestamp(self.auth_time, START.tzinfo))
            assert from_text(session["idle_expires_at"]) <= from_text(session["expires_at"]) <= self.end
            assert session["status"] != "active" or self.client.clock.now < self.end

    @invariant()
    def every_token_is_what_the_sign_in_made_it(self) -> None:
        for access in self.seen[-3:]:
            said = claims(access)
            assert (said["amr"], said["acr"], said["roles"]) == (METHODS, CONTEXT, [])
            assert said["auth_time"] == self.auth_time
            assert said["exp"] <= self.end.timestamp()


@pytest.mark.parametrize("steps", [25])
def test_a_user_alone_outlives_no_deadline_and_raises_no_assurance(start: Callable[..., Client], steps: int) -> None:
    client = start(SOJOURN_REFRESH_LIMIT="100000", SOJOURN_TOUCH_INTERVAL="0s")
    machine = type("Machine", (AloneWithTokens,), {"client": client})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
