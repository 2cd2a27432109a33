"""API keys and tenants, managed over HTTP with a key that has the scope `manage`."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sojourn.domain.api_keys import mint_api_key
from tests.http.conftest import API_KEY, Client
from tests.http.test_audit import Run, records, run  # noqa: F401 - a fixture
from tests.http.test_scopes import stored

Ask = Callable[..., httpx.Response]
LOOKUP = "/internal/session/sessions/usr_abc123"


@pytest.fixture
def manage(client: Client, database_url: str) -> Ask:
    """Requests with a key that may manage, or with another one: `manage("GET", path, key=...)`."""
    manager = stored(database_url, scopes=["manage"]).text

    def ask(method: str, path: str, *, key: str = manager, **options: Any) -> httpx.Response:
        headers = {"X-API-Key": key, **options.pop("headers", {})}
        return client.request(method, path, headers=headers, **options)

    return ask


def made(manage: Ask, key: str | None = None, **members: Any) -> dict[str, Any]:
    """A new key as its answer shows it."""
    by = {} if key is None else {"key": key}
    answer = manage("POST", "/admin/api-keys", json={"name": "login-service", **members}, **by)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def status(client: Client, key: str, tenant: str = "acme") -> int:
    return client.internal("GET", LOOKUP, tenant, headers={"X-API-Key": key}).status_code


def test_a_key_that_was_made_is_good_at_once_for_what_was_asked(client: Client, manage: Ask) -> None:
    shown = made(manage, scopes=["sessions:read"], tenants=["acme"], expires_in="1h")

    assert shown["key"].startswith(shown["prefix"] + "_")
    assert shown["prefix"] == "sj_" + shown["id"]
    assert (shown["scopes"], shown["tenants"], shown["state"]) == (["sessions:read"], ["acme"], "good")
    assert [status(client, shown["key"]), status(client, shown["key"], "globex")] == [200, 403]
    assert client.internal("DELETE", "/internal/session/session/user/u", headers={"X-API-Key": shown["key"]}).json()[
        "i18n_args"
    ] == {"scope": "sessions:write"}
    client.clock.advance(hours=1)
    assert status(client, shown["key"]) == 401


def test_the_key_is_shown_once_and_its_secret_is_nowhere_else(manage: Ask, run: Run) -> None:  # noqa: F811
    shown = made(manage)
    again = manage("POST", f"/admin/api-keys/{shown['id']}/rotate").json()

    told = manage("GET", "/admin/api-keys").text + run("export").stdout
    assert shown["id"] in told
    for key in (shown["key"], again["key"]):
        assert key.removeprefix(shown["prefix"] + "_") not in told


def test_a_key_without_scopes_has_all_but_manage(manage: Ask) -> None:
    assert made(manage)["scopes"] == ["erase", "events", "sessions:read", "sessions:write", "tokens"]


def test_after_a_rotation_both_secrets_are_good_until_the_overlap_is_over(client: Client, manage: Ask) -> None:
    first = made(manage)
    second = manage("POST", f"/admin/api-keys/{first['id']}/rotate", json={"overlap": "30m"}).json()

    assert second["id"] == first["id"]
    assert [status(client, first["key"]), status(client, second["key"])] == [200, 200]
    client.clock.advance(minutes=30)
    assert [status(client, first["key"]), status(client, second["key"])] == [401, 200]
    third = manage("POST", f"/admin/api-keys/{first['id']}/rotate", json={"overlap": "0s"}).json()
    assert [status(client, second["key"]), status(client, third["key"])] == [401, 200]


def test_without_a_body_the_overlap_is_a_day(client: Client, manage: Ask) -> None:
    first = made(manage)
    manage("POST", f"/admin/api-keys/{first['id']}/rotate")
    client.clock.advance(hours=23, minutes=59)
    assert status(client, first["key"]) == 200
    client.clock.advance(minutes=1)
    assert status(client, first["key"]) == 401


def test_a_revoked_key_is_refused_at_once_and_cannot_be_rotated(client: Client, manage: Ask) -> None:
    shown = made(manage)
    path = f"/admin/api-keys/{shown['id']}"
    assert [manage("DELETE", path).status_code for _ in range(2)] == [204, 204]

    assert status(client, shown["key"]) == 401
    assert manage("POST", path + "/rotate").json()["i18n_key"] == "error.api_key_not_found"
    listed = {key["id"]: key["state"] for key in manage("GET", "/admin/api-keys").json()["items"]}
    assert listed[shown["id"]] == "revoked"


def test_an_unknown_key_is_404(manage: Ask) -> None:
    path = f"/admin/api-keys/{mint_api_key.__name__.encode().hex()[:24]:0<32}"
    assert [manage("DELETE", path).status_code, manage("POST", path + "/rotate").status_code] == [404, 404]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "n", "scopes": []}, "scopes"),
        ({"name": "n", "scopes": ["session:read"]}, "scopes[0]"),
        ({"name": "n", "tenants": ["a b"]}, "tenants[0]"),
        ({"name": "n", "expires_in": "0s"}, "expires_in"),
        ({"name": "n", "expires_in": "999999999h"}, "expires_in"),
        ({"name": "n", "colour": "red"}, "colour"),
    ],
)
def test_a_key_that_is_asked_for_wrongly_is_told_where(manage: Ask, body: dict[str, Any], field: str) -> None:
    answer = manage("POST", "/admin/api-keys", json=body)

    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_lists_go_on_where_they_ended_and_show_everything_once(manage: Ask) -> None:
    ids = sorted(made(manage)["id"] for _ in range(5))  # all in one millisecond
    tenants = sorted(["noise", "one", "three", "two"])
    for tenant in tenants[1:]:
        assert manage("POST", "/admin/tenants", json={"tenant_id": tenant, "name": tenant.title()}).status_code == 201

    for path, name, expected in (("/admin/api-keys", "id", ids), ("/admin/tenants", "tenant_id", tenants)):
        found: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = manage("GET", path, params=query).json()
            assert len(page["items"]) <= 2
            assert page["has_more"] == ("next_cursor" in page)
            found += [item[name] for item in page["items"]]
            if not page["has_more"]:
                break
            query["after"] = page["next_cursor"]
        assert len(found) == len(set(found))
        assert [item for item in found if item in expected] == expected


def test_a_tenant_is_made_once(client: Client, manage: Ask) -> None:
    answers = [manage("POST", "/admin/tenants", json={"tenant_id": "initech"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert answers[1].json()["i18n_key"] == "error.tenant_exists"
    assert client.as_admin("GET", "/admin/sessions/stats", "initech").status_code == 200


def test_a_key_that_is_limited_to_tenants_manages_those_only(client: Client, manage: Ask) -> None:
    everywhere, elsewhere = made(manage), made(manage, tenants=["globex"])
    mine = made(manage, tenants=["acme"])
    limited = made(manage, scopes=["manage"], tenants=["acme", "newco"])
    key = limited["key"]

    seen = {item["id"] for item in manage("GET", "/admin/api-keys", key=key).json()["items"]}
    assert seen == {mine["id"], limited["id"]}
    for other in (everywhere, elsewhere):
        path = f"/admin/api-keys/{other['id']}"
        assert manage("DELETE", path, key=key).status_code == 404
        assert manage("POST", path + "/rotate", key=key).status_code == 404
        assert status(client, other["key"], "globex") == 200
    for members in ({}, {"tenants": ["globex"]}, {"tenants": ["acme", "globex"]}):
        answer = manage("POST", "/admin/api-keys", key=key, json={"name": "n", **members})
        assert answer.json()["i18n_key"] == "error.tenant_not_allowed"
    assert made(manage, key, tenants=["acme"])["tenants"] == ["acme"]
    assert manage("POST", "/admin/tenants", key=key, json={"tenant_id": "initech"}).status_code == 403
    assert manage("POST", "/admin/tenants", key=key, json={"tenant_id": "newco"}).status_code == 201
    assert [item["tenant_id"] for item in manage("GET", "/admin/tenants", key=key).json()["items"]] == ["newco"]


def test_keys_of_the_environment_and_keys_without_scopes_manage_nothing(manage: Ask) -> None:
    for key in (API_KEY, made(manage)["key"]):
        for path in ("/admin/api-keys", "/admin/tenants"):
            answer = manage("GET", path, key=key)
            assert (answer.status_code, answer.json()["i18n_args"]) == (403, {"scope": "manage"})


def test_each_act_is_one_record_in_the_trail_that_it_concerns(manage: Ask, run: Run) -> None:  # noqa: F811
    manage("POST", "/admin/tenants", json={"tenant_id": "acme"})
    mine, everywhere = made(manage, tenants=["acme"], scopes=["tokens"]), made(manage)
    for shown in (mine, everywhere):
        manage("POST", f"/admin/api-keys/{shown['id']}/rotate")
        for _ in range(2):
            manage("DELETE", f"/admin/api-keys/{shown['id']}")

    found = {"acme": [], "<service>": []}
    for record in records(run):
        found[record["tenant_id"]].append(record["action"])
    three = ["api_key.created", "api_key.rotated", "api_key.revoked"]
    assert found == {"acme": ["tenant.created", *three], "<service>": three}
    assert run("verify").exit_code == 0


def test_what_is_refused_is_no_record(manage: Ask, run: Run) -> None:  # noqa: F811
    manage("POST", "/admin/tenants", json={"tenant_id": "noise"})
    manage("DELETE", "/admin/api-keys/" + "0" * 32)
    manage("POST", "/admin/api-keys", json={"name": "n", "expires_in": "0s"})

    assert records(run) == []
