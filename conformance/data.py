"""Data that exists: what the run creates before it starts, so that no operation meets only 404s."""

from conformance.server import TENANTS, USER, Target, post

SESSIONS_A_TENANT = 6
FINGERPRINTS = ("sha256:a1b2c3d4", "sha256:e5f6a7b8")


def fill(target: Target) -> dict[str, list[str]]:
    """Create sessions and trusted devices in both tenants; the values the generator should draw from.

    Both tenants hold the same users, devices and fingerprints: whatever crosses over is seen.
    """
    sessions: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
    for tenant in TENANTS:
        for number in range(SESSIONS_A_TENANT):
            body = {"auth_user_id": USER, "device_id": f"dev_{number}", "amr": ["password"], "ip": "192.0.2.7"}
            answer = post(target, tenant, "/internal/session/create", body)
            sessions[tenant].append(answer["data"]["session"]["id"])
        for fingerprint in FINGERPRINTS:
            body = {"user_id": USER, "device_fingerprint": fingerprint}
            post(target, tenant, "/internal/session/trusted-devices", body)
    return {
        "tenants": list(TENANTS[:1]),
        "users": [USER],
        "fingerprints": list(FINGERPRINTS),
        "sessions": sessions[TENANTS[0]],
        "problem_types": ["validation-failed", "session-not-found"],
    }
