"""A tenant is made by the first write that keeps anything of it; where tenants are provisioned, nothing is kept before.

Every operation of the contract is the first that a tenant ever sees.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import SQLModel

from sojourn.conformance.contract import Operation
from tests.http.conftest import API_KEY, Client
from tests.http.test_tenant_twins import send
from tests.strictness.requests import OPERATIONS, valid_request

Sql = Callable[[str], list[tuple[Any, ...]]]
TENANT = "newcomer"
KNOWN = {
    "user_id": "usr_abc123",
    "auth_user_id": "usr_abc123",
    "device_id": "dev_abc123",
    "slug": "internal",
    "session_id": "sess_01890a5d-ac96-774b-bcce-b302099a8057",
    "token_id": "tok_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "entry_id": "bl_01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "device_fingerprint": "f",
    "token": "opaque",
    "access_token": "opaque",
    "subject_token": "opaque",
    "refresh_token": "rt_opaque",
    "X-Tenant-ID": TENANT,
    "tenant_id": TENANT,
}
MAKES_A_TENANT = {"create_session", "start_session", "trust_device", "trust_own_device", "blacklist_token"}


def tables_with_rows(sql: Sql) -> set[str]:
    """The tables that keep anything of the tenant."""
    tables = [table.name for table in SQLModel.metadata.sorted_tables if "tenant_id" in table.columns]
    each = (f"SELECT '{table}' FROM {table} WHERE tenant_id = '{TENANT}'" for table in tables)
    return {table for (table,) in sql(" UNION ".join(each))}


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
@pytest.mark.parametrize("provisioned", ["false", "true"])
def test_whatever_is_kept_of_a_tenant_its_row_is_there(
    operation: Operation, provisioned: str, start: Callable[..., Client], sql: Sql
) -> None:
    client = start(SOJOURN_TENANTS_PROVISIONED=provisioned)
    credentials = {"api_key": API_KEY, "token": client.token("root", TENANT, ["admin"])}

    response = send(client, valid_request(operation, credentials, KNOWN))

    kept = tables_with_rows(sql)
    exists = bool(sql(f"SELECT 1 FROM tenants WHERE id = '{TENANT}'"))
    assert response.status_code < 500, response.text
    assert exists == bool(kept), kept
    assert exists == (provisioned == "false" and operation.id in MAKES_A_TENANT), response.text
    if provisioned == "true" and operation.id in MAKES_A_TENANT:
        assert response.status_code == 404


def test_an_entry_of_a_new_tenants_blacklist_is_listed(start: Callable[..., Client]) -> None:
    client = start()
    body = {"token": "opaque", "token_type": "access", "user_id": "u"}

    added = client.internal("POST", "/internal/session/blacklist-token", TENANT, json=body)

    assert added.status_code == 200
    assert client.as_admin("GET", "/admin/tokens/blacklist", TENANT).json()["total"] == 1
