"""No refusal repeats a token or a key, wherever it was sent: in a path, as a name, as a value or as the body."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.conftest import Client

STORED_KEY = "sj_0196376f2c00700080000123456789ab_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE"


def secrets(client: Client) -> list[str]:
    """An access token, a refresh token, a token of the identity provider and an API key."""
    made = client.internal("POST", "/internal/session/create", json={"auth_user_id": "usr_abc123"}).json()["data"]
    pair = made["tokens"]
    return [pair["access_token"], pair["refresh_token"], client.token("usr_abc123"), STORED_KEY]


def misplaced(client: Client, secret: str) -> dict[str, Any]:
    """Requests with a secret where none belongs; each is refused."""
    search, introspect, create = "/tokens/blacklist/check", "/admin/tokens/introspect", "/internal/session/create"
    return {
        "an unknown path": client.request("GET", f"/no/such/{secret}"),
        "a path": client.as_admin("GET", f"/sessions/{secret}"),
        "a path of one more": client.as_admin("GET", f"/admin/tokens/{secret}"),
        "the name of a page": client.request("GET", f"/problems/{secret}"),
        "the name of a parameter": client.as_admin("GET", f"/admin/tokens?{secret}=1"),
        "a parameter": client.as_admin("GET", "/admin/tokens", params={"status": secret}),
        "a number": client.as_admin("GET", "/admin/tokens", params={"page": secret}),
        "beside a parameter": client.as_admin("GET", search, params={"token": secret, "colour": "red"}),
        "the body": client.as_admin("POST", introspect, json=secret),
        "a list as the body": client.as_admin("POST", introspect, json=[secret]),
        "the name of a member": client.as_admin("POST", introspect, json={"token": "x", secret: 1}),
        "a member": client.as_admin("POST", introspect, json={"token": "x", "type": secret}),
        "the token, in a list": client.as_admin("POST", introspect, json={"token": [secret]}),
        "another member": client.internal("POST", create, json={"auth_user_id": "usr_abc123", "ip": secret}),
        "a member of another type": client.internal("POST", create, json={"auth_user_id": {"a": [secret]}}),
        "the tenant": client.internal("GET", "/internal/session/sessions/usr_abc123", f"{secret}/"),
    }


@pytest.mark.parametrize("environment", ["development", "production"])
def test_no_refusal_repeats_a_secret(start: Callable[..., Client], environment: str) -> None:
    client = start(SOJOURN_ENVIRONMENT=environment)

    for secret in secrets(client):
        for place, answer in misplaced(client, secret).items():
            assert 400 <= answer.status_code < 500, (place, answer.status_code)
            for part in (secret, secret[-20:], secret[8:28]):
                assert part not in answer.text, (place, answer.text)


def test_what_is_no_secret_is_still_shown_in_development(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_ENVIRONMENT="development")
    answer = client.internal("POST", "/internal/session/create", json={"auth_user_id": "usr_abc123", "ip": "nowhere"})

    assert [one.get("value") for one in answer.json()["errors"]] == ["nowhere"]
