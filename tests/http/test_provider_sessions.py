"""A session remembers the session at the identity provider that its sign-in came from."""

from typing import Any

import httpx
import pytest

from tests.http.conftest import Client

ISSUER = "https://id.example.com/realms/shop"
AT_PROVIDER = {"issuer": ISSUER, "session_id": "08a5019c-17e1-4977-8f42-65a12843ea02"}


def start(client: Client, *, said: dict[str, Any] | None = None, **claims: Any) -> httpx.Response:
    """A session that a provider's token begins."""
    headers = {"Authorization": f"Bearer {client.token('usr_1', **claims)}"}
    return client.request("POST", "/sessions", headers=headers, json={"auth_user_id": "usr_1", **(said or {})})


def told(client: Client, session_id: str) -> list[Any]:
    """What everybody who may see the session is told of the provider's."""
    path = f"/internal/session/sessions/{'usr_1'}"
    seen = [
        client.as_user("GET", f"/sessions/{session_id}", "usr_1").json()["session"],
        client.as_admin("GET", f"/sessions/{session_id}").json()["session"],
        client.internal("GET", f"/internal/session/{session_id}").json()["session"],
        client.internal("GET", path).json()["items"][0],
    ]
    return [session.get("idp") for session in seen]


@pytest.mark.parametrize("idp", [AT_PROVIDER, {"issuer": ISSUER}])
def test_who_vouches_says_which_session_at_the_provider_it_is(idp: dict[str, str], client: Client) -> None:
    made = client.create("usr_1", idp=idp)

    assert made["idp"] == idp
    assert told(client, made["id"]) == [idp] * 4


def test_an_administrator_says_so_too(client: Client) -> None:
    made = client.as_admin("POST", "/sessions", json={"auth_user_id": "usr_1", "idp": AT_PROVIDER})

    assert made.json()["session"]["idp"] == AT_PROVIDER


@pytest.mark.parametrize(
    ("claims", "idp"),
    [
        ({"iss": ISSUER, "sid": AT_PROVIDER["session_id"]}, AT_PROVIDER),
        ({"iss": ISSUER}, {"issuer": ISSUER}),
        ({"sid": AT_PROVIDER["session_id"]}, None),
        ({}, None),
    ],
)
def test_a_providers_token_says_it_by_its_issuer_and_session(
    claims: dict[str, str], idp: dict[str, str] | None, client: Client
) -> None:
    made = start(client, **claims)

    assert made.status_code == 201, made.text
    assert told(client, made.json()["session"]["id"]) == [idp] * 4


@pytest.mark.parametrize(
    "said", [{"issuer": ISSUER}, {**AT_PROVIDER, "session_id": "another"}, {"issuer": "https://b"}]
)
def test_what_the_token_does_not_say_of_the_provider_is_refused(said: dict[str, str], client: Client) -> None:
    refused = start(client, said={"idp": said}, iss=ISSUER, sid=AT_PROVIDER["session_id"])

    assert refused.status_code == 403
    assert refused.json()["i18n_args"] == {"reason": "beyond", "members": "idp"}
    assert start(client, said={"idp": AT_PROVIDER}, iss=ISSUER, sid=AT_PROVIDER["session_id"]).status_code == 201


@pytest.mark.parametrize(
    "idp", [{}, {"session_id": "s"}, {"issuer": ""}, {"issuer": "two words"}, {"issuer": "i", "x": 1}]
)
def test_a_session_at_no_provider_is_refused(idp: dict[str, Any], client: Client) -> None:
    body = {"auth_user_id": "usr_1", "idp": idp}

    assert client.internal("POST", "/internal/session/create", json=body).status_code == 400
