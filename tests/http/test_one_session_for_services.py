"""Services look up, keep alive and end one session, and users end all but one."""

import pytest

from tests.http.conftest import Client
from tests.http.tokens import sign_in, validate

USER = "usr_abc123"


def path(session_id: str) -> str:
    return f"/internal/session/{session_id}"


def record(client: Client, session_id: str, tenant: str = "acme") -> dict[str, str]:
    """What a service is told of a session."""
    response = client.internal("GET", path(session_id), tenant)
    assert response.status_code == 200, response.text
    session: dict[str, str] = response.json()["session"]
    return session


def test_a_service_looks_up_a_session_of_any_user_and_moves_no_deadline(client: Client) -> None:
    made = client.create(ip="192.0.2.7")
    client.clock.advance(minutes=5)

    found = record(client, made["id"])
    assert found.pop("recorded_by")
    assert found == made
    assert record(client, made["id"])["idle_expires_at"] == made["idle_expires_at"]


def test_a_service_is_told_the_facts_of_a_sessions_end(client: Client) -> None:
    made = client.create()
    body = {"reason": "signed out at the provider", "reason_code": "signed_out"}

    ended = client.internal("DELETE", path(made["id"]), json=body)

    assert (ended.status_code, ended.content) == (204, b"")
    found = record(client, made["id"])
    assert (found["status"], found["revoke_reason"]) == ("revoked", body["reason"])
    assert found["reason_code"] == "signed_out"
    assert found["revoked_by"]


def test_ending_an_ended_session_changes_nothing(client: Client) -> None:
    made = client.create()
    client.internal("DELETE", path(made["id"]), json={"reason": "first", "reason_code": "account_disabled"})
    before = record(client, made["id"])
    client.clock.advance(seconds=5)

    again = client.internal("DELETE", path(made["id"]), json={"reason": "second", "reason_code": "signed_out"})

    assert again.status_code == 204
    assert record(client, made["id"]) == before


def test_a_session_that_a_service_ended_takes_its_tokens_with_it(client: Client) -> None:
    made = sign_in(client)
    other = sign_in(client)

    client.internal("DELETE", path(made["session"]["id"]))

    assert validate(client, made["tokens"]["access_token"]) == {"valid": False, "error": "session_revoked"}
    assert validate(client, other["tokens"]["access_token"])["valid"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_tenants_session_does_not_exist_for_a_service(client: Client, method: str) -> None:
    made = client.create()

    refused = client.internal(method, path(made["id"]), "globex")

    assert (refused.status_code, refused.json()["i18n_key"]) == (404, "error.session_not_found")
    assert client.internal("POST", path(made["id"]) + "/activity", "globex").status_code == 404
    assert record(client, made["id"])["status"] == "active"


@pytest.mark.parametrize("code", ["bulk", "restored", "idle_timeout", "revoked_by_admin", "nonsense"])
def test_a_service_gives_no_code_that_is_ours_to_write(client: Client, code: str) -> None:
    made = client.create()

    refused = client.internal("DELETE", path(made["id"]), json={"reason_code": code})

    assert refused.status_code == 400
    assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [("reason_code", "enum")]
    assert record(client, made["id"])["status"] == "active"


def test_a_service_keeps_a_session_alive_and_tells_where_it_is_used(client: Client) -> None:
    made = client.create(ip="192.0.2.7", user_agent="at sign-in")
    client.clock.advance(minutes=5)

    touched = client.internal("POST", path(made["id"]) + "/activity", json={"ip": "2001:db8::7", "user_agent": "now"})

    assert (touched.status_code, touched.json()["message"]) == (200, "activity recorded")
    found = record(client, made["id"])
    assert found["idle_expires_at"] > made["idle_expires_at"]
    assert found["expires_at"] == made["expires_at"]
    assert (found["last_ip"], found["last_user_agent"]) == ("2001:db8::7", "now")
    assert (found["ip"], found["user_agent"]) == ("192.0.2.7", "at sign-in")


def test_what_an_activity_does_not_tell_stays(client: Client) -> None:
    made = client.create()
    activity = path(made["id"]) + "/activity"
    client.internal("POST", activity, json={"ip": "192.0.2.8", "user_agent": "first"})
    client.clock.advance(seconds=5)
    client.internal("POST", activity, json={"ip": "192.0.2.9"})
    client.clock.advance(seconds=5)
    client.internal("POST", activity)
    client.as_user("POST", f"/sessions/{made['id']}/activity", USER)

    found = record(client, made["id"])

    assert (found["last_ip"], found["last_user_agent"]) == ("192.0.2.9", "first")


def test_a_session_that_is_over_is_kept_alive_by_no_service(client: Client) -> None:
    revoked, expired = client.create(), client.create()
    client.internal("DELETE", path(revoked["id"]))
    before = record(client, revoked["id"])

    assert client.internal("POST", path(revoked["id"]) + "/activity", json={"ip": "192.0.2.9"}).status_code == 404
    client.clock.advance(hours=5)
    assert client.internal("POST", path(expired["id"]) + "/activity").status_code == 404
    assert record(client, revoked["id"]) == before
    assert record(client, expired["id"])["status"] == "expired"


def test_ending_a_users_sessions_spares_the_one_that_is_named(client: Client) -> None:
    made = [client.create() for _ in range(3)]
    bystander = client.create("usr_other")
    everything = f"/internal/session/session/user/{USER}"

    answer = client.internal("DELETE", everything, params={"except_session_id": made[1]["id"]})

    assert (answer.status_code, answer.json()["message"]) == (200, "2 sessions revoked")
    assert [record(client, one["id"])["status"] for one in made] == ["revoked", "active", "revoked"]
    assert record(client, bystander["id"])["status"] == "active"


def test_an_exception_that_is_no_active_session_of_the_user_ends_nothing(client: Client) -> None:
    kept, over, foreign = client.create(), client.create(), client.create("usr_other")
    elsewhere = client.create(tenant="globex")
    client.internal("DELETE", path(over["id"]))
    unknown = "sess_01968a3c-5c00-7000-8000-00a1b2c3d4e5"

    for exception in (over["id"], foreign["id"], elsewhere["id"], unknown, "sess_abc123"):
        refused = client.internal(
            "DELETE", f"/internal/session/session/user/{USER}", params={"except_session_id": exception}
        )
        assert (refused.status_code, refused.json()["i18n_key"]) == (404, "error.session_not_found"), exception
    assert record(client, kept["id"])["status"] == "active"


def test_a_user_signs_out_everywhere_else(client: Client) -> None:
    here, others = sign_in(client), [sign_in(client) for _ in range(2)]
    bystander, twin = sign_in(client, "usr_other"), sign_in(client, tenant="globex")
    bearer = {"Authorization": f"Bearer {here['tokens']['access_token']}"}

    answer = client.request("DELETE", "/sessions?except=current", headers=bearer)

    assert (answer.status_code, answer.json()["message"]) == (200, "2 sessions revoked")
    assert [validate(client, one["tokens"]["access_token"])["valid"] for one in (here, *others)] == [True, False, False]
    assert validate(client, bystander["tokens"]["access_token"])["valid"]
    assert validate(client, twin["tokens"]["access_token"], "globex")["valid"]
    assert record(client, others[0]["session"]["id"])["reason_code"] == "revoked_by_user"


@pytest.mark.parametrize("sid", [None, "sess_abc123", "somebody's"])
def test_a_token_without_a_session_excepts_none_and_ends_none(client: Client, sid: str | None) -> None:
    made = client.create()
    claims = {} if sid is None else {"sid": sid}
    token = client.token(USER, **claims)

    refused = client.request("DELETE", "/sessions?except=current", headers={"Authorization": f"Bearer {token}"})

    assert refused.status_code == 400
    assert [(e["field"], e["code"]) for e in refused.json()["errors"]] == [("except", "no_current_session")]
    assert record(client, made["id"])["status"] == "active"


def test_a_foreign_token_that_names_another_users_session_excepts_none(client: Client) -> None:
    mine, theirs = client.create(), client.create("usr_other")
    token = client.token(USER, sid=theirs["id"])

    refused = client.request("DELETE", "/sessions?except=current", headers={"Authorization": f"Bearer {token}"})

    assert refused.status_code == 400
    assert record(client, mine["id"])["status"] == "active"


def test_a_token_of_an_ended_session_is_no_bearer_and_ends_none(client: Client) -> None:
    over, others = client.create(), client.create()
    client.internal("DELETE", path(over["id"]))
    token = client.token(USER, sid=over["id"])

    refused = client.request("DELETE", "/sessions?except=current", headers={"Authorization": f"Bearer {token}"})

    assert refused.status_code == 401, refused.text
    assert record(client, others["id"])["status"] == "active"


@pytest.mark.parametrize("who", ["service", "user"])
def test_sign_ins_of_before_all_but_one_ended_begin_no_session(client: Client, who: str) -> None:
    before = client.token(USER)
    here = sign_in(client)
    client.clock.advance(seconds=1)

    if who == "service":
        everything, kept = f"/internal/session/session/user/{USER}", here["session"]["id"]
        answer = client.internal("DELETE", everything, params={"except_session_id": kept})
    else:
        bearer = {"Authorization": f"Bearer {here['tokens']['access_token']}"}
        answer = client.request("DELETE", "/sessions?except=current", headers=bearer)

    assert answer.status_code == 200
    late = client.request(
        "POST", "/sessions", json={"auth_user_id": USER}, headers={"Authorization": f"Bearer {before}"}
    )
    assert (late.status_code, late.json()["i18n_key"]) == (409, "error.sign_in_superseded")
    assert record(client, here["session"]["id"])["status"] == "active"


@pytest.mark.parametrize("query", ["", "?except=", "?except=all", "?except=none"])
def test_nobody_ends_all_of_their_sessions_by_mistake(client: Client, query: str) -> None:
    here = sign_in(client)
    bearer = {"Authorization": f"Bearer {here['tokens']['access_token']}"}

    assert client.request("DELETE", f"/sessions{query}", headers=bearer).status_code == 400
    assert record(client, here["session"]["id"])["status"] == "active"
