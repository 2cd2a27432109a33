"""What happened to one session, and its tokens: what services are told of it, in order, and of no other session."""

import random
from itertools import chain
from typing import Any

from tests.http.conftest import Client
from tests.http.tokens import refresh, sign_in

USER = "usr_abc123"


def happened(client: Client, session_id: str, tenant: str = "acme") -> list[dict[str, Any]]:
    response = client.as_admin("GET", f"/admin/sessions/{session_id}/events", tenant)
    assert response.status_code == 200, response.text
    assert response.json()["has_more"] is False
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def told(client: Client, session_id: str) -> list[dict[str, Any]]:
    """What services are told of the session, without what only the feed has."""
    items = client.internal("GET", "/internal/events?limit=500").json()["items"]
    return [
        {name: event[name] for name in ("id", "type", "occurred_at", "data")}
        for event in items
        if event["data"].get("session_id") == session_id
    ]


def tokens_of(client: Client, session_id: str, tenant: str = "acme", **asked: Any) -> list[str]:
    parameters = {"session_id": session_id, "page_size": 100, **asked}
    response = client.as_admin("GET", "/admin/tokens", tenant, params=parameters)
    assert response.status_code == 200, response.text
    assert response.json()["total"] == len(response.json()["items"])
    return [item["id"] for item in response.json()["items"]]


def test_a_session_has_the_events_that_services_are_told_of_it(client: Client) -> None:
    draw = random.Random("events of a session")
    made = [client.create(USER)["id"] for _ in range(3)]
    for _ in range(20):
        client.clock.advance(seconds=draw.choice((0, 1)))
        one = draw.choice(made)
        act = draw.choice(("suspend", "reactivate", "elevate", "end"))
        if act == "elevate":
            body = {"amr": ["otp"], "verified_at": "2026-04-15T07:59:00Z"}
            client.internal("POST", f"/internal/session/{one}/elevate", json=body)
        elif act == "end" and draw.random() < 0.3:
            client.as_admin("DELETE", f"/sessions/{one}", json={"reason": "lost"})
        else:
            client.as_admin("POST", f"/admin/sessions/{one}/{act}")

    found = [happened(client, one) for one in made]
    assert found == [told(client, one) for one in made]
    assert all(events[0]["type"] == "session.created" for events in found)
    assert sum(map(len, found)) > len(made)


def test_a_refresh_token_that_came_twice_is_there(client: Client) -> None:
    made = sign_in(client)
    old = made["tokens"]["refresh_token"]
    new = refresh(client, old).json()
    refresh(client, new["refresh_token"])
    client.clock.advance(minutes=5)
    assert refresh(client, old).status_code == 401

    found = happened(client, made["session"]["id"])
    assert {event["type"] for event in found} == {"session.created", "refresh_token.reused", "session.ended"}


def test_a_session_of_another_tenant_an_erased_one_and_an_unknown_one_are_not_there(client: Client) -> None:
    one, theirs = client.create(USER)["id"], client.create(USER, tenant="globex")["id"]
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": USER})

    for session_id in (theirs, one, "sess_nobody", "sess_00000000-0000-7000-8000-000000000000"):
        response = client.as_admin("GET", f"/admin/sessions/{session_id}/events")
        assert (response.status_code, response.json()["i18n_key"]) == (404, "error.session_not_found")
        assert tokens_of(client, session_id) == []
    assert [event["type"] for event in happened(client, theirs, "globex")] == ["session.created"]


def test_an_end_is_there_at_once_with_why_and_by_whom_until_that_one_is_erased(client: Client) -> None:
    one = client.create(USER)["id"]
    client.clock.advance(minutes=5)
    client.as_user("DELETE", f"/sessions/{one}", "usr_helper", roles=["admin"], json={"reason": "lost laptop"})

    began, ended = happened(client, one)
    assert (began["type"], ended["type"]) == ("session.created", "session.ended")
    assert {"reason": "lost laptop", "initiated_by": "admin", "actor": "usr_helper"}.items() <= ended["data"].items()
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_helper"})

    assert "actor" not in happened(client, one)[-1]["data"]


def test_the_tokens_of_sessions_are_those_of_the_user_apart(client: Client) -> None:
    made = [sign_in(client) for _ in range(3)]
    client.clock.advance(minutes=1)
    for one in made[:2]:
        refresh(client, one["tokens"]["refresh_token"])
    sign_in(client, tenant="globex")

    apart = [tokens_of(client, one["session"]["id"]) for one in made]
    listed = client.as_admin("GET", f"/admin/tokens?user_id={USER}&page_size=100").json()["items"]
    assert [len(ids) for ids in apart] == [6, 6, 4]
    assert sorted(chain(*apart)) == sorted(item["id"] for item in listed)
    for one, ids in zip(made, apart, strict=True):
        assert tokens_of(client, one["session"]["id"], user_id=USER) == ids
        assert tokens_of(client, one["session"]["id"], user_id="usr_other") == []
        access = tokens_of(client, one["session"]["id"], type="access")
        assert access == [item["id"] for item in listed if item["id"] in ids and item["token_type"] == "access"]
        assert tokens_of(client, one["session"]["id"], "globex") == []
