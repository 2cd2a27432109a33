"""Trusted devices over HTTP: trusted for a window, extended by trusting again, forgotten on request."""

from typing import Any

from tests.http.conftest import API_KEY, Client

PATH = "/internal/session/trusted-devices"
INTERNAL = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme"}


def trust(client: Client, fingerprint: str = "sha256:a1b2", tenant: str = "acme", **facts: str) -> dict[str, str]:
    body = {"user_id": "usr_abc123", "device_fingerprint": fingerprint, **facts}
    answer = client.internal("POST", PATH, tenant, json=body)
    assert answer.status_code == 200, answer.text
    device: dict[str, str] = answer.json()
    return device


def test_trust_lasts_thirty_days_and_not_a_moment_longer(client: Client) -> None:
    device = trust(client, device_name="laptop", browser="Firefox 124", os="Debian 12", ip="::1")

    assert device["trusted_until"] == "2026-05-15T08:00:00.000Z"
    client.clock.advance(days=30, milliseconds=-1)
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["items"] == [device]
    client.clock.advance(milliseconds=1)
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["items"] == []


def test_trusting_again_extends_and_never_duplicates(client: Client) -> None:
    first = trust(client, device_name="laptop")
    client.clock.advance(days=1)
    again = trust(client)

    assert again["id"] == first["id"]
    assert again["trusted_until"] == "2026-05-16T08:00:00.000Z"
    assert again["device_name"] == "laptop"
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["total"] == 1


def test_devices_are_paged(client: Client) -> None:
    for number in range(3):
        trust(client, f"sha256:{number}")
        client.clock.advance(seconds=1)

    page = client.internal("GET", f"{PATH}?user_id=usr_abc123&page=2&page_size=2").json()

    assert [item["device_fingerprint"] for item in page["items"]] == ["sha256:0"]
    assert page["pagination"]["total_pages"] == 2


def test_forgetting_a_device_is_idempotent_and_stays_in_its_tenant(client: Client) -> None:
    trust(client)
    trust(client, tenant="noise")

    for _ in range(2):
        assert client.internal("DELETE", f"{PATH}/sha256%3Aa1b2").status_code == 200

    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["total"] == 0
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123", "noise").json()["total"] == 1


def test_forgetting_can_be_limited_to_one_user(client: Client) -> None:
    trust(client)

    client.internal("DELETE", f"{PATH}/sha256%3Aa1b2?user_id=usr_other")
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["total"] == 1
    client.internal("DELETE", f"{PATH}/sha256%3Aa1b2?user_id=usr_abc123")
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["total"] == 0


def test_an_unknown_user_has_no_devices(client: Client) -> None:
    assert client.internal("GET", f"{PATH}?user_id=nobody").json()["items"] == []


def test_fifty_that_trust_one_device_at_once_make_one_entry(client: Client) -> None:
    body = {"user_id": "usr_abc123", "device_fingerprint": "sha256:a1b2"}
    ask: tuple[str, str, dict[str, Any]] = ("POST", PATH, {"headers": INTERNAL, "json": body})

    answers = client.gather(*[ask] * 50)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert client.internal("GET", f"{PATH}?user_id=usr_abc123").json()["total"] == 1


def test_trust_changes_nothing_of_how_a_session_was_authenticated(client: Client) -> None:
    session = client.create(device_fingerprint="sha256:a1b2", amr=["pwd"], acr="urn:example:loa:1")
    before = client.as_admin("GET", f"/sessions/{session['id']}").json()

    device = trust(client)
    assert client.as_admin("GET", f"/sessions/{session['id']}").json() == before

    assert client.as_admin("DELETE", f"/admin/trusted-devices/{device['id']}").status_code == 200
    assert client.as_admin("GET", f"/sessions/{session['id']}").json() == before
