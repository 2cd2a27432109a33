"""Introspection (RFC 7662) and revocation (RFC 7009) as OAuth's clients send them: with forms, as a client."""

import base64
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sojourn.domain.scopes import SCOPES
from tests.http.conftest import API_KEY, Client
from tests.http.test_scopes import stored
from tests.http.tokens import bearer, refresh, sign_in, status_of

INTROSPECT, REVOKE = "/oauth/introspect", "/oauth/revoke"
DEAD = {"active": False}


def form(client: Client, path: str, *, auth: Any = ("acme", API_KEY), **parameters: Any) -> httpx.Response:
    """A form of a client that authenticates by HTTP Basic, or does not where `auth` is None."""
    return client.request("POST", path, auth=auth, data=parameters)


def introspect(client: Client, token: str, **more: Any) -> Any:
    response = form(client, INTROSPECT, token=token, **more)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()


def test_a_valid_access_token_is_told_in_the_words_of_the_standard(client: Client) -> None:
    made = sign_in(client, app_id="shop")
    session, now = made["session"], int(client.clock.now.timestamp())

    said = introspect(client, made["tokens"]["access_token"])

    assert {name: said[name] for name in ("active", "token_type", "sub", "sid", "iss", "aud", "iat")} == {
        "active": True,
        "token_type": "Bearer",
        "sub": "usr_abc123",
        "sid": session["id"],
        "iss": "sojourn",
        "aud": ["sojourn"],
        "iat": now,
    }
    assert now < said["exp"] <= now + 900
    assert said["jti"]


def test_a_valid_refresh_token_is_active_and_has_no_type_of_use(client: Client) -> None:
    said = introspect(client, sign_in(client)["tokens"]["refresh_token"])

    assert (said["active"], said["sub"]) == (True, "usr_abc123")
    assert "token_type" not in said


def test_a_token_of_a_trusted_issuer_is_introspected_too(client: Client) -> None:
    said = introspect(client, client.token("usr_abc123"))

    assert (said["active"], said["sub"]) == (True, "usr_abc123")


def test_whatever_is_not_valid_is_inactive_and_nothing_else(client: Client) -> None:
    tokens = sign_in(client)["tokens"]
    foreign = sign_in(client, tenant="globex")["tokens"]
    ended = sign_in(client)
    client.internal("DELETE", f"/internal/session/{ended['session']['id']}")
    texts = [
        "unknown",
        "sjr.a.b.c.d",
        tokens["access_token"][:-4] + "AAAA",
        *foreign.values(),
        ended["tokens"]["access_token"],
        ended["tokens"]["refresh_token"],
        client.token("usr_abc123", nbf=int(client.clock.now.timestamp()) + 600),
    ]

    for text in (str(text) for text in texts if not isinstance(text, int)):
        assert introspect(client, text) == DEAD, text
    client.clock.advance(hours=1)
    assert introspect(client, tokens["access_token"]) == DEAD


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_hint_changes_nothing(kind: str, client: Client) -> None:
    token = sign_in(client)["tokens"][kind]

    said = [introspect(client, token, token_type_hint=hint) for hint in ("access_token", "refresh_token", "x", "")]

    assert [one["active"] for one in said] == [True] * 4


def test_revoking_a_refresh_token_ends_its_session(client: Client) -> None:
    made = sign_in(client)
    cursor = client.internal("GET", "/internal/revocations").json()["cursor"]

    response = form(client, REVOKE, token=made["tokens"]["refresh_token"], token_type_hint="refresh_token")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["cache-control"] == "no-store"
    assert status_of(client, made["session"]["id"]) == "revoked"
    assert refresh(client, made["tokens"]["refresh_token"]).status_code == 401
    assert bearer(client, made["tokens"]["access_token"], made["session"]["id"]).status_code == 401
    page = client.internal("GET", "/internal/events", params={"after": cursor, "wait": "20ms"}).json()
    assert [item["data"]["reason_code"] for item in page["items"]] == ["revoked_by_service"]


def test_revoking_an_access_token_refuses_it_and_the_session_goes_on(client: Client) -> None:
    made = sign_in(client)
    token = made["tokens"]["access_token"]

    assert [form(client, REVOKE, token=token).status_code for _ in range(2)] == [200, 200]

    assert introspect(client, token) == DEAD
    assert status_of(client, made["session"]["id"]) == "active"
    assert refresh(client, made["tokens"]["refresh_token"]).status_code == 200


def test_what_is_unknown_or_foreign_is_200_and_stays_what_it_is(client: Client) -> None:
    foreign = sign_in(client, tenant="globex")
    known = form(client, REVOKE, token=sign_in(client)["tokens"]["access_token"])

    for text in ("unknown", foreign["tokens"]["access_token"], foreign["tokens"]["refresh_token"]):
        response = form(client, REVOKE, token=text)
        assert (response.status_code, response.content, response.headers.keys()) == (200, b"", known.headers.keys())

    for kind in ("access_token", "refresh_token"):
        assert introspect(client, foreign["tokens"][kind], auth=("globex", API_KEY))["active"] is True


# ---------------------------------------------------------------- who asks


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def test_a_client_authenticates_by_header_or_in_the_form(client: Client) -> None:
    token = sign_in(client)["tokens"]["access_token"]
    in_form = {"client_id": "acme", "client_secret": API_KEY, "token": token}
    ways: list[dict[str, Any]] = [
        {"data": {"token": token}, "headers": basic("acme", API_KEY)},
        {"data": {"token": token}, "headers": basic(quote("acme"), quote(API_KEY, safe=""))},
        {"data": {"token": token, "client_id": "acme"}, "headers": basic("acme", API_KEY)},
        {"data": in_form},
    ]

    for way in ways:
        response = client.request("POST", INTROSPECT, **way)
        assert response.json()["active"] is True, way


def test_an_unknown_client_is_401_in_the_words_of_oauth_with_a_challenge(client: Client) -> None:
    good = {"client_id": "acme", "client_secret": API_KEY}
    ways: list[dict[str, Any]] = [
        {},
        {"headers": basic("acme", "wrong")},
        {"headers": basic("no/tenant", API_KEY)},
        {"headers": basic("", API_KEY)},
        {"headers": {"Authorization": "Basic !!!"}},
        {"headers": {"Authorization": "Basic " + base64.b64encode(b"acme").decode()}},
        {"headers": {"Authorization": "Basic " + base64.b64encode(b"acme:%ff").decode()}},
        {"headers": {"Authorization": f"Bearer {API_KEY}"}},
        {"headers": {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}},
        {"headers": basic("acme", API_KEY), "data": {"client_id": "globex"}},
        {"data": good | {"client_secret": "wrong"}},
        {"data": {"client_id": "acme"}},
        {"data": {"client_secret": API_KEY}},
    ]

    for path in (INTROSPECT, REVOKE):
        for way in ways:
            response = client.request("POST", path, **{**way, "data": {"token": "x", **way.get("data", {})}})
            assert response.status_code == 401, way
            assert response.json()["error"] == "invalid_client", way
            assert response.headers["www-authenticate"] == 'Basic realm="sojourn"'
            assert response.headers["cache-control"] == "no-store"
            assert API_KEY not in response.text


def test_credentials_in_both_ways_are_refused(client: Client) -> None:
    response = form(client, INTROSPECT, token="x", client_id="acme", client_secret=API_KEY)

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_credentials_in_the_query_are_refused(client: Client) -> None:
    response = form(client, f"{INTROSPECT}?client_secret=x", token="x")

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_key_covers_its_tenants_and_needs_the_scope(client: Client, database_url: str) -> None:
    manager = {"X-API-Key": stored(database_url, scopes=["manage"]).text}
    wanted = {"name": "gateway", "tenants": ["acme"]}
    limited = client.request("POST", "/admin/api-keys", headers=manager, json=wanted).json()["key"]
    other = stored(database_url, scopes=[scope for scope in SCOPES if scope not in ("tokens", "manage")]).text

    assert form(client, INTROSPECT, auth=("acme", limited), token="x").json() == DEAD
    foreign = form(client, INTROSPECT, auth=("globex", limited), token="x")
    lacking = form(client, REVOKE, auth=("acme", other), token="x")

    assert (foreign.status_code, foreign.json()["error"]) == (401, "invalid_client")
    assert (lacking.status_code, lacking.json()["error"]) == (400, "unauthorized_client")
    assert "tokens" in lacking.json()["error_description"]


def test_who_the_client_is_comes_before_what_is_wrong_with_the_form(client: Client) -> None:
    for path in (INTROSPECT, REVOKE):
        assert form(client, path, auth=None).status_code == 401
        missing = form(client, path)

        assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
        assert missing.json()["error_description"] == "token: This value is required."


def test_a_tenant_without_sessions_has_no_valid_token(client: Client) -> None:
    for tenant in ("nowhere", "noise"):
        assert introspect(client, "x", auth=(tenant, API_KEY)) == DEAD
        assert form(client, REVOKE, auth=(tenant, API_KEY), token="x").status_code == 200
