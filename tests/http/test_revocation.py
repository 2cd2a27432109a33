"""Revocation, by the rows of the requirements (R): what ended has ended, for everybody and for good."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.conftest import Client
from tests.http.tokens import bearer, refresh, sign_in, status_of, validate


def test_ending_a_session_again_changes_nothing_and_another_tenant_finds_none(client: Client) -> None:
    path = f"/sessions/{sign_in(client)['session']['id']}"

    foreign = client.as_admin("DELETE", path, "noise")
    first = client.as_admin("DELETE", path, json={"reason": "signed_out"})
    facts = client.as_admin("GET", path).json()["session"]
    client.clock.advance(minutes=1)
    second = client.as_admin("DELETE", path, json={"reason": "another"})

    assert (foreign.status_code, first.status_code, second.status_code) == (404, 204, 204)
    assert facts["status"] == "revoked"
    assert client.as_admin("GET", path).json()["session"] == facts


def test_administrators_end_the_sessions_of_one_user_or_of_all(client: Client) -> None:
    ann, again, bob, elsewhere = (sign_in(client, user) for user in ("ann", "ann", "bob", "eve"))
    twin = sign_in(client, "ann", tenant="noise")

    def good(*signed_in: dict[str, Any]) -> list[bool]:
        return [
            bearer(client, one["tokens"]["access_token"], one["session"]["id"]).status_code == 200 for one in signed_in
        ]

    assert client.as_admin("DELETE", "/admin/sessions/user/ann").status_code == 200
    assert good(ann, again, bob, elsewhere, twin) == [False, False, True, True, True]

    client.clock.advance(seconds=1)
    assert client.as_admin("POST", "/admin/tokens/revoke-all", json={"reason": "a leak"}).status_code == 200
    assert good(bob, elsewhere, twin) == [False, False, True]
    assert [refresh(client, one["tokens"]["refresh_token"]).status_code for one in (ann, bob, twin)] == [401, 401, 200]


def test_a_revoked_session_is_refused_at_the_next_request(client: Client) -> None:
    signed_in = sign_in(client)
    access, session_id = signed_in["tokens"]["access_token"], signed_in["session"]["id"]
    assert bearer(client, access, session_id).status_code == 200
    assert validate(client, access)["valid"] is True

    client.as_admin("DELETE", f"/sessions/{session_id}")

    assert bearer(client, access, session_id).status_code == 401
    assert validate(client, access) == {"valid": False, "error": "session_revoked"}


def test_no_touch_and_no_refresh_makes_an_ended_session_active(client: Client) -> None:
    signed_in = sign_in(client)
    session_id = signed_in["session"]["id"]
    client.as_admin("DELETE", f"/sessions/{session_id}")

    assert client.as_admin("POST", f"/sessions/{session_id}/activity").status_code == 404
    assert refresh(client, signed_in["tokens"]["refresh_token"]).status_code == 401
    assert status_of(client, session_id) == "revoked"


def test_an_expired_session_takes_its_tokens_along(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_IDLE_TIMEOUT="5m")
    signed_in = sign_in(client)
    client.clock.advance(minutes=6)

    assert validate(client, signed_in["tokens"]["access_token"])["error"] == "session_expired"
    answer = bearer(client, signed_in["tokens"]["access_token"], signed_in["session"]["id"])
    assert answer.status_code == 401
    assert refresh(client, signed_in["tokens"]["refresh_token"]).status_code == 401


def test_bulk_revocation_reports_each_id_once(client: Client) -> None:
    mine = [client.create()["id"] for _ in range(3)]
    ended, foreign = client.create()["id"], client.create(tenant="noise")["id"]
    client.as_admin("DELETE", f"/sessions/{ended}")
    unknown = "sess_00000000-0000-7000-8000-000000000000"
    asked = [mine[0], unknown, mine[1], mine[0], foreign, mine[2], ended, unknown]

    answer = client.as_admin("POST", "/admin/sessions/bulk-revoke", json={"session_ids": asked, "reason": "sweep"})

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert sorted(told["succeeded"]) == sorted(mine)
    assert sorted(told["failed"]) == sorted([unknown, foreign, ended])
    assert told["total"] == 6
    assert [status_of(client, one) for one in mine] == ["revoked"] * 3
    kept = client.as_admin("GET", f"/sessions/{foreign}", "noise")
    assert kept.json()["session"]["status"] == "active"


@pytest.mark.parametrize("count", [0, 101])
def test_bulk_revocation_takes_one_to_a_hundred(client: Client, count: int) -> None:
    asked = [f"sess_00000000-0000-7000-8000-{number:012d}" for number in range(count)]

    assert client.as_admin("POST", "/admin/sessions/bulk-revoke", json={"session_ids": asked}).status_code == 400
