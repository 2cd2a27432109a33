"""Risk over HTTP: a score that names its reasons, by session, by device and for the tenant."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from sojourn.settings import Settings, SettingsError
from tests.http.conftest import Client
from tests.http.tokens import refresh, sign_in

SCORE, FINGERPRINT = "/admin/sessions/risk-score", "/admin/sessions/device-fingerprint"
HOME = {"device_id": "dev_home", "device_fingerprint": "sha256:home", "ip": "192.0.2.1", "amr": ["pwd", "otp"]}
AWAY = {"device_id": "dev_away", "device_fingerprint": "sha256:away", "ip": "198.51.100.1", "amr": ["pwd"]}


def get(client: Client, path: str, **options: Any) -> dict[str, Any]:
    answer = client.as_admin("GET", path, **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def points(answer: dict[str, Any]) -> dict[str, int]:
    """The scores of the factors by name."""
    return {factor["type"]: factor["score"] for factor in answer["factors"]}


def home_and_away(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
    """A user's first session, and a minute later one with another device, network and a single factor."""
    first = client.create(**HOME)
    client.clock.advance(minutes=1)
    return first, client.create(**AWAY)


def test_a_first_session_is_no_risk(client: Client) -> None:
    session = client.create(**HOME)

    assert get(client, f"{SCORE}?session_id={session['id']}") == {
        "session_id": session["id"],
        "risk_score": 0,
        "risk_level": "low",
        "recommended_action": "allow",
        "factors": [],
        "evaluated_at": "2026-04-15T08:00:00.000Z",
    }


def test_a_score_is_explained_by_its_factors_and_stays_the_same(client: Client) -> None:
    _, session = home_and_away(client)

    answer = get(client, f"{SCORE}?session_id={session['id']}")

    assert points(answer) == {"new_device": 20, "weak_authentication": 15, "new_network": 10}
    assert answer["risk_score"] == 45
    weights = [factor["weight"] for factor in answer["factors"]]
    assert weights == sorted(weights, reverse=True)
    assert get(client, f"{SCORE}?session_id={session['id']}") == answer


def test_a_device_that_the_user_trusts_is_not_new(client: Client) -> None:
    _, session = home_and_away(client)
    body = {"user_id": "usr_abc123", "device_fingerprint": "sha256:away"}
    client.internal("POST", "/internal/session/trusted-devices", json=body)

    assert "new_device" not in points(get(client, f"{SCORE}?session_id={session['id']}"))
    client.clock.advance(days=30)
    assert "new_device" in points(get(client, f"{SCORE}?session_id={session['id']}"))


def test_the_thresholds_decide_what_is_recommended(start: Callable[..., Client]) -> None:
    _, session = home_and_away(start())

    def recommended(**thresholds: str) -> tuple[int, str, str]:
        answer = get(start(**thresholds), f"{SCORE}?session_id={session['id']}")
        return answer["risk_score"], answer["risk_level"], answer["recommended_action"]

    assert recommended() == (45, "low", "allow")
    assert recommended(SOJOURN_RISK_CHALLENGE_AT="45") == (45, "medium", "challenge")
    assert recommended(SOJOURN_RISK_CHALLENGE_AT="20", SOJOURN_RISK_REVOKE_AT="45") == (45, "high", "revoke")


@pytest.mark.parametrize(("challenge", "revoke"), [("0", "80"), ("80", "80"), ("50", "101")])
def test_thresholds_that_contradict_each_other_are_refused_at_the_start(challenge: str, revoke: str) -> None:
    environ = {"SOJOURN_RISK_CHALLENGE_AT": challenge, "SOJOURN_RISK_REVOKE_AT": revoke}

    with pytest.raises(SettingsError, match="SOJOURN_RISK_CHALLENGE_AT: must be at least 1 and below"):
        Settings.from_env(environ)


def test_a_reused_refresh_token_makes_the_users_sessions_and_the_device_risky(client: Client) -> None:
    stolen = sign_in(client, **HOME)
    other = client.create(**HOME)
    first = stolen["tokens"]["refresh_token"]
    refresh(client, refresh(client, first).json()["refresh_token"])
    assert refresh(client, first).status_code == 401

    for session in (stolen["session"], other):
        answer = get(client, f"{SCORE}?session_id={session['id']}")
        assert points(answer)["refresh_token_reuse"] == 50
        assert answer["recommended_action"] == "challenge"
    device = get(client, "/admin/devices/dev_home/risk")
    assert (device["audit_failure_count"], device["risk_factors"]) == (1, ["refresh_token_reuse"])


def test_sessions_ended_by_others_count_and_signing_out_does_not(client: Client) -> None:
    kept = client.create(**HOME)
    for _ in range(3):
        client.as_user("DELETE", f"/sessions/{client.create(**HOME)['id']}", "usr_abc123")
    assert points(get(client, f"{SCORE}?session_id={kept['id']}")) == {}

    for _ in range(3):
        client.as_admin("DELETE", f"/sessions/{client.create(**HOME)['id']}")
    assert points(get(client, f"{SCORE}?session_id={kept['id']}")) == {"many_revocations": 10}


def test_the_tenant_is_as_risky_as_its_latest_active_sessions_on_average(client: Client) -> None:
    first, second = home_and_away(client)

    answer = get(client, SCORE)
    assert "session_id" not in answer
    assert points(answer) == {"new_device": 10, "weak_authentication": 8, "new_network": 5}
    assert answer["risk_score"] == 23

    client.as_user("DELETE", f"/sessions/{second['id']}", "usr_abc123")
    assert points(get(client, SCORE)) == {}
    client.as_user("DELETE", f"/sessions/{first['id']}", "usr_abc123")
    assert get(client, SCORE)["factors"] == []


def test_an_unknown_tenant_has_no_score(client: Client) -> None:
    answer = client.as_admin("GET", SCORE, "nowhere")

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/tenant-not-found")


def test_a_device_counts_its_sessions_and_the_worst_of_each_factor(client: Client) -> None:
    _, session = home_and_away(client)
    client.create(**AWAY)
    client.as_admin("DELETE", f"/sessions/{session['id']}")
    client.create("usr_b", **AWAY)

    assert get(client, "/admin/devices/dev_away/risk") == {
        "device_id": "dev_away",
        "risk_score": 45,
        "risk_level": "low",
        "risk_factors": ["new_device", "weak_authentication", "new_network"],
        "total_sessions": 3,
        "active_sessions": 2,
        "revoked_sessions": 1,
        "audit_failure_count": 0,
        "evaluated_at": "2026-04-15T08:01:00.000Z",
    }


def test_a_device_of_many_users_is_riskier(client: Client) -> None:
    for user in ("usr_a", "usr_b"):
        client.create(user, **HOME)
    assert get(client, "/admin/devices/dev_home/risk")["risk_factors"] == []

    client.create("usr_c", **HOME)
    assert get(client, "/admin/devices/dev_home/risk")["risk_factors"] == ["shared_device"]


def test_a_device_without_a_session_in_the_tenant_is_404(client: Client) -> None:
    for device in ("dev_abc123", "dev_unknown"):  # the first one has sessions in another tenant
        answer = client.as_admin("GET", f"/admin/devices/{device}/risk")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/device-not-found")


def test_a_fingerprint_tells_what_is_known_of_a_sessions_device(client: Client) -> None:
    first = client.create(**HOME, browser="Firefox 124", os="Debian 12", device_type="desktop")
    client.create(**AWAY)
    client.clock.advance(hours=1)
    client.create(**{**HOME, "ip": "192.0.2.9"})

    answer = get(client, f"{FINGERPRINT}?session_id={first['id']}")

    assert answer.pop("fingerprint_id").startswith("fp_")
    assert answer == {
        "device_hash": hashlib.sha256(b"sha256:home").hexdigest(),
        "device_type": "desktop",
        "browser": "Firefox 124",
        "os": "Debian 12",
        "ip": "192.0.2.9",
        "is_trusted": False,
        "first_seen_at": "2026-04-15T08:00:00.000Z",
        "last_seen_at": "2026-04-15T09:00:00.000Z",
    }


def test_a_fingerprint_is_trusted_while_its_user_trusts_it(client: Client) -> None:
    mine, other = client.create(**HOME), client.create("usr_b", **HOME)
    body = {"user_id": "usr_abc123", "device_fingerprint": "sha256:home"}
    client.internal("POST", "/internal/session/trusted-devices", json=body)

    assert get(client, f"{FINGERPRINT}?session_id={mine['id']}")["is_trusted"] is True
    assert get(client, f"{FINGERPRINT}?session_id={other['id']}")["is_trusted"] is False
    client.clock.advance(days=30)
    assert get(client, f"{FINGERPRINT}?session_id={mine['id']}")["is_trusted"] is False


def test_a_device_has_one_id_in_a_tenant_and_another_one_elsewhere(client: Client) -> None:
    def fingerprint_id(user: str, tenant: str, **facts: Any) -> str:
        session = client.create(user, tenant, **facts)
        answer: str = get(client, f"{FINGERPRINT}?session_id={session['id']}", tenant=tenant)["fingerprint_id"]
        return answer

    mine = fingerprint_id("usr_abc123", "acme", **HOME)
    assert fingerprint_id("usr_b", "acme", **HOME) == mine
    assert fingerprint_id("usr_abc123", "noise", **HOME) != mine
    assert fingerprint_id("usr_abc123", "acme", **AWAY) != mine


def test_a_session_that_names_no_device_is_known_by_its_agent_and_else_by_itself(client: Client) -> None:
    by_id = client.create(device_id="dev_x")
    by_agent, same_agent = client.create(user_agent="curl/8"), client.create("usr_b", user_agent="curl/8")
    by_nothing, same_nothing = client.create(), client.create()

    ids = {
        session["id"]: get(client, f"{FINGERPRINT}?session_id={session['id']}")["fingerprint_id"]
        for session in (by_id, by_agent, same_agent, by_nothing, same_nothing)
    }

    assert ids[by_agent["id"]] == ids[same_agent["id"]]
    assert len(set(ids.values())) == 4


def test_without_a_session_the_callers_own_device_is_told(client: Client) -> None:
    session = client.create("root", **HOME)
    token = client.token("root", roles=["admin"], sid=session["id"])

    answer = client.request("GET", FINGERPRINT, headers={"Authorization": f"Bearer {token}"})

    assert answer.json()["device_hash"] == hashlib.sha256(b"sha256:home").hexdigest()
    assert client.as_admin("GET", FINGERPRINT).status_code == 404  # a token that belongs to no session


@pytest.mark.parametrize("path", [SCORE, FINGERPRINT])
def test_a_session_of_another_tenant_is_as_absent_as_one_that_never_was(client: Client, path: str) -> None:
    foreign = client.create(tenant="noise", **HOME)

    for name in (foreign["id"], "sess_01968a3c-5c00-7000-8000-00a1b2c3d4e5", "sess_abc123"):
        answer = client.as_admin("GET", f"{path}?session_id={name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/session-not-found")


@pytest.mark.parametrize("path", [SCORE, FINGERPRINT, "/admin/devices/dev_abc123/risk"])
def test_risk_is_for_administrators(client: Client, path: str) -> None:
    client.create(device_id="dev_abc123")

    assert client.as_user("GET", path, "usr_abc123").status_code == 403
    assert client.request("GET", path).status_code == 401


def test_risk_changes_nothing(client: Client) -> None:
    _, session = home_and_away(client)
    before = client.as_admin("GET", "/admin/sessions").json()["items"]

    for path in (f"{SCORE}?session_id={session['id']}", SCORE, "/admin/devices/dev_away/risk"):
        get(client, path)

    assert client.as_admin("GET", "/admin/sessions").json()["items"] == before
