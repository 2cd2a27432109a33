"""The token endpoint: refresh (RFC 6749 section 6) and token exchange (RFC 8693) with forms."""

from typing import Any

import httpx
import jwt

from tests.http.conftest import API_KEY, Client
from tests.http.test_oauth_forms import form, introspect
from tests.http.tokens import bearer, sign_in, status_of

TOKEN = "/oauth/token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


def refreshed(client: Client, token: str, **more: Any) -> httpx.Response:
    return form(client, TOKEN, grant_type="refresh_token", refresh_token=token, **more)


def exchange(client: Client, token: str, **more: Any) -> httpx.Response:
    said = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS, **more}
    return form(client, TOKEN, **said)


def claims(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    found: dict[str, Any] = jwt.decode(response.json()["access_token"], options={"verify_signature": False})
    return found


def error(response: httpx.Response) -> tuple[int, str]:
    assert ("www-authenticate" in response.headers) == (response.status_code == 401), response.headers
    return response.status_code, response.json()["error"]


def test_a_refresh_gives_the_next_pair_by_the_rules_of_refreshing(client: Client) -> None:
    made = sign_in(client)
    first = made["tokens"]["refresh_token"]

    second = refreshed(client, first)
    pair = second.json()

    assert second.headers["cache-control"] == "no-store"
    assert pair.keys() == {"access_token", "refresh_token", "expires_in", "token_type"}
    assert bearer(client, pair["access_token"], made["session"]["id"]).status_code == 200
    third = refreshed(client, pair["refresh_token"])
    assert third.status_code == 200
    client.clock.advance(seconds=60)
    assert introspect(client, third.json()["access_token"])["active"] is True
    assert refreshed(client, third.json()["refresh_token"]).status_code == 200
    assert error(refreshed(client, first)) == (400, "invalid_grant")
    assert status_of(client, made["session"]["id"]) == "revoked"


def test_a_refresh_token_that_is_none_of_the_clients_is_an_invalid_grant(client: Client) -> None:
    foreign = sign_in(client, tenant="globex")["tokens"]["refresh_token"]
    ended = sign_in(client)
    client.internal("DELETE", f"/internal/session/{ended['session']['id']}")

    for text in ("unknown", foreign, ended["tokens"]["refresh_token"], ended["tokens"]["access_token"]):
        assert error(refreshed(client, text)) == (400, "invalid_grant"), text
    assert refreshed(client, foreign, auth=("globex", API_KEY)).status_code == 200


def test_an_exchange_gives_a_token_of_the_subject_for_whom_it_is_asked(client: Client) -> None:
    made = sign_in(client)
    token = made["tokens"]["access_token"]

    response = exchange(client, token, audience="api.example.com", resource="https://api.example.com/orders")

    said = claims(response)
    assert response.json().keys() == {"access_token", "issued_token_type", "token_type", "expires_in"}
    assert response.json()["issued_token_type"] == ACCESS
    assert said["aud"] == ["https://api.example.com/orders", "api.example.com"]
    assert (said["sub"], said["sid"], said["tenant_id"]) == ("usr_abc123", made["session"]["id"], "acme")
    assert said["act"]["sub"]
    assert said["exp"] <= jwt.decode(token, options={"verify_signature": False})["exp"]
    assert claims(exchange(client, token))["aud"] == "sojourn"
    assert claims(exchange(client, token, audience=["a", "b"]))["aud"] == ["a", "b"]


def test_who_acts_is_the_subject_of_the_actor_token_and_chains_are_kept(client: Client) -> None:
    token = sign_in(client)["tokens"]["access_token"]
    actor = sign_in(client, "usr_agent")["tokens"]["access_token"]

    once = exchange(client, token, actor_token=actor, actor_token_type=ACCESS)
    twice = exchange(client, once.json()["access_token"])

    assert claims(once)["act"] == {"sub": "usr_agent"}
    assert claims(twice)["act"]["act"] == {"sub": "usr_agent"}
    assert error(exchange(client, token, actor_token="unknown", actor_token_type=ACCESS)) == (400, "invalid_request")
    assert error(exchange(client, token, actor_token=actor)) == (400, "invalid_request")


def test_no_token_gets_a_scope_that_its_subject_token_does_not_have(client: Client) -> None:
    token = sign_in(client)["tokens"]["access_token"]

    assert error(exchange(client, token, scope="read")) == (400, "invalid_scope")
    assert "scope" not in claims(exchange(client, token))


def test_a_token_of_another_issuer_is_no_subject(client: Client) -> None:
    assert error(exchange(client, client.token("usr_abc123"))) == (400, "invalid_request")


def test_what_is_wrong_is_said_in_the_words_of_the_standards(client: Client) -> None:
    token = sign_in(client)["tokens"]["access_token"]
    foreign = sign_in(client, tenant="globex")["tokens"]["access_token"]

    assert error(form(client, TOKEN, grant_type="password", username="a", password="b")) == (
        400,
        "unsupported_grant_type",
    )
    assert error(form(client, TOKEN)) == (400, "invalid_request")
    assert error(form(client, TOKEN, grant_type="refresh_token")) == (400, "invalid_request")
    assert error(form(client, TOKEN, grant_type=EXCHANGE, subject_token=token)) == (400, "invalid_request")
    assert error(exchange(client, "unknown")) == (400, "invalid_request")
    assert error(exchange(client, foreign)) == (400, "invalid_request")
    assert error(exchange(client, token, subject_token_type="urn:x")) == (400, "invalid_request")
    assert error(exchange(client, token, resource="not-absolute")) == (400, "invalid_target")
    assert error(exchange(client, token, resource="https://a.example/#part")) == (400, "invalid_target")
    assert error(refreshed(client, "x", auth=None)) == (401, "invalid_client")
