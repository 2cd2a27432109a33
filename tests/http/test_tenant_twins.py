"""Two tenants with the same users, devices and fingerprints never see or change each other's rows.

Every operation of the contract is called as one tenant with whatever ids belong to the other. The other's rows stay
as they are, and nothing that only the other has is in the answer.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlmodel import SQLModel

from sojourn.conformance.contract import Operation
from sojourn.conformance.wire import Raw
from tests.http.conftest import API_KEY, Client
from tests.strictness.requests import OPERATIONS, to_bytes, valid_request

Sql = Callable[[str], list[tuple[Any, ...]]]

VICTIM, TWIN = "acme", "globex"
ADDRESS = {VICTIM: "192.0.2.11", TWIN: "198.51.100.22"}
SHARED = {"user_id": "usr_abc123", "auth_user_id": "usr_abc123", "device_id": "dev_abc123", "slug": "internal"}
FINGERPRINT = "sha256:a1b2c3d4"
HOLDS_ITS_OWN_CREDENTIAL = {"refresh_tokens", "rotate_access_token"}
"""Operations whose refresh token says which tenant it is of: a bearer token of the twin beside it is refused."""


def populate(client: Client, tenant: str) -> dict[str, Any]:
    """One of everything in a tenant; the ids that were minted."""
    facts = {
        "username": f"name-in-{tenant}",
        "device_id": SHARED["device_id"],
        "device_fingerprint": FINGERPRINT,
        "ip": ADDRESS[tenant],
        "user_agent": f"agent of {tenant}",
    }
    body = {"auth_user_id": SHARED["user_id"], **facts}
    created = client.internal("POST", "/internal/session/create", tenant, json=body).json()["data"]
    session, tokens = created["session"], created["tokens"]
    device = client.internal(
        "POST",
        "/internal/session/trusted-devices",
        tenant,
        json={"user_id": SHARED["user_id"], "device_fingerprint": FINGERPRINT, "device_name": f"device of {tenant}"},
    ).json()
    spare = client.internal("POST", "/internal/session/create", tenant, json=body).json()["data"]["tokens"]
    refused = {"token": spare["access_token"], "token_type": "access", "user_id": SHARED["user_id"]}
    assert client.internal("POST", "/internal/session/blacklist-token", tenant, json=refused).status_code == 200
    client.internal("POST", f"/internal/session/{session['id']}/usage", tenant)
    entry = client.as_admin("GET", "/admin/tokens/blacklist", tenant).json()["items"][0]
    token = client.as_admin("GET", "/admin/tokens", tenant).json()["items"][0]
    hook = {
        "url": f"https://hooks.example.com/{tenant}",
        "events": ["session.ended"],
        "description": f"hook of {tenant}",
    }
    application = {"client_id": f"shop-of-{tenant}", "uri": f"https://shop.example.com/{tenant}"}
    assert client.as_admin("POST", "/admin/logout-clients", tenant, json=application).status_code == 201
    return {
        "client_id": application["client_id"],
        "webhook_id": client.as_admin("POST", "/admin/webhooks", tenant, json=hook).json()["id"],
        "session_id": session["id"],
        "session_ids": [session["id"]],
        "access_token": tokens["access_token"],
        "token": tokens["access_token"],
        "subject_token": tokens["access_token"],
        "refresh_token": tokens["refresh_token"],
        "entry_id": entry["id"],
        "token_id": token["id"],
        "trusted": device["id"],
        "token_hash": entry["token_hash"],
    }


def marks(tenant: str, ids: dict[str, Any]) -> set[str]:
    """What only this tenant has."""
    minted = {value for value in ids.values() if isinstance(value, str)}
    return {*minted, ids["session_id"].removeprefix("sess_"), ADDRESS[tenant], f"agent of {tenant}",
            f"name-in-{tenant}", f"device of {tenant}", f"hook of {tenant}"}  # fmt: skip


def rows_of(tenant: str, sql: Sql) -> dict[str, list[Any]]:
    """Every row of a tenant, by table. PostgreSQL numbers events a moment after they were committed."""
    found = {}
    for table in SQLModel.metadata.sorted_tables:
        if "tenant_id" in table.columns:
            names = [column.name for column in table.columns if (table.name, column.name) != ("events", "number")]
            selected = f"SELECT {', '.join(names)} FROM {table.name} WHERE tenant_id = '{tenant}'"
            found[table.name] = sorted(map(repr, sql(selected)))
    return found


def as_twin(operation: Operation, client: Client, ids: dict[str, Any]) -> Raw:
    """The operation as the twin's administrator or service, with the victim's ids."""
    known = {**SHARED, **ids, "device_fingerprint": FINGERPRINT, "X-Tenant-ID": TWIN, "tenant_id": TWIN}
    if "trusted" in operation.id:
        known["device_id"] = ids["trusted"]
    if operation.needs_a_session:
        del known["access_token"]  # which is the victim's own credential
    token = client.token("root", TWIN, ["admin"])
    request = valid_request(operation, {"api_key": API_KEY, "token": token}, known)
    if any(parameter["name"] == "X-Tenant-ID" for parameter in operation.named("header")):
        request = request.with_header("X-Tenant-ID", TWIN)  # also where a key without it speaks for all of its tenants
    if operation.id in HOLDS_ITS_OWN_CREDENTIAL:
        return request.with_header("Authorization", f"Bearer {token}")
    return request


def send(client: Client, request: Raw) -> httpx.Response:
    query = "&".join(f"{name}={value}" for name, value in request.query)
    address = request.path + ("?" + query if query else "")
    return client.request(request.method, address, headers=dict(request.headers), content=request.body)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
def test_nothing_crosses_between_twins(operation: Operation, client: Client, sql: Sql) -> None:
    victim, _ = populate(client, VICTIM), populate(client, TWIN)
    before = rows_of(VICTIM, sql)
    assert all(before[table] for table in ("sessions", "users", "issued_tokens", "blacklist", "trusted_devices"))
    request = as_twin(operation, client, victim)

    response = send(client, request)

    assert response.status_code < 500
    assert rows_of(VICTIM, sql) == before
    sent = to_bytes(0, request).decode("latin-1")
    assert {mark for mark in marks(VICTIM, victim) if mark in response.text and mark not in sent} == set()
    if {"{session_id}", "{token_id}", "{entry_id}", "{webhook_id}", "{client_id}"} & {
        "{" + p["name"] + "}" for p in operation.named("path")
    }:
        assert response.status_code == 404, "that it exists elsewhere must not be told"
    if operation.id in HOLDS_ITS_OWN_CREDENTIAL:
        assert response.status_code == 403


def test_the_twin_itself_sees_its_own(client: Client) -> None:
    populate(client, VICTIM)
    twin = populate(client, TWIN)

    for path in ("/admin/sessions", "/admin/tokens", "/admin/trusted-devices?user_id=usr_abc123"):
        answer = client.as_admin("GET", path, TWIN)
        assert answer.status_code == 200
        assert ADDRESS[TWIN] in answer.text or f"device of {TWIN}" in answer.text
    assert client.as_admin("GET", f"/sessions/{twin['session_id']}", TWIN).status_code == 200


def test_a_token_of_the_victim_says_nothing_in_the_twin(client: Client) -> None:
    victim, _ = populate(client, VICTIM), populate(client, TWIN)
    token = victim["access_token"]

    validated = client.internal("POST", "/internal/session/validate-token", TWIN, json={"access_token": token})
    introspected = client.as_admin("POST", "/admin/tokens/introspect", TWIN, json={"token": token})

    assert validated.json()["valid"] is False
    assert "claims" not in validated.json()
    assert introspected.json() == {"active": False}
