"""A running service with a verifier beside it, for the tests of `sojourn_verify`."""

import time
from typing import Any

import httpx
import jwt

from sojourn_verify import Refused, Verifier
from tests.live import API_KEY, JWT_SECRET, LiveServer

TENANT = "acme"


class Beside:
    """A service, seen by its API and by a verifier that follows it."""

    def __init__(self, server: LiveServer, verifier: Verifier) -> None:
        self.server, self.verifier = server, verifier
        self.http = httpx.Client(base_url=server.url, headers={"X-API-Key": API_KEY, "X-Tenant-ID": TENANT}, timeout=60)

    def internal(self, method: str, path: str, **options: Any) -> Any:
        """The body of a successful response, as an internal service gets it."""
        response = self.http.request(method, path, **options)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def sign_in(self, user: str = "usr_ann") -> tuple[str, dict[str, str]]:
        """The id of a new session, and its first tokens."""
        created = self.internal("POST", "/internal/session/create", json={"auth_user_id": user})
        key = created["data"]["session"]["id"]
        body = {"session_id": key, "tenant_id": TENANT, "auth_user_id": user}
        return key, self.internal("POST", "/internal/session/generate-tokens", json=body)

    def end(self, session: str) -> None:
        self.internal("DELETE", f"/internal/session/{session}")

    def validated(self, token: str) -> str:
        """What the service itself has against a token, `good` for nothing."""
        body = {"access_token": token, "audience": "sojourn"}
        verdict = self.internal("POST", "/internal/session/validate-token", json=body)
        return "good" if verdict["valid"] else str(verdict["error"])

    def verified(self, token: str, *, by: Verifier | None = None) -> str:
        """What the verifier has against it."""
        try:
            (by or self.verifier).verify(token)
        except Refused as refused:
            return refused.reason
        return "good"

    def catch_up(self, *verifiers: Verifier) -> None:
        """Wait until verifiers have heard of everything that has happened so far."""
        cursor = self.internal("GET", "/internal/revocations")["cursor"]
        for verifier in verifiers or (self.verifier,):
            wait_until(lambda verifier=verifier: verifier._feed.cursor >= cursor)  # type: ignore[misc]

    def close(self) -> None:
        self.verifier.close()
        self.http.close()


def wait_until(is_so: Any, *, seconds: float = 30.0) -> None:
    """Wait until something is so. Fails after some seconds."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.01)


def administrator(tenant: str = TENANT) -> dict[str, str]:
    """The headers of a tenant's administrator."""
    claims = {"sub": "root", "tenant_id": tenant, "roles": ["admin"], "exp": time.time() + 600}
    return {"Authorization": f"Bearer {jwt.encode(claims, JWT_SECRET, algorithm='HS256')}"}
