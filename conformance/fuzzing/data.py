"""Data that exists: what is created before a run starts, so that no operation meets only 404s."""

from dataclasses import dataclass

from sojourn.conformance.world import Tenant, World, expect

SESSIONS = 12
BLACKLISTED = 12
FEW = 4
FINGERPRINTS = ("sha256:a1b2c3d4", "sha256:e5f6a7b8")


@dataclass(frozen=True, slots=True)
class Filling:
    """The user that every tenant has, and the values of the first tenant that the generator should draw from."""

    user: str
    values: dict[str, list[str]]


def fill(world: World) -> Filling:
    """Create sessions and trusted devices in the tenants.

    All tenants hold the same user, devices and fingerprints: whatever crosses over is seen.
    """
    user = world.new_user()
    filled = [_fill_tenant(tenant, user) for tenant in (world.first, world.second) if tenant is not None]
    return Filling(user, filled[0])


def _fill_tenant(tenant: Tenant, user: str) -> dict[str, list[str]]:
    made = [
        tenant.sign_in(user, device_id=f"dev_{number}", amr=["password"], ip="192.0.2.7") for number in range(SESSIONS)
    ]
    for fingerprint in FINGERPRINTS:
        expect(tenant.service("trust_device", body={"user_id": user, "device_fingerprint": fingerprint}), 200)
    for number in range(BLACKLISTED):
        body = {"token": f"a-token-of-{user}-{number}", "token_type": "access", "user_id": user}
        expect(tenant.service("blacklist_token", body=body), 200)
    return {
        "tenants": [tenant.id],
        "users": [user],
        "fingerprints": list(FINGERPRINTS),
        "sessions": [item.id for item in made],
        "refresh_tokens": [item.refresh for item in made],
        "access_tokens": [item.access for item in made],
        "devices": [f"dev_{number}" for number in range(SESSIONS)],
        "tokens": _ids(tenant, "list_tokens"),
        "blacklist_entries": _ids(tenant, "list_blacklisted_tokens"),
        "problem_types": ["validation-failed", "session-not-found"],
        "status_lists": [
            uri.rpartition("/")[2] for uri in expect(tenant.anyone("list_status_lists"), 200).json["status_lists"]
        ]
        or ["no-such-list"],
        "webhooks": [_webhook(tenant) for _ in range(FEW)],
        "plans": [_plan(tenant, f"nobody-{number}-{user}") for number in range(FEW)],
        "revocations": [_revocation(tenant, f"nobody-{user}")],
        "logout_clients": [_logout_client(tenant, f"client-of-{user}-{number}") for number in range(FEW)],
        "cursors": [expect(tenant.service("list_events", limit=1), 200).json["next_cursor"]],
        "waits": ["0s", "1s"],
    }


def _ids(tenant: Tenant, operation_id: str) -> list[str]:
    """The ids of what a list of the tenant shows."""
    return [item["id"] for item in expect(tenant.admin(operation_id), 200).json["items"]]


def _webhook(tenant: Tenant) -> str:
    """An endpoint that is sent nothing."""
    body = {"url": "https://hooks.example.com/sojourn", "events": ["policy.changed"], "enabled": False}
    return str(expect(tenant.admin("create_webhook", body=body), 201).json["id"])


def _plan(tenant: Tenant, user: str) -> str:
    """A plan of a user who has no sessions."""
    body = {"filter": {"user_id": user}, "reason": "drill"}
    return str(expect(tenant.admin("create_revocation_plan", body=body), 201).json["plan_id"])


def _revocation(tenant: Tenant, user: str) -> str:
    """A plan that was applied and ended nothing."""
    return str(expect(tenant.admin("apply_revocation_plan", plan_id=_plan(tenant, user)), 202).json["revocation_id"])


def _logout_client(tenant: Tenant, client_id: str) -> str:
    """An application that is sent nothing."""
    body = {"client_id": client_id, "uri": "https://shop.example.com/logout", "enabled": False}
    return str(expect(tenant.admin("create_logout_client", body=body), 201).json["client_id"])
