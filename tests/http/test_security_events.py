"""Each security event of the catalogue is provoked over HTTP; its record says who and why; the caller is told less."""

import logging
from pathlib import Path
from typing import Any

import pytest

from sojourn.observability.security_events import CATALOGUE, COMMON
from tests.http.conftest import API_KEY, Client
from tests.http.test_scopes import stored
from tests.http.test_security_event_tokens import event_of_now, push
from tests.http.test_session_binding import BERLIN, TURKU, files_of_places
from tests.http.tokens import refresh, sign_in

HARMLESS = {
    "record_session_usage", "validate_access_token", "touch_session", "touch_session_as_service", "validate_session",
    "refresh_tokens", "rotate_access_token", "check_blacklisted_token", "introspect_token",
    "check_many_active", "introspect_oauth_token", "update_session_as_service", "update_session",
    "simulate_session_policy",
}  # fmt: skip
"""Operations that write at most how often or how lately something was used, or how it is
called; refusals of refreshes are events."""


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Any:
    """The security events recorded so far, as their facts."""
    caplog.set_level(logging.INFO, logger="sojourn.security")

    def recorded(name: str) -> list[dict[str, Any]]:
        found = [vars(record) for record in caplog.records if record.name == "sojourn.security"]
        members = (*COMMON, *CATALOGUE[name].members)
        return [{member: facts[member] for member in members} for facts in found if facts["event"] == name]

    return recorded


def test_every_operation_that_changes_something_is_an_event_or_known_to_be_harmless() -> None:
    from sojourn.openapi.loader import load_bundle

    changing = {
        definition["operationId"]
        for item in load_bundle()["paths"].values()
        for method, definition in item.items()
        if method != "get"
    }
    told = {operation for event in CATALOGUE.values() for operation in event.operations}

    assert changing - told - HARMLESS == set()


def provoke_everything(client: Client) -> None:
    """A history in which each event happens."""
    made = sign_in(client)
    session, pair = made["session"]["id"], made["tokens"]
    user = "usr_abc123"
    body: dict[str, Any] = {"amr": ["pwd", "otp"]}
    client.internal("POST", f"/internal/session/{session}/elevate", json=body)
    client.as_admin("POST", f"/admin/sessions/{session}/suspend")
    client.as_admin("POST", f"/admin/sessions/{session}/reactivate")
    body = {"session_id": session, "auth_user_id": user, "tenant_id": "acme"}
    client.internal("POST", "/internal/session/generate-tokens", json=body)
    client.request("POST", "/oauth/revoke", auth=("acme", API_KEY), data={"token": "unknown"})
    body = {"user_id": user, "device_fingerprint": "f1"}
    client.internal("POST", "/internal/session/trusted-devices", json=body)
    client.internal("DELETE", "/internal/session/trusted-devices/f1")
    client.internal("POST", "/internal/session/export-user-data", json={"user_id": user})
    body = {"token": pair["access_token"], "token_type": "access", "user_id": user, "reason": "lost"}
    client.internal("POST", "/internal/session/blacklist-token", json=body)
    entries = client.as_admin("GET", "/admin/tokens/blacklist").json()["items"]
    client.as_admin("DELETE", f"/admin/tokens/blacklist/{entries[0]['id']}")
    client.as_admin("DELETE", "/admin/tokens/config")
    client.as_admin("DELETE", "/admin/policies/sessions")
    client.as_admin("POST", "/admin/tokens/revoke-all", json={"reason": "drill"})
    client.clock.advance(seconds=2)  # tokens of the issuer are told by the second
    client.as_admin("DELETE", "/admin/sessions/expired")
    ended = client.create()["id"]
    client.as_admin("DELETE", f"/sessions/{ended}", json={"reason": "phone stolen"})
    client.internal("DELETE", f"/internal/session/session/user/{user}")
    reused = sign_in(client, "usr_other")["tokens"]
    second = refresh(client, refresh(client, reused["refresh_token"]).json()["refresh_token"]).json()
    assert refresh(client, reused["refresh_token"]).status_code == 401
    assert second
    for _ in range(4):
        client.request("GET", "/internal/session/sessions/u/active", headers={"X-API-Key": "no", "X-Tenant-ID": "acme"})
    client.as_user("GET", "/admin/sessions/stats", user)
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": user})


def plan_and_apply(client: Client) -> None:
    """Nobody's sessions are to end."""
    body = {"filter": {"user_id": "usr_nobody"}, "reason": "drill"}
    plan = client.as_admin("POST", "/admin/revocation-plans", json=body).json()["plan_id"]
    client.as_admin("POST", f"/admin/revocation-plans/{plan}/apply")


def manage_webhooks(client: Client) -> None:
    """An endpoint is made, changed, tested and deleted, and gets another secret."""
    body = {"url": "https://hooks.example.com/", "events": ["policy.changed"], "enabled": False}
    hook = client.as_admin("POST", "/admin/webhooks", json=body).json()["id"]
    client.as_admin("PATCH", f"/admin/webhooks/{hook}", json={"description": "d"})
    client.as_admin("POST", f"/admin/webhooks/{hook}/rotate-secret")
    client.as_admin("POST", f"/admin/webhooks/{hook}/test")
    client.as_admin("POST", f"/admin/webhooks/{hook}/replay", json={"since": "2026-04-15T08:00:00Z"})
    client.as_admin("DELETE", f"/admin/webhooks/{hook}")
    body = {"client_id": "shop", "uri": "https://shop.example.com/logout"}
    client.as_admin("POST", "/admin/logout-clients", json=body)
    client.as_admin("PATCH", "/admin/logout-clients/shop", json={"session_required": True})
    client.as_admin("DELETE", "/admin/logout-clients/shop")


def manage_keys(client: Client, url: str) -> None:
    """A key is made, rotated and revoked over HTTP, a tenant made."""
    manager = {"X-API-Key": stored(url, scopes=["manage"]).text}
    made = client.request("POST", "/admin/api-keys", headers=manager, json={"name": "n"}).json()["id"]
    client.request("POST", f"/admin/api-keys/{made}/rotate", headers=manager)
    client.request("DELETE", f"/admin/api-keys/{made}", headers=manager)
    client.request("POST", "/admin/tenants", headers=manager, json={"tenant_id": "initech"})


def move(client: Client) -> None:
    """A session that is bound is used from another country."""
    made = client.create("usr_traveller", ip=TURKU)["id"]
    client.as_admin("PUT", "/admin/policies/sessions", json={"bind": {"country": "report"}})
    client.internal("POST", f"/internal/session/{made}/activity", json={"ip": BERLIN})


def test_each_event_is_provoked_and_says_what_the_catalogue_says(
    start: Any, events: Any, database_url: str, tmp_path: Path
) -> None:
    client = start(SOJOURN_API_KEY_GUESSES="3", **files_of_places(tmp_path))

    provoke_everything(client)
    move(client)
    manage_keys(client, database_url)
    manage_webhooks(client)
    plan_and_apply(client)
    push(client, event_of_now(client, "usr_nobody"))

    missing = {name for name in CATALOGUE if not events(name)}
    assert missing == set()
    for name in CATALOGUE:
        for facts in events(name):
            assert facts["request_id"].startswith("req_")
            assert facts["address"] == "127.0.0.1"
    (ended,) = events("session.ended")
    assert (ended["caller"], ended["caller_kind"], ended["reason"]) == ("root", "user", "phone stolen")
    assert ended["session_id"].startswith("sess_")
    assert events("session.created")[0]["user_id"] == "usr_abc123"
    assert events("session.created")[0]["session_id"].startswith("sess_")
    assert events("tokens.issued")[0]["caller_kind"] == "internal"
    assert events("access.refused")[0]["caller"] == "usr_abc123"
    assert API_KEY not in str([events(name) for name in CATALOGUE])


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "elsewhere"}, "audience"),
        ({"nbf": 4_000_000_000}, "not_yet_valid"),
        ({"exp": 1}, "expired"),
        ({"tenant_id": "no/tenant"}, "claim_tenant"),
        ({"nonce": "n"}, "token_type"),
    ],
)
def test_the_reason_of_a_refused_token_is_in_the_log_and_never_in_the_answer(
    client: Client, events: Any, claims: dict[str, Any], reason: str
) -> None:
    text = client.token("usr_abc123", **claims)

    answer = client.request("GET", "/trusted-devices", headers={"Authorization": f"Bearer {text}"})

    assert answer.status_code == 401
    assert [facts["reason"] for facts in events("credential.refused")] == [reason]
    if reason != "expired":
        assert reason not in answer.text
        assert answer.json()["i18n_key"] == "error.invalid_token"


def test_a_token_signed_by_somebody_else_and_a_text_that_is_none_are_told_apart(client: Client, events: Any) -> None:
    token = client.token("usr_abc123")
    for text in (token[:-8] + "AAAAAAAA", "no-token"):
        client.request("GET", "/trusted-devices", headers={"Authorization": f"Bearer {text}"})

    assert [facts["reason"] for facts in events("credential.refused")] == ["signature", "form"]
