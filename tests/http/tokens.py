"""What tests of tokens ask of the application."""

from typing import Any

import httpx

from tests.http.conftest import Client


def sign_in(client: Client, user: str = "usr_abc123", tenant: str = "acme", **facts: Any) -> dict[str, Any]:
    """A new session and its first tokens: `session` and `tokens`."""
    session = client.create(user, tenant, **facts)
    return {"session": session, "tokens": generate(client, session)}


def generate(client: Client, session: dict[str, Any]) -> dict[str, Any]:
    """A pair of tokens for a session, as an internal service gets it."""
    response = client.internal(
        "POST",
        "/internal/session/generate-tokens",
        session["tenant_id"],
        json={
            "session_id": session["id"],
            "tenant_id": session["tenant_id"],
            "auth_user_id": session["user_id"],
        },
    )
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens


def refresh(client: Client, token: str, **options: Any) -> httpx.Response:
    """A refresh with a token."""
    return client.request("POST", "/sessions/refresh", json={"refresh_token": token}, **options)


def bearer(client: Client, access: str, session_id: str) -> httpx.Response:
    """A look at a session with an access token."""
    return client.request("GET", f"/sessions/{session_id}", headers={"Authorization": f"Bearer {access}"})


def validate(client: Client, access: str, tenant: str = "acme", **facts: str) -> dict[str, Any]:
    """What an internal service is told of an access token."""
    response = client.internal(
        "POST", "/internal/session/validate-token", tenant, json={"access_token": access, **facts}
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def status_of(client: Client, session_id: str) -> str:
    """What an administrator is told of a session."""
    response = client.as_admin("GET", f"/sessions/{session_id}")
    assert response.status_code == 200, response.text
    status: str = response.json()["session"]["status"]
    return status
