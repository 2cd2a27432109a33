"""Tokens over HTTP: validation, blacklist, introspection, exchange, inventory, lifetimes, keys."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.http.conftest import Client
from tests.http.test_refresh import claims
from tests.http.tokens import bearer, generate, refresh, sign_in, validate

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def introspect(client: Client, token: str, tenant: str = "acme") -> Any:
    response = client.as_admin("POST", "/admin/tokens/introspect", tenant, json={"token": token})
    assert response.status_code == 200, response.text
    return response.json()


def test_an_access_token_is_verified_by_the_published_key_and_has_the_claims_of_rfc_9068(
    client: Client,
) -> None:
    pair = sign_in(client, amr=["password", "totp"], role="admin", app_id="app_xyz")["tokens"]
    keys = jwt.PyJWKSet.from_dict(client.request("GET", "/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(pair["access_token"])

    claims = jwt.decode(
        pair["access_token"],
        keys[header["kid"]],
        algorithms=["EdDSA"],
        audience="sojourn",
        options={"verify_exp": False, "verify_iat": False},
    )

    assert header["typ"] == "at+jwt"
    assert claims["amr"] == ["password", "totp"]
    assert (claims["sub"], claims["tenant_id"], claims["roles"]) == ("usr_abc123", "acme", ["admin"])
    assert (claims["iss"], claims["client_id"]) == ("sojourn", "app_xyz")
    assert {"sid", "jti", "auth_time", "iat", "exp"} <= claims.keys()


def test_a_tenant_in_the_body_that_differs_is_refused(client: Client) -> None:
    session = client.create()
    body = {"session_id": session["id"], "tenant_id": "noise", "auth_user_id": session["user_id"]}

    response = client.internal("POST", "/internal/session/generate-tokens", json=body)

    assert (response.status_code, response.json()["code"]) == (400, 30100004)


def test_a_token_is_nothing_in_another_tenant(client: Client) -> None:
    access = sign_in(client)["tokens"]["access_token"]

    assert validate(client, access, "noise") == {"valid": False, "error": "tenant_mismatch"}
    assert introspect(client, access, "noise") == {"active": False}


def test_another_device_is_told(client: Client) -> None:
    access = sign_in(client, device_fingerprint="sha256:a1")["tokens"]["access_token"]

    assert validate(client, access, device_fingerprint="sha256:a1")["valid"] is True
    assert validate(client, access, device_fingerprint="sha256:b2")["error"] == "device_mismatch"


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_invalid_and_inactive(client: Client, text: str) -> None:
    client.create()
    assert validate(client, text) == {"valid": False, "error": "invalid_token"}
    assert introspect(client, text) == {"active": False}


def test_a_blacklisted_token_is_refused_until_its_entry_is_removed(client: Client) -> None:
    signed_in = sign_in(client)
    access = signed_in["tokens"]["access_token"]
    body = {"token": access, "token_type": "access", "user_id": "usr_abc123", "reason": "lost"}
    for _ in range(2):
        assert client.internal("POST", "/internal/session/blacklist-token", json=body).status_code == 200

    assert bearer(client, access, signed_in["session"]["id"]).status_code == 401
    assert validate(client, access)["error"] == "blacklisted"
    assert introspect(client, access) == {"active": False}
    checked = client.as_user("POST", "/tokens/blacklist/check", "usr_abc123", json={"token": access}).json()
    assert (checked["blacklisted"], checked["reason"]) == (True, "lost")
    assert access[:6] not in checked["token"]
    respelled = access[:-1] + ("A" if access[-1] != "A" else "Q")
    assert validate(client, respelled)["valid"] is False
    listed = client.as_admin("GET", "/admin/tokens/blacklist").json()
    assert listed["total"] == 1
    entry = listed["items"][0]["id"]
    assert client.as_admin("DELETE", f"/admin/tokens/blacklist/{entry}", "noise").status_code == 404
    assert client.as_admin("DELETE", f"/admin/tokens/blacklist/{entry}").status_code == 200
    assert validate(client, access)["valid"] is True


def test_an_unknown_token_can_be_blacklisted_and_the_entry_ends(client: Client) -> None:
    client.create()
    body = {"token": "whatever", "token_type": "refresh", "user_id": "usr_abc123"}
    assert client.internal("POST", "/internal/session/blacklist-token", json=body).status_code == 200

    query = {"token": "whatever"}
    first = client.as_user("GET", "/tokens/blacklist/check", "usr_abc123", params=query).json()
    client.clock.advance(days=9)
    later = client.as_user("GET", "/tokens/blacklist/check", "usr_abc123", params=query).json()

    assert (first["blacklisted"], later["blacklisted"]) == (True, False)


def test_nobody_blacklists_another_users_token(client: Client) -> None:
    access = sign_in(client)["tokens"]["access_token"]
    for user in ("usr_abc123", "usr_other"):
        body = {"token": access, "token_type": "access", "user_id": user}
        assert client.as_user("POST", "/tokens/blacklist", "usr_other", json=body).status_code == 403

    assert validate(client, access)["valid"] is True


def test_a_blacklisted_refresh_token_gets_no_successor(client: Client) -> None:
    token = sign_in(client)["tokens"]["refresh_token"]
    body = {"token": token, "token_type": "refresh", "user_id": "usr_abc123"}
    client.internal("POST", "/internal/session/blacklist-token", json=body)

    assert refresh(client, token).status_code == 401
    assert introspect(client, token) == {"active": False}


def test_introspection_tells_both_kinds_of_token(client: Client) -> None:
    pair = sign_in(client, username="john.doe")["tokens"]

    access, second = introspect(client, pair["access_token"]), introspect(client, pair["refresh_token"])

    assert (access["active"], access["token_type"], access["username"]) == (True, "access", "john.doe")
    assert (second["active"], second["token_type"], second["sub"]) == (True, "refresh", "usr_abc123")


def test_an_exchanged_token_is_for_another_audience_and_lives_no_longer(client: Client) -> None:
    signed_in = sign_in(client)
    access, session_id = signed_in["tokens"]["access_token"], signed_in["session"]["id"]
    body = {"grant_type": EXCHANGE, "subject_token": access, "audience": "api.example.com"}

    response = client.as_admin("POST", "/admin/tokens/exchange", json=body)

    assert response.status_code == 200, response.text
    exchanged = response.json()
    assert exchanged["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    claims = validate(client, exchanged["access_token"], audience="api.example.com")["claims"]
    assert claims["act"] == {"sub": "root"}
    assert (claims["aud"], claims["sub"]) == ("api.example.com", "usr_abc123")
    assert claims["exp"] <= validate(client, access)["claims"]["exp"]
    assert bearer(client, exchanged["access_token"], session_id).status_code == 401
    client.as_admin("DELETE", f"/sessions/{session_id}")
    assert validate(client, exchanged["access_token"], audience="api.example.com")["error"] == "session_revoked"
    refused = client.as_admin("POST", "/admin/tokens/exchange", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, 30100006)


def test_validation_holds_a_token_to_the_audience_asked_for_and_to_our_own_without_one(client: Client) -> None:
    own = sign_in(client)["tokens"]["access_token"]
    body = {"grant_type": EXCHANGE, "subject_token": own, "audience": "api.example.com"}
    exchanged = client.as_admin("POST", "/admin/tokens/exchange", json=body).json()["access_token"]
    foreign, named = client.token("usr_abc123"), claims(own)["aud"]

    assert validate(client, own)["valid"]
    assert validate(client, own, audience=named)["valid"]
    assert validate(client, exchanged, audience="api.example.com")["valid"]
    assert validate(client, foreign)["valid"]
    for token, asked in ((own, "api.example.com"), (exchanged, named), (foreign, named)):
        assert validate(client, token, audience=asked) == {"valid": False, "error": "audience_mismatch"}
    assert validate(client, exchanged) == {"valid": False, "error": "audience_mismatch"}


def test_revoking_all_tokens_ends_those_issued_and_no_later_one(client: Client) -> None:
    signed_in = sign_in(client)
    pair = signed_in["tokens"]
    other = sign_in(client, "usr_other")["tokens"]
    body = {"user_id": "usr_abc123", "reason": "suspicious activity"}

    assert client.as_admin("POST", "/admin/tokens/revoke-all", json=body).status_code == 200

    assert validate(client, pair["access_token"])["error"] == "issued_before_cutoff"
    assert refresh(client, pair["refresh_token"]).status_code == 401
    assert validate(client, other["access_token"])["valid"] is True
    listed = client.as_admin("GET", "/admin/tokens", params={"user_id": "usr_abc123"}).json()
    assert {item["status"] for item in listed["items"]} == {"revoked"}
    client.clock.advance(seconds=1)
    assert validate(client, generate(client, signed_in["session"])["access_token"])["valid"] is True


def test_the_inventory_agrees_with_itself(client: Client) -> None:
    signed_in = sign_in(client)
    refresh(client, signed_in["tokens"]["refresh_token"])

    everything = client.as_admin("GET", "/admin/tokens").json()
    for status in ("active", "expired", "revoked"):
        wanted = [item for item in everything["items"] if item["status"] == status]
        found = client.as_admin("GET", "/admin/tokens", params={"status": status}).json()
        assert (found["items"], found["total"]) == (wanted, len(wanted))
    refreshing = client.as_admin("GET", "/admin/tokens", params={"type": "refresh"}).json()
    assert {item["token_type"] for item in refreshing["items"]} == {"refresh"}
    one = everything["items"][0]
    assert client.as_admin("GET", f"/admin/tokens/{one['id']}").json()["data"] == one
    assert client.as_admin("GET", f"/admin/tokens/{one['id']}", "noise").status_code == 404
    client.clock.advance(minutes=16)
    expired = client.as_admin("GET", "/admin/tokens", params={"status": "expired"}).json()
    assert expired["total"] >= 2


def test_a_tenants_lifetimes_hold_for_the_next_tokens(client: Client) -> None:
    session = client.create()
    body = {"access_expiry": "2m", "refresh_expiry": "10m", "leeway": "0s"}

    set_to = client.as_admin("PUT", "/admin/tokens/config", json=body).json()

    assert set_to == {"tenant_id": "acme", **body} == client.as_admin("GET", "/admin/tokens/config").json()
    pair = generate(client, session)
    assert 114 <= pair["expires_in"] <= 120
    client.clock.advance(minutes=2)
    assert validate(client, pair["access_token"])["error"] == "expired"
    client.clock.advance(minutes=8)
    assert refresh(client, pair["refresh_token"]).status_code == 401
    assert client.as_admin("DELETE", "/admin/tokens/config").status_code == 200
    assert client.as_admin("GET", "/admin/tokens/config").json()["access_expiry"] == "15m"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"access_expiry": "0s", "refresh_expiry": "0s"}, {"access_expiry", "refresh_expiry"}),
        ({"access_expiry": "1s", "refresh_expiry": "1h"}, {"access_expiry"}),
        ({"access_expiry": "87600h", "refresh_expiry": "87600.001h"}, {"refresh_expiry"}),
        ({"access_expiry": "876000h", "refresh_expiry": "876000h"}, {"access_expiry", "refresh_expiry"}),
        ({"access_expiry": "2h", "refresh_expiry": "1h"}, {"refresh_expiry"}),
        ({"access_expiry": "2h", "refresh_expiry": "3h", "leeway": "6m"}, {"leeway"}),
        ({"access_expiry": "a day", "refresh_expiry": "-3h"}, {"access_expiry", "refresh_expiry"}),
    ],
)
def test_nonsense_lifetimes_are_refused_field_by_field(client: Client, body: dict[str, str], fields: set[str]) -> None:
    client.create()

    response = client.as_admin("PUT", "/admin/tokens/config", json=body)

    assert response.status_code == 400
    assert {violation["field"] for violation in response.json()["errors"]} == fields


@pytest.mark.parametrize("lifetime", ["2s", "87600h"])
def test_tokens_of_the_shortest_and_the_longest_lifetime_are_good_at_once(start: Any, lifetime: str) -> None:
    client = start(SOJOURN_ABSOLUTE_TIMEOUT="876000h", SOJOURN_IDLE_TIMEOUT="876000h")
    client.create()
    body = {"access_expiry": lifetime, "refresh_expiry": lifetime, "leeway": "0s"}
    assert client.as_admin("PUT", "/admin/tokens/config", json=body).status_code == 200

    for _ in range(10):
        client.clock.advance(milliseconds=111)
        made = client.internal("POST", "/internal/session/create", json={"auth_user_id": "u"})
        assert made.status_code == 201, made.text
        token = made.json()["data"]["tokens"]["access_token"]
        judged = client.internal("POST", "/internal/session/validate-token", json={"access_token": token})
        assert judged.json()["valid"] is True


def test_a_session_validates_as_its_tokens_do(client: Client) -> None:
    session_id = client.create()["id"]
    path = f"/sessions/{session_id}/validate"

    assert client.as_user("POST", path, "usr_abc123").json()["claims"]["sid"] == session_id
    assert client.as_user("POST", path, "usr_other").status_code == 403
    assert client.as_admin("POST", path, "noise").status_code == 404
    client.as_admin("DELETE", f"/sessions/{session_id}")
    ended = client.as_user("POST", path, "usr_abc123").json()
    assert ended == {"valid": False, "error": "session_revoked"}


def test_a_retired_key_takes_what_it_signed_along_at_once(client: Client, sql: Callable[[str], Any]) -> None:
    signed_in = sign_in(client)
    access = signed_in["tokens"]["access_token"]
    assert bearer(client, access, signed_in["session"]["id"]).status_code == 200
    kid = jwt.get_unverified_header(access)["kid"]
    sql(f"UPDATE signing_keys SET retired_at = created_at WHERE id = '{kid}'")

    assert bearer(client, access, signed_in["session"]["id"]).status_code == 401
    assert validate(client, access)["error"] == "key_retired"
    assert client.request("GET", "/.well-known/jwks.json").json() == {"keys": []}
