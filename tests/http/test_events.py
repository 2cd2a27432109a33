"""Events are read over HTTP: each end once, in one order, behind cursors that are refused when they are too old."""

import time
from typing import Any

import pytest

from tests.http.conftest import API_KEY, Client
from tests.http.tokens import refresh, sign_in

EVENTS = "/internal/events"


def page(client: Client, tenant: str | None = "acme", **query: Any) -> dict[str, Any]:
    """One page of events."""
    headers = {"X-API-Key": API_KEY} | ({} if tenant is None else {"X-Tenant-ID": tenant})
    response = client.request("GET", EVENTS, params=query, headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def ends(client: Client, **query: Any) -> list[dict[str, Any]]:
    return list(page(client, types="session.ended", limit=500, **query)["items"])


def ended(response: Any) -> None:
    assert response.status_code < 300, response.text


def reuse(client: Client, session: dict[str, Any]) -> None:
    """A refresh token is sent again long after it was exchanged."""
    old = client.first_refresh[session["id"]]  # type: ignore[attr-defined]
    following = refresh(client, old)
    assert refresh(client, following.json()["refresh_token"]).status_code == 200
    client.clock.advance(seconds=60)
    assert refresh(client, old).status_code == 401


WAYS: dict[str, tuple[Any, str, str]] = {
    "its user": (
        lambda c, s: ended(c.as_user("DELETE", f"/sessions/{s['id']}", "usr_abc123")),
        "revoked_by_user",
        "user",
    ),
    "a service": (
        lambda c, s: ended(c.internal("DELETE", f"/internal/session/{s['id']}")),
        "revoked_by_service",
        "service",
    ),
    "an administrator": (
        lambda c, s: ended(c.as_admin("DELETE", f"/sessions/{s['id']}")),
        "revoked_by_admin",
        "admin",
    ),
    "in bulk": (
        lambda c, s: ended(
            c.as_admin("POST", "/admin/sessions/bulk-revoke", json={"session_ids": [s["id"]], "reason": "leak"})
        ),
        "bulk",
        "admin",
    ),
    "all of a user, by a service": (
        lambda c, s: ended(c.internal("DELETE", "/internal/session/session/user/usr_abc123")),
        "revoked_by_service",
        "service",
    ),
    "erasure": (
        lambda c, s: ended(c.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_abc123"})),
        "erased",
        "service",
    ),
    "reuse": (reuse, "refresh_token_reuse", "policy"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_end_a_session_is_one_event(client: Client, way: str) -> None:
    end, code, by = WAYS[way]
    begun = sign_in(client)
    client.first_refresh = {begun["session"]["id"]: begun["tokens"]["refresh_token"]}  # type: ignore[attr-defined]
    other = client.create("usr_other")

    end(client, begun["session"])

    (event,) = ends(client)
    data = event["data"]
    assert (data["session_id"], data["reason_code"], data["initiated_by"]) == (begun["session"]["id"], code, by)
    assert data["ended_at"] == event["occurred_at"] <= data["tokens_valid_until"]
    assert other["id"] not in str(event)
    assert ends(client) == [event]


def test_pages_of_one_event_hold_what_one_page_holds(client: Client) -> None:
    for user in ("ann", "bob", "cay"):
        client.create(user)
    whole = page(client)

    walked, cursor, more = [], {}, True
    while more:
        found = page(client, limit=1, **cursor)
        walked += found["items"]
        cursor, more = {"after": found["next_cursor"]}, found["has_more"]

    assert walked == whole["items"]
    assert [item["cursor"] for item in walked] == sorted({item["cursor"] for item in walked})
    assert page(client, **cursor)["items"] == []
    assert page(client, **cursor)["next_cursor"] == whole["next_cursor"]


def test_a_tenant_reads_its_own_events_and_a_key_of_all_tenants_those_of_all(client: Client) -> None:
    client.create("ann", tenant="acme")
    client.create("ann", tenant="globex")

    assert {item["tenant_id"] for item in page(client, "acme")["items"]} == {"acme"}
    assert {item["tenant_id"] for item in page(client, "globex")["items"]} == {"globex"}
    assert {item["tenant_id"] for item in page(client, None)["items"]} >= {"acme", "globex"}


def test_only_the_types_that_are_asked_for_come(client: Client) -> None:
    session = client.create()
    ended(client.internal("DELETE", f"/internal/session/{session['id']}"))

    found = page(client, types="session.created,session.elevated")

    assert [item["type"] for item in found["items"]] == ["session.created"]
    assert page(client, types="session.ended", after=found["next_cursor"])["items"] == []


@pytest.mark.parametrize(
    "query",
    [{"types": "session.opened"}, {"wait": "31s"}, {"wait": "1h"}, {"limit": "501"}, {"after": "next"}, {"types": ""}],
)
def test_what_is_no_question_is_refused(client: Client, query: dict[str, str]) -> None:
    response = client.internal("GET", EVENTS, params=query)

    assert response.status_code == 400, response.text


@pytest.mark.parametrize("cursor", ["0" * 28, "f" * 28])
def test_a_cursor_of_another_database_is_refused(client: Client, cursor: str) -> None:
    response = client.internal("GET", EVENTS, params={"after": cursor})

    assert (response.status_code, response.json()["i18n_key"]) == (410, "error.cursor_expired")


def test_a_cursor_behind_which_events_are_too_old_is_refused(client: Client) -> None:
    start = page(client)["next_cursor"]
    client.create("ann")
    client.clock.advance(hours=169)
    client.create("bob")

    response = client.internal("GET", EVENTS, params={"after": start})

    assert response.status_code == 410
    assert [item["data"]["user_id"] for item in page(client)["items"]] == ["bob"]


def test_whoever_waits_is_answered_when_an_event_comes(client: Client) -> None:
    after = page(client)["next_cursor"]
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
    began = time.monotonic()

    waited, created = client.gather(
        ("GET", EVENTS, {"params": {"after": after, "wait": "30s"}, "headers": headers, "timeout": 60}),
        ("POST", "/internal/session/create", {"json": {"auth_user_id": "ann"}, "headers": headers}),
    )

    assert created.status_code == 201
    (event,) = waited.json()["items"]
    assert event["data"]["session_id"] == created.json()["data"]["session"]["id"]
    assert time.monotonic() - began < 30


def test_a_trusted_device_is_told_when_it_is_added_and_removed(client: Client) -> None:
    added = client.internal(
        "POST", "/internal/session/trusted-devices", json={"user_id": "ann", "device_fingerprint": "fp"}
    )
    assert added.status_code in (200, 201), added.text
    ended(client.internal("DELETE", "/internal/session/trusted-devices/fp"))

    found = page(client, types="trusted_device.added,trusted_device.removed")["items"]

    assert [item["type"] for item in found] == ["trusted_device.added", "trusted_device.removed"]
    assert {item["data"]["user_id"] for item in found} == {"ann"}
    assert len({item["data"]["device_id"] for item in found}) == 1
