"""Metadata of the OAuth forms (RFC 8414)."""

from collections.abc import Callable
from typing import Any

from tests.contract.document import operations
from tests.http.conftest import API_KEY, Client

URL = "https://sessions.example.com"
METADATA = "/.well-known/oauth-authorization-server"


def metadata(start: Callable[..., Client], url: str = URL) -> tuple[Client, dict[str, Any]]:
    client = start(SOJOURN_PUBLIC_URL=url)
    response = client.request("GET", METADATA)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "public, max-age=3600"
    return client, response.json()


def test_the_issuer_is_the_public_url_and_every_address_leads_to_an_operation(start: Callable[..., Client]) -> None:
    _, said = metadata(start)
    paths = {operation.path for operation in operations()}

    assert said["issuer"] == URL
    addresses = {name: value for name, value in said.items() if name.endswith(("_endpoint", "_uri", "_documentation"))}
    assert len(addresses) == 5
    assert {value.removeprefix(URL) for value in addresses.values()} <= paths


def test_the_members_that_the_standard_requires_are_there_and_no_list_is_empty(start: Callable[..., Client]) -> None:
    _, said = metadata(start)

    assert said["response_types_supported"] == ["none"]
    assert "authorization_endpoint" not in said
    assert all(value for value in said.values())


def test_the_metadata_announce_logout_tokens_with_sid(start: Callable[..., Client]) -> None:
    _, said = metadata(start)

    assert said["backchannel_logout_supported"] is True
    assert said["backchannel_logout_session_supported"] is True


def test_the_endpoints_take_what_the_metadata_says_and_nothing_else(start: Callable[..., Client]) -> None:
    client, said = metadata(start)
    in_the_form = {"client_id": "acme", "client_secret": API_KEY}
    ways: dict[str, dict[str, Any]] = {
        "client_secret_basic": {"auth": ("acme", API_KEY), "data": {"token": "x"}},
        "client_secret_post": {"data": {"token": "x", **in_the_form}},
    }

    for name in ("introspection", "revocation"):
        assert set(said[f"{name}_endpoint_auth_methods_supported"]) == set(ways)
        path = said[f"{name}_endpoint"].removeprefix(URL)
        assert {client.request("POST", path, **ways[way]).status_code for way in ways} == {200}
    path = said["token_endpoint"].removeprefix(URL)
    refused = {
        grant: client.request("POST", path, data={"grant_type": grant, **in_the_form}).json()["error"]
        for grant in (*said["grant_types_supported"], "client_credentials", "authorization_code")
    }
    assert [grant for grant, error in refused.items() if error != "unsupported_grant_type"] == said[
        "grant_types_supported"
    ]


def test_the_metadata_of_a_service_below_a_path_name_its_addresses_there(start: Callable[..., Client]) -> None:
    _, said = metadata(start, f"{URL}/sessions-service")

    assert said["issuer"] == f"{URL}/sessions-service"
    assert said["token_endpoint"] == f"{URL}/sessions-service/oauth/token"


def test_without_a_public_url_there_is_no_metadata(client: Client) -> None:
    response = client.request("GET", METADATA)

    assert (response.status_code, response.json()["i18n_key"]) == (404, "error.metadata_not_found")
    assert "SOJOURN_PUBLIC_URL" in client.request("GET", "/problems/metadata-not-found").text
