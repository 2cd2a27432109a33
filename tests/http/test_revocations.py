"""A verifier that starts learns from one snapshot what is refused, and goes on with the events behind it."""

import gzip
from typing import Any

import httpx
import pytest

from tests.http.conftest import API_KEY, Client
from tests.http.tokens import refresh, sign_in

REVOCATIONS = "/internal/revocations"


def ask(client: Client, tenant: str | None = "acme", **headers: str) -> httpx.Response:
    of = {} if tenant is None else {"X-Tenant-ID": tenant}
    return client.request(
        "GET", REVOCATIONS, headers={"X-API-Key": API_KEY, "Accept-Encoding": "identity", **of} | headers
    )


def snapshot(client: Client, tenant: str | None = "acme") -> dict[str, Any]:
    response = ask(client, tenant)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def items(client: Client, tenant: str | None = "acme") -> list[dict[str, Any]]:
    return list(snapshot(client, tenant)["items"])


def done(response: httpx.Response) -> None:
    assert response.status_code < 300, response.text


def end(client: Client, session: dict[str, Any]) -> None:
    done(client.internal("DELETE", f"/internal/session/{session['id']}"))


def test_a_session_that_ended_is_refused_until_its_last_token_expires(client: Client) -> None:
    begun = sign_in(client)
    lives_on = sign_in(client)
    end(client, begun["session"])

    (item,) = items(client)
    assert item["kind"] == "session"
    assert item["session_id"] == begun["session"]["id"] != lives_on["session"]["id"]
    (event,) = client.internal("GET", "/internal/events?types=session.ended").json()["items"]
    assert item["forget_at"] == event["data"]["tokens_valid_until"]

    client.clock.advance(hours=3)
    client.create("somebody")
    assert items(client) == []


def test_a_refused_token_is_named_once_however_often_it_is_refused(client: Client) -> None:
    begun = sign_in(client)
    body = {"token": begun["tokens"]["access_token"], "token_type": "access", "user_id": "usr_abc123"}
    for _ in range(2):
        done(client.internal("POST", "/internal/session/blacklist-token", json=body))

    (item,) = items(client)
    (first, _) = client.internal("GET", "/internal/events?types=token.refused").json()["items"]
    assert (item["kind"], item["jti"]) == ("token", first["data"]["jti"])


@pytest.mark.parametrize("user", [{"user_id": "ann"}, {}], ids=["a user", "the tenant"])
def test_a_cut_off_is_an_item_for_each_type_of_token(client: Client, user: dict[str, str]) -> None:
    client.create("somebody")
    done(client.as_admin("POST", "/admin/tokens/revoke-all", json={**user, "reason": "leak"}))

    found = items(client)

    assert {item["token_type"] for item in found} == {"access", "refresh"}
    for item in found:
        assert item["kind"] == "cut_off"
        assert item.get("user_id") == user.get("user_id")
        assert item["issued_until"] < item["forget_at"]
    assert items(client, "globex") == []


def test_the_cut_off_of_an_erased_user_is_not_taken_for_one_of_the_tenant(client: Client) -> None:
    begun = sign_in(client)
    done(client.as_admin("POST", "/admin/tokens/revoke-all", json={"user_id": "usr_abc123"}))
    done(client.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_abc123"}))

    assert [(item["kind"], item.get("session_id")) for item in items(client)] == [("session", begun["session"]["id"])]
    (event,) = client.internal("GET", "/internal/events?types=tokens.refused").json()["items"]
    assert event["data"]["token_types"] == []


def test_what_happens_behind_the_cursor_is_in_the_events(client: Client) -> None:
    first, second = sign_in(client), sign_in(client)
    end(client, first["session"])
    before = snapshot(client)
    end(client, second["session"])

    later = client.internal("GET", f"/internal/events?after={before['cursor']}").json()["items"]

    assert [event["data"]["session_id"] for event in later] == [second["session"]["id"]]
    assert [item["session_id"] for item in before["items"]] == [first["session"]["id"]]
    assert {item["session_id"] for item in items(client)} == {first["session"]["id"], second["session"]["id"]}


def test_while_nothing_happens_the_bytes_stay_the_same(client: Client) -> None:
    end(client, sign_in(client)["session"])
    before = ask(client)
    client.clock.advance(seconds=100)
    after = ask(client)

    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    assert ask(client, **{"If-None-Match": before.headers["etag"]}).status_code == 304
    assert after.headers["cache-control"] == "private, no-cache"
    client.create("somebody")
    assert ask(client, **{"If-None-Match": before.headers["etag"]}).status_code == 200


def test_a_refresh_changes_nothing_that_a_verifier_must_know(client: Client) -> None:
    begun = sign_in(client)
    before = ask(client)
    done(refresh(client, begun["tokens"]["refresh_token"]))

    assert ask(client).content == before.content


def test_each_tenant_is_told_of_its_own_and_a_key_of_all_tenants_of_all(client: Client) -> None:
    for tenant in ("acme", "globex"):
        client.create(tenant=tenant)
        done(client.as_admin("POST", "/admin/tokens/revoke-all", tenant=tenant, json={}))

    assert {item["tenant_id"] for item in items(client, "globex")} == {"globex"}
    assert {item["tenant_id"] for item in items(client, None)} == {"acme", "globex"}
    assert items(client, "noise") == []


@pytest.mark.parametrize(
    ("accepted", "comes"),
    [("gzip", True), ("*", True), ("br, gzip;q=0.5", True), ("gzip;q=0, *", False), ("identity", False), ("", False)],
)
def test_a_large_snapshot_comes_compressed_to_who_takes_it_and_means_the_same(
    client: Client, accepted: str, comes: bool
) -> None:
    for user in range(8):
        end(client, sign_in(client, f"user_{user}")["session"])
    plain = ask(client)
    answer = ask(client, **{"Accept-Encoding": accepted})

    assert len(plain.content) > 1024
    assert (answer.headers.get("content-encoding") == "gzip") is comes
    assert answer.content == plain.content, "httpx has unpacked it"
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert (answer.headers["etag"] == plain.headers["etag"]) is not comes
    assert ask(client, **{"Accept-Encoding": accepted, "If-None-Match": answer.headers["etag"]}).status_code == 304
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_the_tokens_of_before_a_session_was_raised_are_a_cut_off_of_the_session(client: Client) -> None:
    begun, other = sign_in(client), sign_in(client)
    body = {"amr": ["otp"], "verified_at": client.clock().isoformat()}
    done(client.internal("POST", f"/internal/session/{begun['session']['id']}/elevate", json=body))

    (item,) = items(client)
    assert item["session_id"] == begun["session"]["id"] != other["session"]["id"]
    assert (item["kind"], item["token_type"], item["user_id"]) == ("cut_off", "access", "usr_abc123")
    (event,) = client.internal("GET", "/internal/events?types=session.elevated").json()["items"]
    assert item["issued_until"] == event["occurred_at"]
    assert item["forget_at"] == event["data"]["tokens_valid_until"] > event["occurred_at"]
    client.clock.advance(hours=1)
    client.create("somebody")
    assert items(client) == []


def test_the_snapshot_says_of_which_tenants_it_has_everything(client: Client) -> None:
    assert snapshot(client, "acme")["tenants"] == ["acme"]
    assert "tenants" not in snapshot(client, None)


def test_an_end_says_why(client: Client) -> None:
    end(client, sign_in(client)["session"])

    (item,) = items(client)
    assert item["reason_code"] == "revoked_by_service"
