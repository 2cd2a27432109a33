"""Data that exists: what the run creates before it starts, so that no operation meets only 404s."""

from conformance.server import TENANTS, USER, Target, get, post

SESSIONS_A_TENANT = 12
BLACKLISTED_TOKENS = 12
FINGERPRINTS = ("sha256:a1b2c3d4", "sha256:e5f6a7b8")


def fill(target: Target) -> dict[str, list[str]]:
    """Create sessions and trusted devices in both tenants; the values the generator should draw from.

    Both tenants hold the same users, devices and fingerprints: whatever crosses over is seen.
    """
    sessions: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
    pairs: dict[str, list[dict[str, str]]] = {tenant: [] for tenant in TENANTS}
    for tenant in TENANTS:
        for number in range(SESSIONS_A_TENANT):
            body = {"auth_user_id": USER, "device_id": f"dev_{number}", "amr": ["password"], "ip": "192.0.2.7"}
            answer = post(target, tenant, "/internal/session/create", body)
            sessions[tenant].append(answer["data"]["session"]["id"])
            pairs[tenant].append(answer["data"]["tokens"])
        for fingerprint in FINGERPRINTS:
            body = {"user_id": USER, "device_fingerprint": fingerprint}
            post(target, tenant, "/internal/session/trusted-devices", body)
        for number in range(BLACKLISTED_TOKENS):
            body = {"token": f"a-token-of-somebody-{number}", "token_type": "access", "user_id": USER}
            post(target, tenant, "/internal/session/blacklist-token", body)
    return {
        "tenants": list(TENANTS[:1]),
        "users": [USER],
        "fingerprints": list(FINGERPRINTS),
        "sessions": sessions[TENANTS[0]],
        "refresh_tokens": [pair["refresh_token"] for pair in pairs[TENANTS[0]]],
        "access_tokens": [pair["access_token"] for pair in pairs[TENANTS[0]]],
        "devices": [f"dev_{number}" for number in range(SESSIONS_A_TENANT)],
        "tokens": _ids(target, "/admin/tokens"),
        "blacklist_entries": _ids(target, "/admin/tokens/blacklist"),
        "problem_types": ["validation-failed", "session-not-found"],
    }


def _ids(target: Target, path: str) -> list[str]:
    """The ids of what a list of the first tenant shows."""
    return [item["id"] for item in get(target, TENANTS[0], path)["items"]]
