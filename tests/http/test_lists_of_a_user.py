"""The lists of one user's sessions, for services, users and administrators: states, order, walks, the current one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.http.conftest import Client

USER = "usr_abc123"
Ask = Callable[[Client, str], Any]
LISTS: dict[str, Ask] = {
    "service": lambda client, query: client.internal("GET", f"/internal/session/sessions/{USER}?{query}"),
    "user": lambda client, query: client.as_user("GET", f"/sessions?auth_user_id={USER}&{query}", USER),
    "user in the path": lambda client, query: client.as_user("GET", f"/sessions/user/{USER}/sessions?{query}", USER),
    "administrator": lambda client, query: client.as_admin("GET", f"/sessions?auth_user_id={USER}&{query}"),
}
each_list = pytest.mark.parametrize("ask", LISTS.values(), ids=LISTS)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def steps(client: Client, ask: Ask, query: str) -> Iterator[list[str]]:
    """The ids of each step of a walk; the caller may do something between two of them."""
    cursor = ""
    while True:
        answer = ask(client, f"{query}{cursor}")
        yield ids(answer)
        following = answer.json()["pagination"].get("next_cursor")
        if following is None:
            return
        cursor = f"&cursor={following}"


def of_each_state(client: Client) -> dict[str, list[str]]:
    """Sessions of the user, newest first, by state; and others that no list of the user may show."""
    found: dict[str, list[str]] = {"expired": [client.create(USER)["id"]]}
    client.clock.advance(hours=5)
    revoked, active = [], []
    for _ in range(3):
        active.insert(0, client.create(USER)["id"])
        revoked.insert(0, client.create(USER)["id"])
        client.internal("DELETE", f"/internal/session/{revoked[0]}")
        client.clock.advance(seconds=1)
    client.create("usr_other")
    client.create(USER, tenant="globex")
    return found | {"active": active, "revoked": revoked}


@each_list
def test_a_list_shows_the_state_that_is_asked_for_and_active_sessions_unless_one_is(client: Client, ask: Ask) -> None:
    made = of_each_state(client)

    for status, wanted in made.items():
        assert ids(ask(client, f"status={status}")) == wanted
        assert ids(ask(client, f"status={status}&sort=created_at")) == wanted[::-1]
        assert ids(ask(client, f"status={status}&page=2&page_size=2")) == wanted[2:]
        for sort in ("-created_at", "created_at", "-last_active_at"):
            walked = [key for step in steps(client, ask, f"status={status}&sort={sort}&limit=2") for key in step]
            assert walked == (wanted[::-1] if sort == "created_at" else wanted)
    assert ids(ask(client, "")) == made["active"]


@each_list
def test_what_stands_throughout_a_walk_is_shown_exactly_once(client: Client, ask: Ask) -> None:
    made = of_each_state(client)["active"]
    walk = steps(client, ask, "limit=1")

    seen = next(walk)
    client.internal("DELETE", f"/internal/session/{made[0]}")
    client.create(USER)
    for step in walk:
        seen += step

    assert seen == made


@each_list
def test_a_cursor_is_good_for_its_own_list_alone(client: Client, ask: Ask) -> None:
    of_each_state(client)
    cursor = ask(client, "limit=1").json()["pagination"]["next_cursor"]
    others = client.internal("GET", f"/internal/session/sessions/usr_other?cursor={cursor}")

    for answer in (ask(client, f"status=revoked&cursor={cursor}"), others):
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("cursor", "foreign_cursor")]
    both = ask(client, f"cursor={cursor}&page=1")
    assert both.status_code == 400


def test_the_session_that_a_user_asks_with_is_marked_in_lists_of_their_own(client: Client) -> None:
    made = client.internal("POST", "/internal/session/create", json={"auth_user_id": USER}).json()["data"]
    mine, other = made["session"], client.create(USER)

    bearer = {"Authorization": f"Bearer {made['tokens']['access_token']}"}
    own = client.request("GET", f"/sessions?auth_user_id={USER}&limit=5", headers=bearer)
    administrators = client.as_admin("GET", f"/sessions?auth_user_id={USER}")
    services = client.internal("GET", f"/internal/session/sessions/{USER}")

    assert {item["id"]: item["current"] for item in own.json()["items"]} == {mine["id"]: True, other["id"]: False}
    assert not any("current" in item for item in administrators.json()["items"] + services.json()["items"])


def test_a_session_shows_its_application_browser_and_system(client: Client) -> None:
    facts = {"app_id": "app_web", "browser": "Firefox 138", "os": "Fedora"}
    made = client.create(USER, **facts)

    listed = client.internal("GET", f"/internal/session/sessions/{USER}").json()["items"][0]

    assert listed.items() >= facts.items()
    assert made.items() >= facts.items()
