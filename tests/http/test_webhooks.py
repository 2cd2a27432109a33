"""Endpoints to which events are sent: made, changed and deleted by administrators, and sent each event once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.http.conftest import Client
from tests.receiver import Receiver, status, until
from tests.sending.test_egress import SPELLINGS

HOOKS = "/admin/webhooks"
URL = "https://hooks.example.com/sojourn"


@pytest.fixture
def here(start: Callable[..., Client]) -> Client:
    """The application where this machine may be sent to."""
    client = start(SOJOURN_WEBHOOK_ALLOW="127.0.0.1")
    client.create("usr_first")
    return client


def made(client: Client, url: str, tenant: str = "acme", **members: Any) -> dict[str, Any]:
    body = {"url": url, "events": ["session.created", "session.ended"], **members}
    response = client.as_admin("POST", HOOKS, tenant, json=body)
    assert response.status_code == 201, response.text
    hook: dict[str, Any] = response.json()
    return hook


def deliveries(client: Client, hook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    response = client.as_admin("GET", f"{HOOKS}/{hook['id']}/deliveries", params=query)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


def tries(client: Client, hook: dict[str, Any]) -> int:
    """How often the newest event was sent."""
    found = deliveries(client, hook)
    return int(found[0]["tries"]) if found else 0


def failed(client: Client, hook: dict[str, Any], times: int) -> None:
    """Wait until the newest event failed so often, and the sender has decided how long the endpoint is left alone.

    It decides by its clock: who moves the clock between the two moves what it decides.
    """
    path = f"{HOOKS}/{hook['id']}"
    until(lambda: tries(client, hook) == times and "held_until" in client.as_admin("GET", path).json())


def settled(client: Client, hook: dict[str, Any], count: int, state: str = "delivered") -> list[dict[str, Any]]:
    """The deliveries, once so many are in a state. Each question lets the application go on."""
    return list(until(lambda: len(found := deliveries(client, hook, state=state)) >= count and found))


def test_an_endpoint_is_sent_each_event_from_now_on_signed_and_in_the_order_of_its_session(
    here: Client, receiver: Receiver
) -> None:
    hook = made(here, receiver.url)
    session = here.create("usr_one")
    assert here.internal("DELETE", f"/internal/session/{session['id']}").status_code == 204

    settled(here, hook, 2)

    assert [one.said["type"] for one in receiver.received] == ["session.created", "session.ended"]
    assert {one.said["data"]["session_id"] for one in receiver.received} == {session["id"]}
    assert {one.said["tenant_id"] for one in receiver.received} == {"acme"}
    assert all(one.is_signed_with(hook["secret"]) for one in receiver.received)
    feed = here.internal("GET", "/internal/events").json()["items"]
    assert receiver.ids == [item["id"] for item in feed if item["data"].get("session_id") == session["id"]]
    assert [item["data"] for item in feed][-2:] == [one.said["data"] for one in receiver.received]


def test_only_the_events_that_an_endpoint_wants_are_sent_and_only_those_of_its_tenant(
    here: Client, receiver: Receiver
) -> None:
    hook = made(here, receiver.url, events=["session.ended"])
    here.create("usr_else", "globex")
    session = here.create("usr_one")
    here.internal("DELETE", f"/internal/session/{session['id']}")

    (told,) = settled(here, hook, 1)

    assert told["type"] == "session.ended"
    assert told["id"] == receiver.ids[0]
    assert len(receiver.ids) == 1


def test_an_endpoint_that_fails_is_sent_the_event_again_under_the_same_id(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(500), status(302, Location="http://127.0.0.1:1/")]
    hook = made(here, receiver.url)
    here.create("usr_one")

    failed(here, hook, 1)
    here.clock.advance(seconds=6)
    failed(here, hook, 2)
    here.clock.advance(minutes=6)
    (told,) = settled(here, hook, 1)

    assert len(set(receiver.ids)) == 1
    assert [(one["outcome"], one["status"]) for one in told["attempts"]] == [
        ("status", 500),
        ("redirect", 302),
        ("delivered", 204),
    ]


def test_later_events_of_a_session_wait_for_the_earlier_ones_and_other_sessions_do_not(
    here: Client, receiver: Receiver
) -> None:
    receiver.answers = [status(500)]
    hook = made(here, receiver.url)
    session = here.create("usr_one")
    failed(here, hook, 1)
    here.internal("DELETE", f"/internal/session/{session['id']}")
    here.clock.advance(seconds=2)
    other = here.create("usr_two")

    until(
        lambda: (
            deliveries(here, hook) and any(one.said["data"]["session_id"] == other["id"] for one in receiver.received)
        )
    )
    assert [one.said["type"] for one in receiver.received if one.said["data"]["session_id"] == session["id"]] == [
        "session.created"
    ]
    here.clock.advance(seconds=6)
    settled(here, hook, 3)

    assert [one.said["type"] for one in receiver.received if one.said["data"]["session_id"] == session["id"]] == [
        "session.created",
        "session.created",
        "session.ended",
    ]


def test_an_endpoint_that_answers_410_is_disabled_and_says_so(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    hook = made(here, receiver.url)
    here.create("usr_one")

    settled(here, hook, 1, "failed")

    shown = here.as_admin("GET", f"{HOOKS}/{hook['id']}").json()
    assert (shown["enabled"], shown["disabled_because"]) == (False, "gone")
    here.create("usr_two")
    assert len(deliveries(here, hook)) == 1


def test_ten_tries_over_three_days_and_then_the_endpoint_is_disabled(here: Client, receiver: Receiver) -> None:
    receiver.default = status(500)
    hook = made(here, receiver.url, events=["session.created"])  # in three days sessions expire, too
    began = here.clock.now
    here.create("usr_one")

    for number in range(1, 10):
        failed(here, hook, number)
        (told,) = deliveries(here, hook)
        here.clock.now = datetime.fromisoformat(told["next_attempt_at"])
        here.clock.advance(seconds=61)
    settled(here, hook, 1, "failed")

    assert len(receiver.ids) == 10
    assert len(set(receiver.ids)) == 1
    assert 60 <= (here.clock.now - began).total_seconds() / 3600 <= 90
    shown = here.as_admin("GET", f"{HOOKS}/{hook['id']}").json()
    assert (shown["enabled"], shown["disabled_because"]) == (False, "failing")


def test_an_endpoint_that_asks_to_be_left_alone_is_left_alone(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(503, Retry_After="3600")]
    hook = made(here, receiver.url)
    here.create("usr_one")
    until(lambda: "held_until" in here.as_admin("GET", f"{HOOKS}/{hook['id']}").json())
    here.clock.advance(minutes=50)
    here.create("usr_two")
    until(lambda: len(deliveries(here, hook)) == 2)
    assert len(receiver.ids) == 1

    here.clock.advance(minutes=11)
    settled(here, hook, 2)

    assert len(receiver.ids) == 3


def test_both_secrets_sign_until_the_overlap_is_over(here: Client, receiver: Receiver) -> None:
    hook = made(here, receiver.url)
    rotated = here.as_admin("POST", f"{HOOKS}/{hook['id']}/rotate-secret", json={"overlap": "1h"}).json()
    assert rotated["secret"] != hook["secret"]
    here.create("usr_one")
    settled(here, hook, 1)
    here.clock.advance(hours=1)
    here.create("usr_two")
    settled(here, hook, 2)

    first, second = receiver.received
    assert first.is_signed_with(hook["secret"])
    assert first.is_signed_with(rotated["secret"])
    assert second.is_signed_with(rotated["secret"])
    assert not second.is_signed_with(hook["secret"])


def test_a_test_says_how_it_went_and_nothing_of_what_was_answered(here: Client, receiver: Receiver) -> None:
    def answer(handler: Any) -> None:
        handler.send_response(418)
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"secret")

    receiver.answers = [status(200), answer]
    hook = made(here, receiver.url, enabled=False)
    good, bad = (here.as_admin("POST", f"{HOOKS}/{hook['id']}/test") for _ in range(2))

    assert (good.json()["delivered"], good.json()["status"]) == (True, 200)
    assert (bad.json()["delivered"], bad.json()["status"]) == (False, 418)
    assert set(bad.json()) == {"delivered", "status", "duration_ms"}
    assert {one.said["type"] for one in receiver.received} == {"webhook.test"}
    assert receiver.received[0].is_signed_with(hook["secret"])
    assert deliveries(here, hook) == []


def test_events_are_sent_again_under_the_ids_they_had(here: Client, receiver: Receiver) -> None:
    here.clock.advance(seconds=1)
    hook = made(here, receiver.url)
    since = here.as_admin("GET", f"{HOOKS}/{hook['id']}").json()["created_at"]
    here.create("usr_one")
    here.create("usr_two")
    first, second = (told["id"] for told in reversed(settled(here, hook, 2)))

    one = here.as_admin("POST", f"{HOOKS}/{hook['id']}/replay", json={"delivery_id": second})
    assert (one.status_code, one.json()) == (202, {"deliveries": 1})
    until(lambda: here.as_admin("GET", f"{HOOKS}/{hook['id']}") and len(receiver.ids) == 3)
    settled(here, hook, 2)
    period = here.as_admin("POST", f"{HOOKS}/{hook['id']}/replay", json={"since": since})
    assert (period.status_code, period.json()) == (202, {"deliveries": 2})
    until(lambda: here.as_admin("GET", f"{HOOKS}/{hook['id']}") and len(receiver.ids) == 5)

    assert sorted(receiver.ids[:2]) == sorted([first, second])
    assert receiver.ids[2] == second
    assert sorted(receiver.ids[3:]) == sorted([first, second])


def test_what_happens_while_an_endpoint_is_disabled_comes_with_a_replay_and_not_by_itself(
    here: Client, receiver: Receiver
) -> None:
    hook = made(here, receiver.url, enabled=False)
    here.clock.advance(seconds=1)
    missed = here.create("usr_one")
    here.clock.advance(seconds=1)
    assert here.as_admin("PATCH", f"{HOOKS}/{hook['id']}", json={"enabled": True}).json()["enabled"] is True
    heard = here.create("usr_two")
    settled(here, hook, 1)
    assert [one.said["data"]["session_id"] for one in receiver.received] == [heard["id"]]

    here.as_admin("POST", f"{HOOKS}/{hook['id']}/replay", json={"since": hook["created_at"]})
    settled(here, hook, 2)

    assert [one.said["data"]["session_id"] for one in receiver.received].count(missed["id"]) == 1


def test_a_deleted_endpoint_is_gone_and_sent_nothing(here: Client, receiver: Receiver) -> None:
    hook = made(here, receiver.url)
    assert here.as_admin("DELETE", f"{HOOKS}/{hook['id']}").status_code == 204
    here.create("usr_one")

    assert here.as_admin("GET", f"{HOOKS}/{hook['id']}").json()["i18n_key"] == "error.webhook_not_found"
    assert here.as_admin("GET", HOOKS).json() == {"items": [], "has_more": False}
    assert receiver.ids == []


def test_an_erased_user_is_not_in_what_is_sent_afterwards(here: Client, receiver: Receiver) -> None:
    receiver.answers = [status(500)]
    hook = made(here, receiver.url, events=["session.created"])
    here.create("usr_gone")
    failed(here, hook, 1)
    assert here.internal("POST", "/internal/session/erase-user-data", json={"user_id": "usr_gone"}).status_code == 200
    here.clock.advance(seconds=6)
    settled(here, hook, 1)

    before, after = receiver.received
    assert before.id == after.id
    assert b"usr_gone" in before.body
    assert b"usr_gone" not in after.body


def test_pages_of_endpoints_and_of_deliveries_hold_what_one_page_holds(here: Client, receiver: Receiver) -> None:
    hooks = []
    for _ in range(3):
        here.clock.advance(seconds=1)
        hooks.append(made(here, receiver.url)["id"])
    first = here.as_admin("GET", HOOKS, params={"limit": 2}).json()
    second = here.as_admin("GET", HOOKS, params={"limit": 2, "after": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == hooks[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)

    here.create("usr_one")
    here.create("usr_two")
    hook = {"id": hooks[0]}
    whole = settled(here, hook, 2)
    path = f"{HOOKS}/{hooks[0]}/deliveries"
    page = here.as_admin("GET", path, params={"limit": 1}).json()
    rest = here.as_admin("GET", path, params={"limit": 1, "after": page["next_cursor"]}).json()
    assert page["items"] + rest["items"] == whole


def test_a_tenant_has_so_many_endpoints_and_room_again_once_one_is_deleted(
    start: Callable[..., Client], receiver: Receiver
) -> None:
    client = start(SOJOURN_WEBHOOK_ALLOW="127.0.0.1", SOJOURN_MAX_WEBHOOKS="2")
    client.create("usr_one")
    client.create("usr_one", "globex")
    hooks = [made(client, receiver.url), made(client, receiver.url, enabled=False)]

    response = client.as_admin("POST", HOOKS, json={"url": receiver.url, "events": ["session.ended"]})
    assert response.status_code == 409
    assert (response.json()["i18n_key"], response.json()["i18n_args"]) == ("error.webhook_limit_reached", {"limit": 2})
    assert made(client, receiver.url, "globex")

    client.as_admin("DELETE", f"{HOOKS}/{hooks[0]['id']}")
    assert made(client, receiver.url)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://hooks.example.com/", "events": ["session.ended"]}, "url"),
        ({"url": "https://10.0.0.1/", "events": ["session.ended"]}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["session.opened"]}, "events[0]"),
        ({"url": URL}, "events"),
        ({"url": URL, "events": ["session.ended"], "secret": "x"}, "secret"),
    ],
)
def test_what_is_no_endpoint_is_refused(here: Client, body: dict[str, Any], field: str) -> None:
    response = here.as_admin("POST", HOOKS, json=body)

    assert response.status_code == 400, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "body", [{}, {"until": "2026-04-15T08:00:00Z"}, {"since": "2026-04-15T08:00:00Z", "delivery_id": "evt_a"}]
)
def test_a_replay_is_of_a_period_or_of_one_event(here: Client, receiver: Receiver, body: dict[str, Any]) -> None:
    hook = made(here, receiver.url)

    assert here.as_admin("POST", f"{HOOKS}/{hook['id']}/replay", json=body).status_code == 400


def test_a_secret_is_shown_once_and_stored_nowhere_in_clear(here: Client, receiver: Receiver, sql: Any) -> None:
    hook = made(here, receiver.url)

    assert "secret" not in here.as_admin("GET", f"{HOOKS}/{hook['id']}").json()
    stored = repr(sql("SELECT * FROM webhooks")) + repr(sql("SELECT * FROM audit_records"))
    assert hook["secret"] not in stored
    assert hook["secret"].removeprefix("whsec_") not in stored


def test_each_spelling_of_an_inner_address_is_refused_with_the_place(client: Client) -> None:
    client.create("usr_one")
    taken = []
    for url in SPELLINGS:
        response = client.as_admin("POST", HOOKS, json={"url": url, "events": ["session.ended"]})
        if response.status_code != 400 or {error["field"] for error in response.json()["errors"]} != {"url"}:
            taken.append((url, response.status_code, response.text))

    assert taken == []


def test_any_cursor_that_has_the_form_of_one_is_a_place_in_the_list(here: Client, receiver: Receiver) -> None:
    path = f"{HOOKS}/{made(here, receiver.url)['id']}/deliveries"

    for cursor, expected in (("7" + "f" * 15, 200), ("0" * 16, 200), ("f" * 16, 400), ("8" + "0" * 15, 400)):
        assert here.as_admin("GET", path, params={"after": cursor}).status_code == expected, cursor
