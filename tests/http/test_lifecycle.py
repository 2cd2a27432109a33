"""A session from its creation to its end, in each of the three roles: every read agrees with every other, on time."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.http.conftest import Client, FrozenClock

TENANT, USER = "lifecycle", "usr_ada"
IDLE_HOURS, ABSOLUTE_HOURS, RETENTION_HOURS = 4, 24, 720


@dataclass
class Story:
    """One session and what its holder has in hand."""

    client: Client
    session: dict[str, Any]
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        session_id: str = self.session["id"]
        return session_id

    def as_holder(self, method: str, path: str, **options: Any) -> Any:
        """A request with the session's own access token."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return self.client.request(method, path, headers=headers, **options)


def get(client: Client, path: str) -> dict[str, Any]:
    response = client.as_admin("GET", path, TENANT)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def internal(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    response = client.internal(method, path, TENANT, **({} if body is None else {"json": body}))
    assert response.status_code < 300, response.text
    answer: dict[str, Any] = response.json()
    return answer


def assert_every_read_says(story: Story, status: str, *, kept: bool = True) -> None:
    """What every read of the service says of the tenant's only session."""
    client, active = story.client, int(status == "active")
    stats = get(client, "/admin/sessions/stats")
    counts = {name: stats[f"{name}_sessions"] for name in ("active", "expired", "revoked")}
    assert counts == {name: int(name == status and kept) for name in counts}
    assert stats["total_sessions"] == sum(counts.values()) == sum(stats["device_breakdown"].values())
    numbers = [
        get(client, "/admin/sessions/active-count")["count"],
        internal(client, "GET", f"/internal/session/sessions/{USER}/active")["session_count"],
        internal(client, "GET", f"/internal/session/sessions/{USER}")["total"],
        get(client, "/api/sessions/all")["total"],
        get(client, f"/sessions?auth_user_id={USER}")["total"],
        get(client, f"/sessions/user/{USER}/sessions")["total"],
        get(client, "/admin/sessions?status=active")["total"],
        len(get(client, "/api/sessions/all")["sessions"]),
    ]
    assert numbers == [active] * len(numbers)
    assert get(client, "/admin/sessions")["total"] == int(kept)
    assert get(client, f"/admin/sessions?status={status}")["total"] == int(kept)
    export = internal(client, "POST", "/internal/session/export-user-data", {"user_id": USER})
    assert [session["status"] for session in export["sessions"]] == ([status] if kept else [])
    shown = client.as_admin("GET", f"/sessions/{story.id}", TENANT)
    assert shown.status_code == (200 if kept else 404)
    if kept:
        assert shown.json()["session"]["status"] == status
        verdict = client.as_admin("POST", f"/sessions/{story.id}/validate", TENANT).json()
        assert verdict["valid"] is (status == "active")
    assert_its_tokens_are(story, good=bool(active))


def assert_its_tokens_are(story: Story, *, good: bool) -> None:
    """The session's access token is good everywhere, or nowhere."""
    access = story.tokens["access_token"]
    body = {"access_token": access}
    assert internal(story.client, "POST", "/internal/session/validate-token", body)["valid"] is good
    introspected = story.client.as_admin("POST", "/admin/tokens/introspect", TENANT, json={"token": access})
    assert introspected.json()["active"] is good
    assert story.as_holder("GET", f"/sessions/{story.id}").status_code == (200 if good else 401)
    if not good:
        refreshed = story.client.request(
            "POST", "/sessions/refresh", json={"refresh_token": story.tokens["refresh_token"]}
        )
        assert refreshed.status_code in (401, 404)
        exchanged = story.client.as_admin(
            "POST",
            "/admin/tokens/exchange",
            TENANT,
            json={"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": access},
        )
        assert exchanged.status_code == 400


def renew(story: Story) -> None:
    """Take the next pair of tokens, as clients do before the access token ends."""
    response = story.client.request("POST", "/sessions/refresh", json={"refresh_token": story.tokens["refresh_token"]})
    assert response.status_code == 200, response.text
    story.tokens = response.json()


def assert_it_leaves_after_its_retention(story: Story, clock: FrozenClock) -> None:
    status = get(story.client, f"/sessions/{story.id}")["session"]["status"]
    assert purge(story.client) == "0 sessions deleted"
    clock.advance(hours=RETENTION_HOURS + ABSOLUTE_HOURS)
    assert purge(story.client) == "1 sessions deleted"
    assert_every_read_says(story, status, kept=False)
    assert purge(story.client) == "0 sessions deleted"


def purge(client: Client) -> str:
    message: str = client.as_admin("DELETE", "/admin/sessions/expired", TENANT).json()["message"]
    return message


def test_an_internal_service_creates_uses_and_ends_a_session(client: Client, clock: FrozenClock) -> None:
    data = internal(client, "POST", "/internal/session/create", {"auth_user_id": USER, "amr": ["password"]})["data"]
    story = Story(client, data["session"], data["tokens"])
    assert_every_read_says(story, "active")

    internal(client, "POST", f"/internal/session/{story.id}/usage")
    internal(client, "POST", f"/internal/session/{story.id}/usage")
    clock.advance(hours=3)
    usage = internal(client, "GET", f"/internal/session/{story.id}/usage")["usage"]
    assert usage == [{"day": "2026-04-15", "count": 2}]
    renew(story)
    assert_every_read_says(story, "active")

    body = {"session_id": story.id, "tenant_id": TENANT, "auth_user_id": USER}
    story.tokens = internal(client, "POST", "/internal/session/generate-tokens", body)
    assert_every_read_says(story, "active")

    assert internal(client, "DELETE", f"/internal/session/session/user/{USER}")["message"] == "1 sessions revoked"
    assert_every_read_says(story, "revoked")
    assert client.internal("POST", f"/internal/session/{story.id}/usage", TENANT).status_code == 404
    assert internal(client, "DELETE", f"/internal/session/session/user/{USER}")["message"] == "0 sessions revoked"
    assert_every_read_says(story, "revoked")
    exported = internal(client, "POST", "/internal/session/export-user-data", {"user_id": USER})["sessions"][0]
    assert exported["revoked_at"] == "2026-04-15T11:00:00.000Z"
    assert exported["revoke_reason"] == "unspecified"
    assert_it_leaves_after_its_retention(story, clock)


def test_a_user_starts_upgrades_keeps_and_ends_a_session(client: Client, clock: FrozenClock) -> None:
    body = {"auth_user_id": USER, "amr": ["password"], "device_fingerprint": "fp", "os": "Debian 12"}
    attested = client.token(USER, TENANT, amr=["password"], device_fingerprint="fp", os="Debian 12")
    response = client.request("POST", "/sessions", json=body, headers={"Authorization": f"Bearer {attested}"})
    assert response.status_code == 201, response.text
    story = Story(client, response.json()["session"], response.json()["tokens"])
    assert_every_read_says(story, "active")

    assert story.as_holder("POST", f"/sessions/{story.id}/upgrade-mfa").status_code == 403
    proof = {"Authorization": f"Bearer {client.token(USER, TENANT, amr=['password', 'otp'])}"}
    upgraded = client.request("POST", f"/sessions/{story.id}/upgrade-mfa", headers=proof)
    assert upgraded.json() == {
        "message": "session MFA status upgraded", "mfa_verified": True, "session_id": story.id
    }  # fmt: skip
    assert story.as_holder("GET", f"/sessions/{story.id}").status_code == 401
    renew(story)
    assert story.as_holder("GET", f"/sessions/{story.id}").json()["session"]["amr"] == "password,mfa"
    claims = internal(
        client, "POST", "/internal/session/validate-token", {"access_token": story.tokens["access_token"]}
    )
    assert claims["claims"]["amr"] == ["password", "mfa"]

    assert story.as_holder("POST", "/trusted-devices", json={"device_fingerprint": "fp"}).status_code == 200
    (device,) = story.as_holder("GET", "/trusted-devices").json()["items"]
    assert device["os"] == "Debian 12"
    assert story.as_holder("DELETE", f"/trusted-devices/{device['id']}").status_code == 200
    assert story.as_holder("GET", "/trusted-devices").json()["total"] == 0

    for _ in range(3):
        clock.advance(hours=IDLE_HOURS, milliseconds=-1)
        renew(story)
        assert story.as_holder("POST", f"/sessions/{story.id}/activity").status_code == 200
        assert_every_read_says(story, "active")

    assert story.as_holder("DELETE", f"/sessions/{story.id}", json={"reason": "left"}).status_code == 204
    assert_every_read_says(story, "revoked")
    record = get(client, f"/sessions/{story.id}")["session"]
    assert (record["revoked_by"], record["revoke_reason"]) == (USER, "left")
    assert_it_leaves_after_its_retention(story, clock)


def test_an_administrator_starts_watches_and_ends_a_session(client: Client, clock: FrozenClock) -> None:
    body = {"auth_user_id": USER, "role": "auditor", "device_id": "dev_1", "ip": "192.0.2.9"}
    response = client.as_admin("POST", "/sessions", TENANT, json=body)
    assert response.status_code == 201, response.text
    story = Story(client, response.json()["session"], response.json()["tokens"])
    assert_every_read_says(story, "active")

    issued = get(client, f"/admin/tokens?user_id={USER}&status=active")
    assert {token["token_type"] for token in issued["items"]} == {"access", "refresh"}
    risk = get(client, f"/admin/sessions/risk-score?session_id={story.id}")
    assert risk["session_id"] == story.id
    assert get(client, "/admin/devices/dev_1/risk")["active_sessions"] == 1
    exchanged = client.as_admin(
        "POST",
        "/admin/tokens/exchange",
        TENANT,
        json={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": story.tokens["access_token"],
            "audience": "reports",
        },
    ).json()
    assert exchanged["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"

    answer = client.as_admin(
        "DELETE",
        "/admin/sessions/bulk",
        TENANT,
        json={"session_ids": [story.id, story.id, "sess_abc123"], "reason": "audit"},
    ).json()
    assert answer == {"succeeded": [story.id], "failed": ["sess_abc123"], "total": 2}
    assert_every_read_says(story, "revoked")
    for token in (exchanged["access_token"], story.tokens["access_token"]):
        assert client.as_admin("POST", "/admin/tokens/introspect", TENANT, json={"token": token}).json() == {
            "active": False
        }
    again = client.as_admin("POST", "/admin/sessions/bulk-revoke", TENANT, json={"session_ids": [story.id]}).json()
    assert again == {"succeeded": [], "failed": [story.id], "total": 1}
    record = get(client, "/admin/sessions?status=revoked")["items"][0]
    assert (record["revoked_by"], record["revoke_reason"]) == ("root", "audit")
    assert_it_leaves_after_its_retention(story, clock)


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "absolute"])
def test_a_session_expires_everywhere_at_its_deadline_and_not_before(
    client: Client, clock: FrozenClock, idle: bool
) -> None:
    data = internal(client, "POST", "/internal/session/create", {"auth_user_id": USER})["data"]
    story = Story(client, data["session"], data["tokens"])
    if not idle:
        for _ in range(ABSOLUTE_HOURS // 3 - 1):
            clock.advance(hours=3)
            renew(story)
            assert story.as_holder("POST", f"/sessions/{story.id}/activity").status_code == 200
    clock.advance(hours=IDLE_HOURS if idle else 3, milliseconds=-1)
    renew(story)
    assert_every_read_says(story, "active")

    clock.advance(milliseconds=1)

    assert_every_read_says(story, "expired")
    assert story.as_holder("POST", f"/sessions/{story.id}/activity").status_code == 401
    assert_it_leaves_after_its_retention(story, clock)
