"""Ids that others give: one definition for what is recorded, what is asked about and what a token names."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.http.conftest import Client


@pytest.mark.parametrize(
    "user", ["usr\u00a0abc", "usr\u0085abc", "\u00a0usr", "usr\u2028", "...", ".a", "..a", "a/b", "\u00e9"]
)
def test_who_can_be_signed_in_can_use_the_token_of_the_issuer(client: Client, user: str) -> None:
    session = client.create(user)
    answer = client.as_user("GET", "/sessions", user, params={"auth_user_id": user})

    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()["items"]] == [session["id"]]
    listed = client.internal("GET", f"/internal/session/sessions/{quote(user, safe='')}")
    assert listed.status_code == 200


@pytest.mark.parametrize("text", [".", "..", " a", "a ", "a\x1fb", "\x7f"])
@pytest.mark.parametrize("name", ["auth_user_id", "device_id", "device_fingerprint"])
def test_an_id_that_means_another_path_is_not_recorded(client: Client, name: str, text: str) -> None:
    body = {"auth_user_id": "usr_abc123", name: text}
    answer = client.internal("POST", "/internal/session/create", json=body)

    assert answer.status_code == 400
    assert [item["field"] for item in answer.json()["errors"]] == [name]


@pytest.mark.parametrize("user", [".", "..", " a", "a\x1fb", "x" * 256])
def test_a_token_that_names_nobody_who_can_be_recorded_is_refused(client: Client, user: str) -> None:
    assert client.as_user("GET", "/sessions", user).status_code == 401


@pytest.mark.parametrize("duration", ["1ns", "0.1us", "0000000000000005s", "1.0000001s"])
def test_a_duration_that_is_not_of_the_contract_breaks_its_pattern(client: Client, duration: str) -> None:
    body = {"access_expiry": "1h", "refresh_expiry": "2h", "leeway": duration}
    answer = client.as_admin("PUT", "/admin/tokens/config", json=body)

    assert answer.status_code == 400
    assert [(item["field"], item["code"]) for item in answer.json()["errors"]] == [("leeway", "pattern")]


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "/"),
        ({"SOJOURN_BASE_PATH": "/v1"}, "/v1"),
        ({"SOJOURN_PUBLIC_URL": "https://sessions.example.com/v2"}, "https://sessions.example.com/v2"),
    ],
)
def test_the_contract_names_the_address_it_is_served_at(
    start: Callable[..., Client], settings: dict[str, str], url: str
) -> None:
    client = start(**settings)
    contract = client.request("GET", f"{settings.get('SOJOURN_BASE_PATH', '')}/openapi.json")

    assert [server["url"] for server in contract.json()["servers"]] == [url]
