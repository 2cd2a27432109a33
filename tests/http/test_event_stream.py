"""Events as a stream: who opens one hears of everything behind a cursor, and can go on from any message."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.http.conftest import API_KEY, Client

STREAM = "/internal/events/stream"
NAMED = {"X-API-Key": API_KEY, "X-Tenant-ID": "acme", "Accept": "text/event-stream"}


class Message(NamedTuple):
    """A message of a stream."""

    id: str
    event: str
    data: Any


def messages(text: str) -> Iterator[Message]:
    """The messages of a whole stream; comments and `retry` are none."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith((":", "retry:")))
        if fields:
            yield Message(fields["id"], fields["event"], json.loads(fields["data"]))


@pytest.fixture
def short(start: Callable[..., Client]) -> Client:
    """An application whose streams end at once."""
    client = start(SOJOURN_STREAM_MAX_AGE="1ms")
    client.create("usr_abc123", "noise")
    return client


def stream(client: Client, **headers: str) -> list[Message]:
    response = client.request("GET", STREAM, headers=NAMED | headers)
    assert response.status_code == 200, response.text
    return list(messages(response.text))


def test_a_stream_tells_what_happened_and_where_it_is(short: Client) -> None:
    session = short.create()
    assert short.internal("DELETE", f"/internal/session/{session['id']}").status_code == 204

    *events, checkpoint = stream(short)

    page = short.internal("GET", "/internal/events").json()
    assert [message.data for message in events] == page["items"]
    assert [(message.id, message.event) for message in events] == [(e["cursor"], e["type"]) for e in page["items"]]
    assert (checkpoint.id, checkpoint.event) == (page["next_cursor"], "checkpoint")
    assert checkpoint.data == {"cursor": page["next_cursor"], "as_of": page["as_of"]}


def test_a_stream_goes_on_behind_any_of_its_messages(short: Client) -> None:
    for user in ("ann", "bob", "cay"):
        short.create(user)
    whole = stream(short)

    for number, message in enumerate(whole):
        rest = [other for other in stream(short, **{"Last-Event-ID": message.id}) if other.event != "checkpoint"]
        assert rest == [other for other in whole[number + 1 :] if other.event != "checkpoint"]
    assert [message.id for message in whole] == sorted(message.id for message in whole)


def test_the_last_message_counts_and_not_the_address(short: Client) -> None:
    short.create("ann")
    (first, *_, last) = stream(short)

    response = short.request("GET", f"{STREAM}?after={first.id}", headers=NAMED | {"Last-Event-ID": last.id})

    assert [message.event for message in messages(response.text)] == ["checkpoint"]


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_many_events_come_whole_however_few_are_sent_at_once(short: Client, limit: int) -> None:
    for user in range(5):
        short.create(f"user_{user}")

    response = short.request("GET", STREAM, params={"limit": limit, "types": "session.created"}, headers=NAMED)

    found = [message.data["data"]["user_id"] for message in messages(response.text) if message.event != "checkpoint"]
    assert found == [f"user_{user}" for user in range(5)][: len(found)]
    assert found


def test_a_stream_says_how_it_is_to_be_passed_on(short: Client) -> None:
    response = short.request("GET", STREAM, headers=NAMED)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.text.startswith(": ")


@pytest.mark.parametrize(
    "accept", [None, "*/*", "text/*", "application/json", "text/event-stream;q=0", "*/*, text/event-stream; q=0.0"]
)
def test_only_who_names_a_stream_gets_one(short: Client, accept: str | None) -> None:
    headers = [(name, value) for name, value in NAMED.items() if name != "Accept"]
    if accept is not None:
        headers.append(("Accept", accept))
    # httpx adds an `Accept` of its own; an empty one names nothing, as does none
    response = short.request("GET", STREAM, headers=headers if accept is not None else [*headers, ("Accept", "")])

    assert (response.status_code, response.json()["i18n_key"]) == (406, "error.not_acceptable")


@pytest.mark.parametrize("accept", ["text/event-stream", "TEXT/Event-Stream;q=0.1, */*", "a/b, text/event-stream"])
def test_who_names_it_gets_it(short: Client, accept: str) -> None:
    assert short.request("GET", STREAM, headers=NAMED | {"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Last-Event-ID", "0" * 28, 410),
        ("Last-Event-ID", "7", 400),
        ("X-API-Key", "wrong-key-for-the-tests-0123456789ab", 401),
        ("X-Tenant-ID", "", 400),
    ],
)
def test_what_cannot_begin_is_refused_by_a_problem(short: Client, name: str, value: str, status: int) -> None:
    response = short.request("GET", STREAM, headers=NAMED | {name: value})

    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")


def test_streams_of_tenants_hold_what_is_theirs(short: Client) -> None:
    for user, tenant in itertools.product(("ann", "bob"), ("acme", "globex")):
        short.create(user, tenant)

    for tenant in ("acme", "globex"):
        found = stream(short, **{"X-Tenant-ID": tenant})
        assert {message.data["tenant_id"] for message in found if message.event != "checkpoint"} == {tenant}
