"""Everybody who judges a token says the same of it, whatever has happened to it, its session and its tenant.

Random histories run against a real database of either engine, over HTTP. `SOJOURN_TEST_HISTORIES=1000` draws so many
instead of the few that are the same in every run.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.cli.keys import keys
from sojourn.domain.clock import utc_now
from tests.http.conftest import Client
from tests.http.test_refresh import claims
from tests.http.tokens import refresh, validate

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
USERS = ("ann", "bob")
STEPS = (
    "sign_in", "sign_in", "refresh", "refresh", "refresh", "use", "generate", "exchange", "blacklist", "blacklist",
    "take_off_blacklist", "cut_off", "end", "purge", "retire_keys", "lifetimes", "elevate", "wait", "wait",
)  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 999)), min_size=3, max_size=14)
numbers = count(1)


@dataclass
class History:
    """One tenant's story, and every token that came up in it."""

    client: Client
    environ: dict[str, str]
    tenant: str
    sessions: list[dict[str, Any]] = field(default_factory=list)
    access: list[str] = field(default_factory=list)
    refreshing: dict[str, str] = field(default_factory=dict)
    """Refresh tokens, each with its id in the inventory."""

    def admin(self, method: str, path: str, **options: Any) -> Any:
        return self.client.as_admin(method, path, self.tenant, **options)

    def listed(self, **filters: Any) -> dict[str, str]:
        """The inventory: the status of every id."""
        query = {"page_size": 100, **filters}
        answer = self.admin("GET", "/admin/tokens", params=query).json()
        assert answer["total"] == len(answer["items"]) < 100
        return {item["id"]: item["status"] for item in answer["items"]}

    def keep(self, pair: dict[str, Any]) -> None:
        """Remember a pair; a refresh token that is new is the one the inventory had not listed."""
        self.access.append(pair["access_token"])
        if pair["refresh_token"] not in self.refreshing:
            (entry,) = self.listed(type="refresh").keys() - set(self.refreshing.values())
            self.refreshing[pair["refresh_token"]] = entry

    def step(self, name: str, number: int) -> None:
        self.client.clock.now = max(self.client.clock.now, utc_now())  # as commands see it
        if name == "sign_in" or not self.sessions:
            body = {"auth_user_id": USERS[number % 2]}
            answer = self.client.internal("POST", "/internal/session/create", self.tenant, json=body).json()["data"]
            self.sessions.append(answer["session"])
            self.keep(answer["tokens"])
        else:
            getattr(self, name)(number)

    def refresh(self, number: int) -> None:
        answer = refresh(self.client, chosen([*self.refreshing], number))
        if answer.status_code == 200:
            self.keep(answer.json())

    def use(self, number: int) -> None:
        token = chosen(self.access, number)
        validate(self.client, token, self.tenant, audience=claims(token)["aud"])

    def generate(self, number: int) -> None:
        session = chosen(self.sessions, number)
        body = {"session_id": session["id"], "tenant_id": self.tenant, "auth_user_id": session["user_id"]}
        answer = self.client.internal("POST", "/internal/session/generate-tokens", self.tenant, json=body)
        if answer.status_code == 200:
            self.keep(answer.json())

    def exchange(self, number: int) -> None:
        body = {"grant_type": EXCHANGE, "subject_token": chosen(self.access, number), "audience": "elsewhere"}
        answer = self.admin("POST", "/admin/tokens/exchange", json=body)
        if answer.status_code == 200:
            self.access.append(answer.json()["access_token"])

    def blacklist(self, number: int) -> None:
        token = chosen([*self.access, *self.refreshing], number)
        body = {"token": token, "token_type": "access", "user_id": "ann"}
        assert self.client.internal("POST", "/internal/session/blacklist-token", self.tenant, json=body).is_success

    def take_off_blacklist(self, number: int) -> None:
        if entries := self.admin("GET", "/admin/tokens/blacklist").json()["items"]:
            assert self.admin("DELETE", f"/admin/tokens/blacklist/{chosen(entries, number)['id']}").is_success

    def cut_off(self, number: int) -> None:
        who = {"user_id": USERS[number % 2]} if number % 3 else {}
        what = chosen([{}, {"type": "access"}, {"type": "refresh"}], number // 3)
        assert self.admin("POST", "/admin/tokens/revoke-all", json=who | what).is_success
        self.client.clock.advance(seconds=1)  # the administrator's token is of another issuer: told by its second

    def elevate(self, number: int) -> None:
        path = f"/internal/session/{chosen(self.sessions, number)['id']}/elevate"
        answer = self.client.internal("POST", path, self.tenant, json={"amr": [f"m{number % 9}"]})
        assert answer.status_code in (200, 404), answer.text

    def end(self, number: int) -> None:
        self.admin("DELETE", f"/sessions/{chosen(self.sessions, number)['id']}")

    def purge(self, number: int) -> None:
        self.client.clock.advance(seconds=2)
        assert self.admin("DELETE", "/admin/sessions/expired").is_success

    def retire_keys(self, number: int) -> None:
        kept = self.command("rotate", "--now").split()[0]
        for key in json.loads(self.command("list", "--json")):
            if key["id"] != kept and key["state"] != "retired":
                self.command("retire", key["id"])
        self.client.clock.now = max(self.client.clock.now, utc_now())

    def command(self, *arguments: str) -> str:
        """What `sojourn keys` prints."""
        result = CliRunner().invoke(keys, arguments, env=self.environ)
        assert result.exit_code == 0, result.output
        return result.stdout

    def lifetimes(self, number: int) -> None:
        leeway = chosen(["0s", "30s", "5m"], number)
        body = {"access_expiry": "2m", "refresh_expiry": "10m", "leeway": leeway}
        assert self.admin("PUT", "/admin/tokens/config", json=body).is_success

    def wait(self, number: int) -> None:
        self.client.clock.advance(seconds=chosen([1, 9, 11, 60, 130, 500, 1000], number))

    def judge(self, seen: Counter[str]) -> None:
        """Ask everybody about every token. What a question changes comes last."""
        for token in self.access:  # shown once, a token is used, and its parent may be reuse from then on
            validate(self.client, token, self.tenant, audience=claims(token)["aud"])
        inventory, active = self.listed(), set[str]()
        for token in self.access:
            said = self.said_of_access(token, inventory)
            assert len(set(said.values())) == 1, said
            seen[f"access {said['validation']}"] += 1
        for token, entry in self.refreshing.items():
            introspected = self.introspect(token)
            listed = inventory.get(entry, "purged")
            assert introspected == (listed == "active"), (introspected, listed)
            seen[f"refresh {introspected}"] += 1
            if introspected:
                active.add(token)
                body = {"refresh_token": token}
                rotated = self.client.request("POST", "/sessions/rotate-access", json=body)
                assert rotated.status_code == 200, rotated.text
        for status in ("active", "expired", "revoked"):
            wanted = {entry for entry, found in self.listed().items() if found == status}
            assert self.listed(status=status).keys() == wanted
        for token in sorted(self.refreshing, key=lambda token: token not in active):
            assert (refresh(self.client, token).status_code == 200) == (token in active) or token in active
            if token not in active:
                assert not self.introspect(token)

    def introspect(self, token: str) -> bool:
        active: bool = self.admin("POST", "/admin/tokens/introspect", json={"token": token}).json()["active"]
        return active

    def said_of_access(self, token: str, inventory: dict[str, str]) -> dict[str, bool]:
        """Whether each judge takes an access token. The bearer check has a say in tokens for our own audience only."""
        said = claims(token)
        exchanged = {"grant_type": EXCHANGE, "subject_token": token, "audience": "elsewhere"}
        found = {
            "validation": validate(self.client, token, self.tenant, audience=said["aud"])["valid"],
            "introspection": self.introspect(token),
            "exchange": self.admin("POST", "/admin/tokens/exchange", json=exchanged).status_code == 200,
        }
        if said["jti"] in inventory:  # else it is over but for the leeway, and purged
            found["inventory"] = inventory[said["jti"]] == "active"
        query = {"auth_user_id": said["sub"]}
        shown = {"Authorization": f"Bearer {token}"}
        bearer = self.client.request("GET", "/sessions", params=query, headers=shown).status_code == 200
        if said["aud"] == "elsewhere":
            assert not bearer
            return found
        return found | {"bearer": bearer}


def chosen(values: list[Any], number: int) -> Any:
    return values[number % len(values)]


def test_all_who_judge_a_token_agree_whatever_has_happened(
    start: Callable[..., Client], environ: dict[str, str]
) -> None:
    environ = environ | {"SOJOURN_SESSION_RETENTION": "1s", "SOJOURN_REFRESH_LIMIT": "100000"}
    client = start(**environ)
    histories = int(os.environ.get("SOJOURN_TEST_HISTORIES", "0"))
    seen: Counter[str] = Counter()

    @settings(
        max_examples=histories or 15,
        derandomize=not histories,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps)
    def agree(story: list[tuple[str, int]]) -> None:
        history = History(client, environ, f"t{next(numbers)}")
        for name, number in story:
            history.step(name, number)
        history.judge(seen)

    agree()

    assert all(seen[f"{kind} {good}"] > 5 for kind in ("access", "refresh") for good in (True, False)), seen
    print(dict(seen))
