"""A suspended session is refused in every view, its deadlines go on, and its suspension is over at its end."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sojourn.domain.clock import to_text
from tests.http.conftest import API_KEY, Client
from tests.http.test_revocations import items
from tests.http.test_status_lists import URL, settled, status
from tests.http.tokens import bearer, refresh, sign_in, status_of, validate

USER = "usr_abc123"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def suspend(client: Client, session: dict[str, Any], *, tenant: str = "acme", **body: Any) -> dict[str, Any]:
    """Suspend a session; minutes may be given for `until`."""
    if "minutes" in body:
        body["until"] = to_text(client.clock.now + timedelta(minutes=body.pop("minutes")))
    response = client.as_admin("POST", f"/admin/sessions/{session['id']}/suspend", tenant, json=body)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()["session"]
    assert shown["status"] == "suspended"
    return shown


def reactivate(client: Client, session: dict[str, Any], tenant: str = "acme") -> dict[str, Any]:
    response = client.as_admin("POST", f"/admin/sessions/{session['id']}/reactivate", tenant)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()["session"]
    assert shown["status"] == "active"
    return shown


def told(client: Client, *types: str) -> list[dict[str, Any]]:
    found = client.internal("GET", f"/internal/events?types={','.join(types)}").json()["items"]
    return [{"type": event["type"], "at": event["occurred_at"], **event["data"]} for event in found]


def stats(client: Client) -> dict[str, int]:
    numbers = client.as_admin("GET", "/admin/sessions/stats").json()
    found = {state: numbers[f"{state}_sessions"] for state in ("active", "suspended", "expired", "revoked")}
    assert sum(found.values()) == numbers["total_sessions"]
    return found


def listed(client: Client, status: str) -> list[str]:
    """The sessions with a status, by the list of the tenant, page and walk, and by that of the user."""
    ways = [
        client.as_admin("GET", f"/admin/sessions?status={status}"),
        client.as_admin("GET", f"/admin/sessions?status={status}&limit=50"),
        client.as_admin("GET", f"/admin/sessions?status={status}&user_id={USER}"),
        client.as_admin("GET", f"/admin/sessions?status={status}&device_type=desktop"),
        client.internal("GET", f"/internal/session/sessions/{USER}?status={status}"),
    ]
    pages = [way.json() for way in ways]
    found = {tuple(sorted(item["id"] for item in page["items"])) for page in pages}
    assert len(found) == 1, found
    assert {page.get("total", page["pagination"]["total"]) for page in pages} == {len(*found)}
    (ids,) = found
    return list(ids)


def views(client: Client, begun: dict[str, Any]) -> dict[str, bool]:
    """Whether each view takes the session and its tokens. Nothing is changed, but for refreshing what is good."""
    session, tokens = begun["session"], begun["tokens"]
    key, access, again = session["id"], tokens["access_token"], tokens["refresh_token"]
    form = {"client_id": "acme", "client_secret": API_KEY}
    active = client.internal("POST", "/internal/session/active", json={"session_ids": [key]}).json()["items"]
    of_user = client.internal("POST", "/internal/session/active", json={"user_ids": [USER]}).json()["items"]
    exchange = {"grant_type": EXCHANGE, "subject_token": access, "audience": "other"}
    own = {"Authorization": f"Bearer {access}"}
    seen = {
        "validate": validate(client, access)["valid"],
        "bearer": bearer(client, access, key).status_code == 200,
        "own list": client.request("GET", f"/sessions/user/{USER}/sessions", headers=own).status_code == 200,
        "introspect": client.as_admin("POST", "/admin/tokens/introspect", json={"token": access}).json()["active"],
        "introspect refresh": client.as_admin("POST", "/admin/tokens/introspect", json={"token": again}).json()[
            "active"
        ],
        "oauth": client.request("POST", "/oauth/introspect", data={"token": access, **form}).json()["active"],
        "exchange": client.as_admin("POST", "/admin/tokens/exchange", json=exchange).status_code == 200,
        "rotate": client.request("POST", "/sessions/rotate-access", json={"refresh_token": again}).status_code == 200,
        "touch": client.internal("POST", f"/internal/session/{key}/activity", json={}).status_code == 200,
        "usage": client.internal("POST", f"/internal/session/{key}/usage").status_code == 200,
        "active": active[0]["active"],
        "active user": of_user[0]["active"],
        "check": client.internal("GET", f"/internal/session/sessions/{USER}/active").json()["active"],
        "inventory": {
            item["status"]
            for item in client.as_admin("GET", f"/admin/tokens?user_id={USER}&type=access").json()["items"]
        }
        == {"active"},
        "validate session": client.as_admin("POST", f"/sessions/{key}/validate").json()["valid"],
        "all": key.removeprefix("sess_")
        in {row["session_id"] for row in client.as_admin("GET", "/api/sessions/all").json()["sessions"]},
        "status": status_of(client, key) == "active",
    }
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == int(seen["active"])
    return seen


def test_every_view_refuses_a_suspended_session_and_takes_it_again(client: Client) -> None:
    begun = sign_in(client, device_type="desktop")
    key = begun["session"]["id"]
    assert {name for name, good in views(client, begun).items() if not good} == set()

    suspend(client, begun["session"])

    assert {name for name, good in views(client, begun).items() if good} == set()
    assert validate(client, begun["tokens"]["access_token"])["error"] == "session_suspended"
    body = {"session_id": key, "tenant_id": "acme", "auth_user_id": USER}
    assert client.internal("POST", "/internal/session/generate-tokens", json=body).status_code == 404
    assert refresh(client, begun["tokens"]["refresh_token"]).status_code == 401
    assert (listed(client, "suspended"), listed(client, "active")) == ([key], [])
    assert stats(client) == {"active": 0, "suspended": 1, "expired": 0, "revoked": 0}
    assert [(item["kind"], item["session_id"], "until" in item) for item in items(client)] == [
        ("suspension", key, False)
    ]

    reactivate(client, begun["session"])

    assert set(views(client, begun).values()) == {True}
    assert (listed(client, "suspended"), listed(client, "active")) == ([], [key])
    assert stats(client) == {"active": 1, "suspended": 0, "expired": 0, "revoked": 0}
    assert items(client) == []
    assert refresh(client, begun["tokens"]["refresh_token"]).status_code == 200
    assert [event["type"] for event in told(client, "session.suspended", "session.reactivated")] == [
        "session.suspended",
        "session.reactivated",
    ]


@pytest.mark.parametrize("then", ["reactivate", "revoke"])
def test_its_end_counts_at_once_and_is_recorded_once(client: Client, database_url: str, then: str) -> None:
    begun = sign_in(client, device_type="desktop")
    key = begun["session"]["id"]
    until = suspend(client, begun["session"], minutes=5, then=then)["suspended_until"]
    (item,) = items(client)
    assert item.get("until") == (until if then == "reactivate" else None)
    after = {"reactivate": "active", "revoke": "revoked"}[then]

    client.clock.advance(minutes=5)

    for _ in range(3):  # before housekeeping comes, after it, and after it came again
        assert status_of(client, key) == after
        assert set(views(client, begun).values()) == {then == "reactivate"}
        assert (listed(client, after), listed(client, "suspended"), listed(client, "expired")) == ([key], [], [])
        assert stats(client) == {"active": 0, "suspended": 0, "expired": 0, "revoked": 0} | {after: 1}
        shown = client.as_admin("GET", f"/sessions/{key}").json()["session"]
        if then == "revoke":
            assert (shown["revoked_at"], shown["reason_code"]) == (until, "suspension_over")
        client.clock.advance(seconds=40)
        asyncio.run(settled(database_url, client.clock.now))

    (event,) = told(client, "session.ended", "session.reactivated")
    assert (event["at"], event["session_id"]) == (until, key)
    assert event["initiated_by"] == "policy"
    assert event.get("reason_code") == (None if then == "reactivate" else "suspension_over")
    assert [found["kind"] for found in items(client)] == ([] if then == "reactivate" else ["session"])


def test_deadlines_go_on(client: Client, database_url: str) -> None:
    begun = sign_in(client, device_type="desktop")
    suspend(client, begun["session"], until="2027-01-01T00:00:00Z", then="revoke")

    client.clock.advance(days=20)

    for _ in range(2):
        assert status_of(client, begun["session"]["id"]) == "expired"
        assert stats(client) == {"active": 0, "suspended": 0, "expired": 1, "revoked": 0}
        assert (listed(client, "expired"), listed(client, "suspended")) == ([begun["session"]["id"]], [])
        asyncio.run(settled(database_url, client.clock.now))
    assert [event["reason_code"] for event in told(client, "session.ended")] == ["idle_timeout"]
    assert client.as_admin("POST", f"/admin/sessions/{begun['session']['id']}/reactivate").status_code == 404


def test_a_suspended_session_can_be_ended(client: Client) -> None:
    ways: list[Callable[[str], Any]] = [
        lambda key: client.as_admin("DELETE", f"/sessions/{key}"),
        lambda key: client.internal("DELETE", f"/internal/session/{key}"),
        lambda key: client.as_admin("POST", "/admin/sessions/bulk-revoke", json={"session_ids": [key]}),
        lambda key: client.as_admin("DELETE", f"/admin/sessions/user/{USER}"),
    ]
    for way in ways:
        session = sign_in(client)["session"]
        suspend(client, session)
        assert way(session["id"]).is_success
        assert status_of(client, session["id"]) == "revoked"
        assert client.as_admin("POST", f"/admin/sessions/{session['id']}/suspend", json={}).status_code == 404
    assert stats(client) == {"active": 0, "suspended": 0, "expired": 0, "revoked": len(ways)}
    assert {item["kind"] for item in items(client)} == {"session"}


def test_what_is_sent_last_holds(client: Client) -> None:
    session = sign_in(client)["session"]
    suspend(client, session, minutes=5, then="revoke")
    shown = suspend(client, session, minutes=9)
    client.clock.advance(minutes=6)

    assert status_of(client, session["id"]) == "suspended"
    assert [item.get("until") for item in items(client)] == [shown["suspended_until"]]
    client.clock.advance(minutes=4)
    assert status_of(client, session["id"]) == "active"


def test_refusals(client: Client) -> None:
    session = sign_in(client)["session"]
    path = f"/admin/sessions/{session['id']}/suspend"
    past = to_text(client.clock.now)
    for body in ({"then": "revoke"}, {"until": past}, {"until": past, "then": "sleep"}, {"for": "5m"}):
        assert client.as_admin("POST", path, json=body).status_code == 400
    assert client.as_admin("POST", path, "noise").status_code == 404
    assert client.as_user("POST", path, USER, json={}).status_code == 403
    assert client.as_admin("POST", "/admin/sessions/sess_unknown/reactivate").status_code == 404
    assert reactivate(client, session)["status"] == "active"
    assert told(client, "session.suspended", "session.reactivated") == []


def test_its_place_in_the_status_list(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_PUBLIC_URL=URL)
    begun = client.internal("POST", "/internal/session/create", json={"auth_user_id": USER}).json()["data"]
    assert status(client, begun) == 0

    suspend(client, begun["session"], minutes=5)
    assert status(client, begun) == 2
    client.clock.advance(minutes=6)
    assert status(client, begun) == 0

    suspend(client, begun["session"], minutes=5, then="revoke")
    client.clock.advance(minutes=6)
    assert status(client, begun) == 1


@pytest.mark.parametrize("other", ["touch", "revoke", "refresh", "elevate"])
def test_a_race_leaves_one_truth(client: Client, other: str) -> None:
    """Whoever is first: after both, the session is suspended or ended, and every number says the same."""
    for _ in range(3):
        begun = sign_in(client, device_type="desktop")
        key = begun["session"]["id"]
        admin = {"Authorization": f"Bearer {client.token('root', roles=['admin'])}"}
        service = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}
        beside = {
            "touch": ("POST", f"/internal/session/{key}/activity", {"json": {}, "headers": service}),
            "revoke": ("DELETE", f"/internal/session/{key}", {"headers": service}),
            "refresh": ("POST", "/sessions/refresh", {"json": {"refresh_token": begun["tokens"]["refresh_token"]}}),
            "elevate": ("POST", f"/internal/session/{key}/elevate", {"json": {"amr": ["otp"]}, "headers": service}),
        }[other]
        suspension = ("POST", f"/admin/sessions/{key}/suspend", {"json": {}, "headers": admin})
        first, second = client.gather(suspension, beside)

        assert first.status_code in (200, 404)
        assert second.status_code < 500
        state = status_of(client, key)
        assert state == ("revoked" if other == "revoke" else "suspended")
        assert listed(client, "active") == []
        access = [begun["tokens"]["access_token"]]
        access += [second.json()["access_token"]] if other == "refresh" and second.is_success else []
        assert not any(validate(client, token)["valid"] for token in access)
    assert stats(client)["suspended" if other != "revoke" else "revoked"] == 3
