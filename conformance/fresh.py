"""Requests that must succeed: whatever an operation refers to is created first."""

from collections.abc import Callable
from typing import Any

from sojourn.conformance.contract import Operation
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import Tenant, expect

OF_A_TRUSTED_DEVICE = ("untrust_own_device", "remove_trusted_device")
WALKED = {"list_tenant_sessions": None, "list_user_sessions": "user_id", "list_own_sessions": "auth_user_id"} | {
    "list_sessions_of_user": "user_id"
}
"""Lists whose cursor comes from a response, with the parameter that names the user where they are of one."""
AFTER_AN_EVENT = ("list_events", "stream_events")
ABOUT_SESSIONS = {
    "session_id",
    "session_ids",
    "access_token",
    "token",
    "subject_token",
    "refresh_token",
    "device_id",
} | {"except_session_id"}


def valid_request(operation: Operation, tenant: Tenant, *, optional: bool = False) -> Raw:
    """A request, credentials and all, that the operation answers with success."""
    return authorised(operation, tenant, request=operation.request(values_for(operation, tenant), optional=optional))


def authorised(operation: Operation, tenant: Tenant, *, request: Raw) -> Raw:
    """The request with the credentials that the operation asks for: the API key, or a bearer token.

    That is the administrator's, or one of a new session where the token must belong to one.
    """
    if operation.scheme == "apiKey":
        return request.with_header("X-API-Key", tenant.world.target.api_key)
    if operation.scheme == "http":
        token = tenant.sign_in().access if operation.needs_a_session else tenant.admin_token
        return request.with_header("Authorization", f"Bearer {token}")
    return request


def values_for(operation: Operation, tenant: Tenant) -> dict[str, Any]:
    """Values for the parameters and members of an operation; what they name was just created."""
    user = tenant.world.new_user()
    values: dict[str, Any] = {
        "X-Tenant-ID": tenant.id,
        "tenant_id": tenant.id,
        "user_id": user,
        "auth_user_id": user,
        "slug": "validation-failed",
    }
    needed = _names(operation)
    if needed & (ABOUT_SESSIONS | {"token_id", "entry_id"}):
        values.update(_session_values(tenant, user))
    if operation.id == "create_logout_client":
        values["client_id"] = f"client-of-{user}"
    for name, make in _MADE.items():
        if name in needed and name not in values:
            values[name] = make(tenant, user)
    if operation.id in AFTER_AN_EVENT:
        values["after"] = _cursor(tenant)
    if operation.method == "GET" and operation.path.endswith("trusted-devices"):
        _trusted_device(tenant, user)  # a list with something in it
    listed(operation, tenant, many=1)
    if operation.id == "reactivate_session":
        expect(tenant.admin("suspend_session", session_id=values["session_id"]), 200)
    if operation.id in OF_A_TRUSTED_DEVICE:
        values["device_id"] = _trusted_device(tenant, user)
    values.pop("cursor", None)
    if operation.id in WALKED:
        values["cursor"] = _place_in(tenant, operation, user=user)
    return values


def _names(operation: Operation) -> set[str]:
    members = operation.body_examples[0] if operation.body_examples else {}
    return {parameter["name"] for parameter in operation.parameters} | set(members)


def _session_values(tenant: Tenant, user: str) -> dict[str, Any]:
    device = f"dev_{user}"
    made = tenant.sign_in(user, device_id=device, device_fingerprint=f"sha256:{user}", amr=["password"])
    return {
        "session_id": made.id,
        "session_ids": [made.id],
        "except_session_id": made.id,
        "access_token": made.access,
        "token": made.access,
        "subject_token": made.access,
        "refresh_token": made.refresh,
        "device_id": device,
        "device_fingerprint": f"sha256:{user}",
    }


def _token_id(tenant: Tenant, user: str) -> str:
    return str(expect(tenant.admin("list_tokens", user_id=user), 200).json["items"][0]["id"])


def _entry_id(tenant: Tenant, user: str) -> str:
    body = {"token": f"a-token-of-{user}", "token_type": "access", "user_id": user}
    expect(tenant.service("blacklist_token", body=body), 200)
    return str(expect(tenant.admin("list_blacklisted_tokens", user_id=user), 200).json["items"][0]["id"])


def _trusted_device(tenant: Tenant, user: str) -> str:
    body = {"user_id": user, "device_fingerprint": f"sha256:trusted-{user}"}
    return str(expect(tenant.service("trust_device", body=body), 200).json["id"])


def _place_in(tenant: Tenant, operation: Operation, *, user: str) -> str:
    """Behind the newest session of a list, of the tenant or of a user: there is always one more."""
    for _ in range(2):
        tenant.sign_in(user)
    named = WALKED[operation.id]
    ask = tenant.service if operation.scheme == "apiKey" else tenant.admin
    page = expect(ask(operation.id, limit=1, **({} if named is None else {named: user})), 200).json
    return str(page["pagination"]["next_cursor"])


def _cursor(tenant: Tenant) -> str:
    """Behind the oldest event that is kept: there is always one more, so nobody waits."""
    for _ in range(2):
        tenant.sign_in()
    return str(expect(tenant.service("list_events", limit=1), 200).json["next_cursor"])


def _list_id(tenant: Tenant, user: str) -> str:
    """A status list that is there; a name of none where the server has no lists."""
    tenant.sign_in(user)
    found = expect(tenant.anyone("list_status_lists"), 200).json["status_lists"]
    return str(found[0]).rpartition("/")[2] if found else "no-such-list"


def _webhook_id(tenant: Tenant, user: str) -> str:
    """An endpoint that is sent nothing: its name leads nowhere, and it is disabled."""
    body = {"url": "https://hooks.example.com/sojourn", "events": ["policy.changed"], "enabled": False}
    return str(expect(tenant.admin("create_webhook", body=body), 201).json["id"])


def _client_id(tenant: Tenant, user: str) -> str:
    """An application that is sent nothing, under a client id of its own."""
    body = {"client_id": f"Client-Of-{user}", "uri": "https://shop.example.com/logout", "enabled": False}
    return str(expect(tenant.admin("create_logout_client", body=body), 201).json["client_id"])


def _plan_id(tenant: Tenant, user: str) -> str:
    """A plan of one user's sessions."""
    body = {"filter": {"user_id": user}, "reason": "drill"}
    return str(expect(tenant.admin("create_revocation_plan", body=body), 201).json["plan_id"])


def _revocation_id(tenant: Tenant, user: str) -> str:
    """A plan of nobody's sessions, applied."""
    begun = expect(tenant.admin("apply_revocation_plan", plan_id=_plan_id(tenant, f"{user}-nobody")), 202).json
    return str(begun["revocation_id"])


LISTED = {"list_webhooks": "webhook_id", "list_logout_clients": "client_id"}
"""Lists of what administrators make, with the name of one."""


def listed(operation: Operation, tenant: Tenant, *, many: int) -> None:
    """Let there be so many more of what a list of a tenant shows, where an administrator makes it."""
    if operation.id in LISTED:
        for _ in range(many):
            _MADE[LISTED[operation.id]](tenant, tenant.world.new_user())


_MADE: dict[str, Callable[[Tenant, str], str]] = {
    "token_id": _token_id,
    "entry_id": _entry_id,
    "list_id": _list_id,
    "webhook_id": _webhook_id,
    "client_id": _client_id,
    "plan_id": _plan_id,
    "revocation_id": _revocation_id,
}
