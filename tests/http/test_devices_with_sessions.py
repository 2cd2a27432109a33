"""Sessions grouped by device: counts, the newest session, the device that is asked from; nobody else's."""

import random
from collections import Counter
from typing import Any

import pytest

from tests.http.conftest import Client

USER = "usr_abc123"


def devices(client: Client, user: str = USER) -> Any:
    answer = client.as_admin("GET", f"/admin/sessions/devices?user_id={user}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(client: Client) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.as_admin("GET", f"/admin/sessions?user_id={USER}&page_size=100").json()["items"]
    return rows


@pytest.mark.parametrize("seed", range(2))
def test_devices_are_the_sessions_of_the_list_grouped(client: Client, seed: int) -> None:
    draw = random.Random(f"devices {seed}")
    for _ in range(14):
        device = draw.choice(("d1", "d2", "d3", None))
        made = client.create(USER, **({} if device is None else {"device_id": device}))
        client.clock.advance(minutes=draw.choice((1, 30, 90)))
        if draw.random() < 0.3:
            client.internal("DELETE", f"/internal/session/{made['id']}")
    client.create("usr_other", device_id="d1")
    client.create(USER, tenant="globex", device_id="d4")

    rows, found = listed(client), devices(client)

    newest: dict[str | None, Any] = {}
    for row in rows:
        newest.setdefault(row.get("device_id"), row)
    active = Counter(row.get("device_id") for row in rows if row["status"] == "active")
    of_each = Counter(row.get("device_id") for row in rows)
    assert [item.get("device_id") for item in found["items"]] == list(newest)
    for item in found["items"]:
        device = item.get("device_id")
        assert (item["session_count"], item["active_count"]) == (of_each[device], active[device])
        assert item["newest"] == newest[device]
        assert "current" not in item
    assert found["has_more"] is False


def test_a_user_sees_which_device_they_ask_from_and_no_more_than_users_see(client: Client) -> None:
    body = {"auth_user_id": USER, "device_id": "here"}
    made = client.internal("POST", "/internal/session/create", json=body).json()["data"]
    client.create(USER, device_id="there")
    client.create(USER, device_id="here")
    client.create("usr_other", device_id="elsewhere")
    bearer = {"Authorization": f"Bearer {made['tokens']['access_token']}"}

    answer = client.request("GET", "/sessions/devices", headers=bearer).json()

    assert {item["device_id"]: item["current"] for item in answer["items"]} == {"here": True, "there": False}
    assert all("recorded_by" not in item["newest"] for item in answer["items"])


def test_a_user_without_sessions_has_no_devices_and_an_unknown_tenant_is_none(client: Client) -> None:
    client.create("usr_other")

    assert devices(client) == {"items": [], "has_more": False}
    assert client.as_user("GET", "/sessions/devices", USER).json() == {"items": [], "has_more": False}
    assert client.as_user("GET", "/sessions/devices", USER, "nobody").status_code == 404
    assert client.as_admin("GET", f"/admin/sessions/devices?user_id={USER}", "nobody").status_code == 404
    assert client.as_user("GET", f"/admin/sessions/devices?user_id={USER}", USER).status_code == 403
