"""The audit trail over HTTP: administrators and auditors read it, by cursor and by filters."""

from typing import Any

import pytest

from sojourn.storage.audit_chain import hash_of
from tests.http.conftest import Client
from tests.http.test_audit import CONFIG, Run, act, records, run  # noqa: F401 - a fixture


def trail(client: Client, **query: Any) -> dict[str, Any]:
    answer = client.as_user("GET", "/admin/audit", "usr_auditor", roles=["auditor"], params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_shows_each_record_once_in_order_with_all_its_members(client: Client, run: Run) -> None:  # noqa: F811
    act(client)
    found, after = [], None
    while True:
        page = trail(client, limit=2, **({} if after is None else {"after": after}))
        found += page["items"]
        after = page["next_cursor"]
        if not page["has_more"]:
            break

    exported = records(run)
    names = ("id", "at", "actor", "action", "target", "before", "after", "request_id", "hash")
    assert found == [{name: record[name] for name in names} for record in exported]
    assert len(found) == 3
    assert trail(client, after=after) == {"items": [], "next_cursor": after, "has_more": False}
    client.as_admin("DELETE", "/admin/tokens/config")
    assert [record["action"] for record in trail(client, after=after)["items"]] == ["token_config.reset"]


def test_a_reader_can_compute_the_hashes_from_the_pages_alone(client: Client) -> None:
    act(client)
    previous = ""
    for position, record in enumerate(trail(client)["items"], 1):
        whole = {**record, "tenant_id": "acme", "position": position, "previous": previous}
        assert hash_of(whole) == record["hash"]
        previous = record["hash"]


def test_filters_choose_by_action_and_by_actor_whoever_they_are_known_as(client: Client) -> None:
    act(client)
    client.as_user("DELETE", "/admin/tokens/config", "usr_second", roles=["admin"])
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_nobody"})
    every = trail(client)["items"]

    assert [one["action"] for one in trail(client, action="token_config.set")["items"]] == ["token_config.set"] * 3
    assert trail(client, actor="usr_second")["items"] == [every[3]]
    assert trail(client, actor=every[3]["actor"]["id"])["items"] == [every[3]]
    assert trail(client, actor=every[4]["actor"]["id"])["items"] == [every[4]]
    assert trail(client, actor="usr_second", action="user.erased")["items"] == []


def test_an_erased_administrator_is_found_by_the_pseudonym_only(client: Client) -> None:
    act(client)
    called = trail(client)["items"][0]["actor"]["id"]
    client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "root"})

    assert trail(client, actor="root")["items"] == []
    assert len(trail(client, actor=called)["items"]) == 3


def test_nobody_sees_the_trail_of_another_tenant(client: Client) -> None:
    act(client)
    answer = client.as_admin("GET", "/admin/audit", "noise")

    assert answer.json() == {"items": [], "next_cursor": "0", "has_more": False}


def test_a_tenant_that_is_not_there_is_404(client: Client) -> None:
    assert client.as_admin("GET", "/admin/audit", "nowhere").json()["i18n_key"] == "error.tenant_not_found"


@pytest.mark.parametrize(
    ("roles", "status"), [(["auditor"], 200), (["admin"], 200), (["security_admin"], 200), ([], 403), (["member"], 403)]
)
def test_the_roles_of_administrators_and_auditors_read_it(client: Client, roles: list[str], status: int) -> None:
    act(client)
    assert client.as_user("GET", "/admin/audit", "usr_abc123", roles=roles).status_code == status


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "9" * 19}, {"limit": 0}, {"limit": 501}, {"action": "Set"}, {"colour": "red"}]
)
def test_a_wrong_query_is_told(client: Client, query: dict[str, Any]) -> None:
    act(client)
    answer = client.as_admin("GET", "/admin/audit", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, next(iter(query)))
