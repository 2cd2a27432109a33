"""Many checks in one request say, item by item, what one check says."""

import random
from typing import Any

import pytest

from tests.http.conftest import Client

PATH = "/internal/session/active"
MOST = 500


def check(client: Client, tenant: str = "acme", **body: Any) -> list[dict[str, Any]]:
    answer = client.internal("POST", PATH, tenant, json=body)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def one_by_one(client: Client, users: list[str]) -> list[dict[str, Any]]:
    found = []
    for user in users:
        answer = client.internal("GET", f"/internal/session/sessions/{user}/active")
        found.append({"id": user, **answer.json()})
    return found


@pytest.mark.parametrize("seed", range(3))
def test_users_are_told_as_one_check_tells_them(client: Client, seed: int) -> None:
    draw = random.Random(f"many checks {seed}")
    users = [f"usr_{number}" for number in range(8)]
    for _ in range(25):
        user = draw.choice(users)
        match draw.choice(("create", "create", "end", "end all", "wait", "keep alive")):
            case "create":
                client.create(user)
            case "end all":
                client.internal("DELETE", f"/internal/session/session/user/{user}")
            case "wait":
                client.clock.advance(minutes=draw.choice((1, 90)))
            case what:
                mine = client.internal("GET", f"/internal/session/sessions/{user}").json()["items"]
                if mine and what == "end":
                    client.internal("DELETE", f"/internal/session/{mine[0]['id']}")
                elif mine:
                    client.internal("POST", f"/internal/session/{mine[0]['id']}/activity")
    asked = draw.choices([*users, "usr_abc123", "usr_nobody"], k=30)

    assert check(client, user_ids=asked) == one_by_one(client, asked)


def test_sessions_are_told_as_their_own_page_tells_them(client: Client) -> None:
    kept, ended, idle = client.create(), client.create(), client.create("usr_idle")
    elsewhere = client.create(tenant="globex")
    client.internal("DELETE", f"/internal/session/{ended['id']}")
    client.clock.advance(hours=3)
    client.internal("POST", f"/internal/session/{kept['id']}/activity")
    client.clock.advance(hours=2)
    unknown = "sess_0190b5a4-0000-7000-8000-000000000000"
    asked = [idle["id"], kept["id"], ended["id"], elsewhere["id"], unknown, "sess_abc123", kept["id"]]

    items = check(client, session_ids=asked)

    assert [item["id"] for item in items] == asked
    assert [item["session_count"] for item in items] == [0, 1, 0, 0, 0, 0, 1]
    assert all(item["active"] is (item["session_count"] == 1) for item in items)


def test_the_largest_request_is_answered_in_its_order(client: Client) -> None:
    client.create("usr_7")
    asked = [f"usr_{number}" for number in range(MOST)]

    items = check(client, user_ids=asked)

    assert [item["id"] for item in items] == asked
    assert [item["id"] for item in items if item["active"]] == ["usr_7"]


def test_a_tenant_without_anything_has_nobody_active(client: Client) -> None:
    assert check(client, "nobody-was-here", user_ids=["usr_abc123"]) == [
        {"id": "usr_abc123", "active": False, "session_count": 0}
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "min_properties"),
        ({"user_ids": ["usr_1"], "session_ids": ["sess_abc123"]}, "max_properties"),
        ({"user_ids": []}, "min_items"),
        ({"session_ids": []}, "min_items"),
        ({"user_ids": [f"usr_{number}" for number in range(MOST + 1)]}, "max_items"),
        ({"session_ids": ["usr_1"]}, "pattern"),
        ({"user_ids": [" "]}, "pattern"),
        ({"user_ids": "usr_1"}, "type"),
    ],
)
def test_a_request_for_neither_or_both_or_too_many_is_refused(client: Client, body: dict[str, Any], code: str) -> None:
    answer = client.internal("POST", PATH, json=body)

    assert answer.status_code == 400
    assert code in [error["code"] for error in answer.json()["errors"]]
