"""Retries with an Idempotency-Key: one effect, one answer, kept for a day and for nobody else."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sojourn.cli.databases import with_database
from sojourn.domain.clock import to_text
from sojourn.settings import Settings
from sojourn.storage.upkeep.housekeeping import purge_all
from tests.http.conftest import API_KEY, Client, FrozenClock
from tests.http.test_managing_keys import manage  # noqa: F401 - a fixture

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
MANAGING_KEY = "a-key-that-manages-other-keys-0123456789"
USERS = "/internal/session/sessions/usr_1"
Sql = Callable[[str], list[tuple[Any, ...]]]
Way = Callable[[Client, dict[str, str], dict[str, Any]], httpx.Response]
Ask = Callable[..., httpx.Response]


def create(client: Client, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    body = {"auth_user_id": "usr_1", **more}
    return client.internal("POST", "/internal/session/create", headers=headers, json=body)


def create_as_admin(client: Client, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    return client.as_admin("POST", "/sessions", headers=headers, json={"auth_user_id": "usr_1", **more})


def create_as_user(client: Client, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    return client.as_user("POST", "/sessions", "usr_1", headers=headers, json={"auth_user_id": "usr_1", **more})


def end_in_bulk(client: Client, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
    ids = [item["id"] for item in sessions_of(client, "usr_0")] or ["sess_nobody"]
    path = "/admin/sessions/bulk-revoke"
    return client.as_admin("POST", path, headers=headers, json={"session_ids": ids, **more})


ASKS: dict[str, tuple[Way, int]] = {
    "create_session": (create, 201),
    "start_session, by an administrator": (create_as_admin, 201),
    "start_session, by a provider's token": (create_as_user, 201),
}


def sessions_of(client: Client, user: str, tenant: str = "acme") -> list[dict[str, Any]]:
    found = client.internal("GET", f"/internal/session/sessions/{user}", tenant).json()
    items: list[dict[str, Any]] = found["items"]
    return items


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].rpartition("/")[2]


REUSED = (422, "idempotency-key-reused")


@pytest.mark.parametrize("name", ASKS)
def test_a_retry_is_answered_as_the_first_request_was_and_does_nothing(name: str, client: Client) -> None:
    ask, status = ASKS[name]

    first = ask(client, KEY, {})
    client.clock.advance(minutes=3)
    again = ask(client, KEY, {})

    assert (first.status_code, again.status_code) == (status, status), first.text
    assert again.content == first.content
    assert {**again.headers, "x-request-id": ""} == {**first.headers, "x-request-id": ""}
    assert len(sessions_of(client, "usr_1")) == 1


@pytest.mark.parametrize("name", ASKS)
def test_the_key_of_another_body_is_refused_and_nothing_is_done(name: str, client: Client) -> None:
    ask, _ = ASKS[name]
    ask(client, KEY, {})

    assert problem(ask(client, KEY, {"app_id": "another"})) == REUSED
    assert len(sessions_of(client, "usr_1")) == 1


def test_the_key_of_another_operation_is_refused(client: Client) -> None:
    create_as_admin(client, KEY, {})

    assert problem(end_in_bulk(client, KEY, {})) == REUSED


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/admin/sessions/bulk-revoke"), ("DELETE", "/admin/sessions/bulk")]
)
def test_what_a_bulk_revocation_ended_is_told_to_its_retry(method: str, path: str, client: Client) -> None:
    body = {"session_ids": [client.create()["id"], "sess_nobody"]}

    first, again = (client.as_admin(method, path, headers=KEY, json=body).json() for _ in range(2))
    anew = client.as_admin(method, path, json=body).json()

    assert again == first
    assert len(first["succeeded"]) == 1
    assert anew["succeeded"] == []
    assert len(client.as_admin("GET", "/admin/audit", params={"action": "sessions.ended"}).json()["items"]) == 2


def test_a_key_that_was_made_is_shown_again_to_the_retry_and_made_once(client: Client, manage: Ask) -> None:  # noqa: F811
    def ask(name: str) -> httpx.Response:
        return manage("POST", "/admin/api-keys", headers=KEY, json={"name": name})

    first, again = ask("login"), ask("login")

    assert (first.status_code, again.content) == (201, first.content)
    assert problem(ask("another")) == REUSED
    named = [item["name"] for item in manage("GET", "/admin/api-keys").json()["items"]]
    assert named.count("login") == 1
    assert "another" not in named


def test_the_secret_of_a_rotation_is_shown_again_to_the_retry_and_drawn_once(client: Client, manage: Ask) -> None:  # noqa: F811
    made = manage("POST", "/admin/api-keys", json={"name": "login"}).json()
    path = f"/admin/api-keys/{made['id']}/rotate"

    first, again = (manage("POST", path, headers=KEY, json={"overlap": "0s"}) for _ in range(2))

    assert (first.status_code, again.content) == (200, first.content)
    assert problem(manage("POST", path, headers=KEY, json={"overlap": "1h"})) == REUSED
    assert client.internal("GET", USERS, headers={"X-API-Key": first.json()["key"]}).status_code == 200


def test_twenty_retries_at_once_have_one_effect(client: Client) -> None:
    headers = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", **KEY}
    request = ("POST", "/internal/session/create", {"headers": headers, "json": {"auth_user_id": "usr_1"}})

    found = client.gather(*[request] * 20)

    assert {(response.status_code, response.content) for response in found} == {(201, found[0].content)}
    assert len(sessions_of(client, "usr_1")) == 1


def test_a_key_is_shared_with_no_other_caller_and_no_other_tenant(start: Callable[..., Client]) -> None:
    client = start(SOJOURN_INTERNAL_API_KEYS=f"{API_KEY},{MANAGING_KEY}")
    body = {"json": {"auth_user_id": "usr_1"}}
    path = "/internal/session/create"

    made = [
        client.internal("POST", path, headers=KEY, **body),
        client.internal("POST", path, "globex", headers=KEY, **body),
        client.internal("POST", path, headers={**KEY, "X-API-Key": MANAGING_KEY}, **body),
        client.as_user("POST", "/sessions", "usr_1", headers=KEY, **body),
        client.as_admin("POST", "/sessions", headers=KEY, **body),
    ]

    assert [response.status_code for response in made] == [201] * 5
    assert len({response.json().get("data", response.json())["session"]["id"] for response in made}) == 5


def test_a_key_is_forgotten_after_a_day(client: Client) -> None:
    first = create(client, KEY, {}).json()["data"]["session"]["id"]
    client.clock.advance(hours=23, minutes=59)
    assert create(client, KEY, {}).json()["data"]["session"]["id"] == first
    client.clock.advance(minutes=1)

    anew = create(client, KEY, {"app_id": "another"})

    assert anew.status_code == 201
    assert anew.json()["data"]["session"]["id"] != first
    assert create(client, KEY, {"app_id": "another"}).content == anew.content


def test_a_refusal_is_not_kept_and_its_retry_is_judged_anew(client: Client) -> None:
    assert end_in_bulk(client, KEY, {}).status_code == 404  # there is no such tenant yet
    client.create()

    assert end_in_bulk(client, KEY, {}).json()["failed"] == ["sess_nobody"]


def test_the_token_of_a_sign_in_counts_once_and_its_retry_is_answered(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.token('usr_1', jti='once')}"}
    body = {"auth_user_id": "usr_1"}

    first, again, other = (
        client.request("POST", "/sessions", headers=headers | key, json=body)
        for key in (KEY, KEY, {"Idempotency-Key": "another"})
    )

    assert (first.status_code, again.content) == (201, first.content)
    assert problem(other) == (403, "not-entitled-to-vouch")


@pytest.mark.parametrize("key", ["", "a" * 256, "two words", "caf\u00e9", "tab\there"])
def test_a_key_of_another_form_is_refused_and_does_nothing(key: str, client: Client) -> None:
    refused = create(client, {"Idempotency-Key": key.encode("latin-1")}, {})  # type: ignore[dict-item]

    assert refused.status_code == 400
    assert {item["field"] for item in refused.json()["errors"]} == {"Idempotency-Key"}
    assert sessions_of(client, "usr_1") == []


@pytest.mark.parametrize("key", ["!", "~" * 255, '"quoted"', "a,b;c=d", "KEY", "key"])
def test_any_visible_characters_are_a_key_taken_as_they_are(key: str, client: Client) -> None:
    create(client, {"Idempotency-Key": "KeY"}, {})

    assert create(client, {"Idempotency-Key": key}, {"app_id": "another"}).status_code == 201


def test_two_keys_in_one_request_are_refused(client: Client) -> None:
    headers = [("X-API-Key", API_KEY), ("X-Tenant-ID", "acme"), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    refused = client.request("POST", "/internal/session/create", headers=headers, json={"auth_user_id": "usr_1"})

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "repeated_parameter"


def test_what_is_kept_shows_no_secret_and_goes_with_its_user(client: Client, sql: Sql) -> None:
    made = create(client, KEY, {"username": "Ann Example"}).json()["data"]
    (kept,) = sql("SELECT tenant_id, id, user_id, sealed, expires_at FROM kept_answers")

    for secret in (
        made["tokens"]["access_token"],
        made["tokens"]["refresh_token"],
        made["session"]["id"],
        *KEY.values(),
    ):
        assert secret not in repr(kept)
    assert kept[2] == "usr_1"
    erased = client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_1"})
    assert erased.status_code == 200, erased.text
    assert sql("SELECT * FROM kept_answers") == []


def test_an_answer_whose_secret_was_replaced_is_told_to_nobody_and_nothing_is_done_again(
    client: Client, start: Callable[..., Client]
) -> None:
    create(client, KEY, {})
    other = start(SOJOURN_REFRESH_SECRET="a-third-secret-of-at-least-thirty-two-bytes")

    assert problem(create(other, KEY, {})) == REUSED
    assert len(sessions_of(other, "usr_1")) == 1


def test_an_expired_answer_is_purged(client: Client, clock: FrozenClock, sql: Sql, environ: dict[str, str]) -> None:
    create(client, KEY, {})
    clock.advance(hours=23)
    create(client, {"Idempotency-Key": "later"}, {})
    clock.advance(hours=1)
    settings, now = Settings.from_env(environ), to_text(clock.now)

    with_database(settings, lambda database: purge_all(database, "2020-01-01T00:00:00.000Z", now=now), existing=True)

    assert len(sql("SELECT * FROM kept_answers")) == 1
