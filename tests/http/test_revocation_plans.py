"""Plans: administrators see how many sessions a filter would end, and end exactly those, at once."""

import time
from typing import Any

import pytest

from tests.http.conftest import Client
from tests.http.test_revocations import items
from tests.http.test_suspension import USER, listed, stats, suspend, views
from tests.http.tokens import refresh, sign_in, status_of

PLANS = "/admin/revocation-plans"
NOBODY = "00000000-0000-7000-8000-000000000000"


def planned(client: Client, tenant: str = "acme", **body: Any) -> dict[str, Any]:
    body = {"reason": "stolen laptops", **body}
    response = client.as_admin("POST", PLANS, tenant, json=body)
    assert response.status_code == 201, response.text
    plan: dict[str, Any] = response.json()
    return plan


def apply(client: Client, plan: dict[str, Any], tenant: str = "acme", **options: Any) -> Any:
    return client.as_admin("POST", f"{PLANS}/{plan['plan_id']}/apply", tenant, **options)


def finished(client: Client, revocation: dict[str, Any]) -> dict[str, Any]:
    """The revocation once every row has ended; each question lets the application go on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.01)  # the job rests between its writes, by the clock on the wall
        response = client.as_admin("GET", f"/admin/revocations/{revocation['revocation_id']}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        if found["state"] == "finished":
            return found
    raise AssertionError(f"it does not end: {found}")


def tokens_of(client: Client, user: str, **facts: Any) -> dict[str, Any]:
    response = client.internal("POST", "/internal/session/create", json={"auth_user_id": user, **facts})
    data: dict[str, Any] = response.json()["data"]
    return data


def test_a_plan_counts_what_the_list_shows_and_ends_nothing(client: Client) -> None:
    for number in range(3):
        client.create(f"usr_{number % 2}", app_id="web", device_type="desktop")
    client.create("usr_3", app_id="shop")
    ended = client.create("usr_4", app_id="web")
    client.internal("DELETE", f"/internal/session/{ended['id']}")

    plan = planned(client, filter={"app_id": "web"})
    listed = client.as_admin("GET", "/admin/sessions", params={"app_id": "web", "status": "active"}).json()

    assert (plan["sessions"], plan["users"]) == (listed["total"], 2) == (3, 2)
    assert plan["sample"] == listed["items"]
    assert (plan["by_app"], plan["by_device_type"], plan["by_country"]) == ({"web": 3}, {"desktop": 3}, {"unknown": 3})
    assert client.as_admin("GET", f"{PLANS}/{plan['plan_id']}").json() == plan
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {}}, "everything"),
        ({"filter": {"app_id": "web"}, "everything": True}, "everything"),
        ({"filter": {"status": "revoked"}}, "filter.status"),
        ({"filter": {"status": "active"}}, "filter.status"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {}, "everything": False}, "everything"),
    ],
)
def test_a_plan_of_everything_is_never_made_by_mistake(client: Client, body: dict[str, Any], field: str) -> None:
    client.create()

    response = client.as_admin("POST", PLANS, json={"reason": "x", **body})

    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])


def test_what_a_plan_ends_is_refused_from_the_response_on_in_every_view(client: Client) -> None:
    meant = [tokens_of(client, "usr_1", app_id="web") for _ in range(120)]
    other = tokens_of(client, "usr_1", app_id="shop")
    excepted = tokens_of(client, "usr_2", app_id="web")
    plan = planned(client, filter={"app_id": "web"}, except_session_ids=[excepted["session"]["id"]])
    client.clock.advance(seconds=1)

    response = apply(client, plan)

    assert response.status_code == 202, response.text
    begun = response.json()
    assert (begun["state"], begun["ended"], begun["remaining"]) == ("running", 0, 120)
    checks = {
        data["session"]["id"]: client.internal(
            "POST", "/internal/session/validate-token", json={"access_token": data["tokens"]["access_token"]}
        ).json()
        for data in (meant[0], meant[-1], other, excepted)
    }
    assert [check["valid"] for check in checks.values()] == [False, False, True, True]
    assert client.internal("GET", "/internal/session/sessions/usr_1/active").json()["session_count"] == 1
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 2
    refresh = {"refresh_token": meant[-1]["tokens"]["refresh_token"]}
    assert client.request("POST", "/sessions/refresh", json=refresh).status_code == 401
    client.clock.advance(seconds=1)
    young = client.create("usr_1", app_id="web")

    done = finished(client, begun)

    assert (done["ended"], done["remaining"]) == (120, 0)
    shown = client.internal("GET", f"/internal/session/{meant[0]['session']['id']}").json()["session"]
    assert (shown["status"], shown["reason_code"], shown["revoke_reason"]) == ("revoked", "plan", "stolen laptops")
    assert shown["revoked_at"] == begun["started_at"]
    left = client.as_admin("GET", "/admin/sessions", params={"status": "active"}).json()
    assert {item["id"] for item in left["items"]} == {
        young["id"],
        other["session"]["id"],
        excepted["session"]["id"],
    }


def test_a_suspended_session_is_ended_for_good_and_never_reactivated(client: Client) -> None:
    begun = [sign_in(client, device_type="desktop") for _ in range(2)]
    keys = [one["session"]["id"] for one in begun]
    suspend(client, begun[0]["session"], minutes=5, then="reactivate")
    suspend(client, begun[1]["session"], minutes=5, then="revoke")
    plan = planned(client, filter={"user_id": USER})
    assert plan["sessions"] == client.as_admin("GET", "/admin/sessions?status=suspended").json()["total"] == 2
    client.clock.advance(seconds=1)

    revocation = apply(client, plan).json()

    for minutes in (0, 6, 0):  # before its suspension would be over, after it, and once the rows have ended
        client.clock.advance(minutes=minutes)
        for one, key in zip(begun, keys, strict=True):
            assert {name for name, good in views(client, one).items() if good} == set()
            assert status_of(client, key) == "revoked"
            assert refresh(client, one["tokens"]["refresh_token"]).status_code == 401
            for act in ("suspend", "reactivate"):
                assert client.as_admin("POST", f"/admin/sessions/{key}/{act}").status_code == 404
            shown = client.as_admin("GET", f"/sessions/{key}").json()["session"]
            assert (shown["revoked_at"], shown["reason_code"]) == (revocation["started_at"], "plan")
        assert stats(client) == {"active": 0, "suspended": 0, "expired": 0, "revoked": 2}
        assert sorted(listed(client, "revoked")) == sorted(keys)
        assert {item["kind"] for item in items(client)} == {"session"}
        if minutes:
            assert finished(client, revocation)["ended"] == 2


def test_each_end_is_told_once_with_the_code_of_the_plan(client: Client) -> None:
    ids = {client.create("usr_1")["id"] for _ in range(3)}
    plan = planned(client, filter={"user_id": "usr_1"}, reason_code="account_disabled")
    finished(client, apply(client, plan).json())
    apply(client, plan)

    events = client.internal("GET", "/internal/events", params={"types": "session.ended"}).json()["items"]

    assert sorted(event["data"]["session_id"] for event in events) == sorted(ids)
    assert {event["data"]["reason_code"] for event in events} == {"account_disabled"}
    assert {event["data"]["initiated_by"] for event in events} == {"admin"}


def test_a_plan_that_drifted_ends_nothing_and_says_the_new_number(client: Client) -> None:
    client.create("usr_1")
    plan = planned(client, filter={"user_id": "usr_1"})
    client.create("usr_1")

    refused = apply(client, plan)

    assert refused.status_code == 409
    assert refused.json()["i18n_key"] == "error.plan_drifted"
    assert refused.json()["i18n_args"] == {"sessions": 2, "max_sessions": 1}
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 2
    assert apply(client, plan, json={"max_sessions": 2}).status_code == 202
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 0


def test_applied_twice_it_has_one_effect_and_the_same_response(client: Client) -> None:
    client.create("usr_1")
    plan = planned(client, filter={}, everything=True)
    key = {"Idempotency-Key": "once"}
    first = apply(client, plan, headers=key)
    client.clock.advance(seconds=5)
    client.create("usr_1")

    again = [apply(client, plan, headers=key), apply(client, plan), apply(client, plan, json={"max_sessions": 0})]

    assert [response.status_code for response in (first, *again)] == [202] * 4
    assert all(response.json() == first.json() for response in again)
    assert client.as_admin("GET", "/admin/sessions/active-count").json()["count"] == 1
    other = planned(client, filter={}, everything=True)
    assert apply(client, other, headers=key).status_code == 422


def test_many_who_apply_a_plan_at_once_have_one_effect(client: Client) -> None:
    client.create("usr_1")
    plan = planned(client, filter={"user_id": "usr_1"})
    token = client.token("root", roles=["admin"])
    path, options = f"{PLANS}/{plan['plan_id']}/apply", {"headers": {"Authorization": f"Bearer {token}"}}

    responses = client.gather(*[("POST", path, options)] * 6)

    assert {response.status_code for response in responses} == {202}
    assert len({response.text for response in responses}) == 1


def test_an_old_plan_is_gone(client: Client) -> None:
    client.create("usr_1")
    plan = planned(client, filter={"user_id": "usr_1"})
    client.clock.advance(hours=1)

    assert apply(client, plan).json()["i18n_key"] == "error.plan_expired"
    assert client.as_admin("GET", f"{PLANS}/{plan['plan_id']}").status_code == 410


def test_a_plan_of_another_tenant_is_not_there(client: Client) -> None:
    client.create("usr_1")
    client.create("usr_1", "globex")
    plan = planned(client, filter={"user_id": "usr_1"})
    revocation = plan["plan_id"].replace("plan_", "rev_")

    assert apply(client, plan, "globex").json()["i18n_key"] == "error.plan_not_found"
    assert client.as_admin("GET", f"{PLANS}/{plan['plan_id']}", "globex").status_code == 404
    assert client.as_admin("GET", f"{PLANS}/plan_{NOBODY}").status_code == 404
    assert client.as_admin("GET", f"/admin/revocations/{revocation}").json()["i18n_key"] == "error.revocation_not_found"
    assert (
        client.as_admin("POST", PLANS, "nowhere", json={"filter": {"app_id": "web"}, "reason": "x"}).status_code == 404
    )
    apply(client, plan)
    assert client.as_admin("GET", f"/admin/revocations/{revocation}", "globex").status_code == 404
    assert client.as_admin("GET", "/admin/sessions/active-count", "globex").json()["count"] == 1


def test_trust_in_the_devices_goes_with_the_sessions_only_where_the_plan_says_so(client: Client) -> None:
    def trusted(user: str) -> int:
        found = client.internal("GET", "/internal/session/trusted-devices", params={"user_id": user})
        return len(found.json()["items"])

    for user in ("usr_1", "usr_2"):
        client.create(user, device_fingerprint="sha256:a1")
        client.internal(
            "POST", "/internal/session/trusted-devices", json={"user_id": user, "device_fingerprint": "sha256:a1"}
        )

    finished(client, apply(client, planned(client, filter={"user_id": "usr_1"}, trusted_devices="forget")).json())
    finished(client, apply(client, planned(client, filter={"user_id": "usr_2"})).json())

    assert (trusted("usr_1"), trusted("usr_2")) == (0, 1)


def test_whoever_is_erased_is_in_no_plan(client: Client) -> None:
    client.create("usr_1")
    plan = planned(client, filter={"user_id": "usr_1"})

    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_1"})

    assert client.as_admin("GET", f"{PLANS}/{plan['plan_id']}").status_code == 404
