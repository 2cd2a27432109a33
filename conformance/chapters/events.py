"""Events: every end has one event, in one order, whichever way it is read."""

import json
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import jwt

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import SignIn, Tenant, World, expect

_EVENTS = "the contract, list_events"
Way = Callable[[Tenant, SignIn], Any]
"""A way to end a session. The neighbour that lives on is another user's."""


def _by_reuse(tenant: Tenant, made: SignIn) -> None:
    """The refresh token is sent again after its successor was used: two copies of it are about."""
    following = expect(tenant.refresh(made.refresh), 200).json["refresh_token"]
    expect(tenant.refresh(following), 200)
    expect(tenant.refresh(made.refresh), 401)


def _all_others(tenant: Tenant, made: SignIn) -> None:
    current = tenant.sign_in(made.user)
    expect(tenant.bearer(current.access, "revoke_other_sessions", **{"except": "current"}), 200)


WAYS: dict[str, Way] = {
    "its user": lambda tenant, made: expect(
        tenant.bearer(made.access, "revoke_session", session_id=made.id, body={"reason": "mine"}), 204
    ),
    "a service": lambda tenant, made: expect(
        tenant.service("revoke_session_as_service", session_id=made.id, body={"reason": "left"}), 204
    ),
    "an administrator": lambda tenant, made: expect(
        tenant.admin("revoke_session", session_id=made.id, body={"reason": "lost"}), 204
    ),
    "an administrator, of several": lambda tenant, made: expect(
        tenant.admin("revoke_sessions", body={"session_ids": [made.id], "reason": "leak"}), 200
    ),
    "an administrator, in bulk": lambda tenant, made: expect(
        tenant.admin("revoke_sessions_in_bulk", body={"session_ids": [made.id], "reason": "leak"}), 200
    ),
    "a service, with all of the user": lambda tenant, made: expect(
        tenant.service("revoke_user_sessions", user_id=made.user), 200
    ),
    "an administrator, with all of the user": lambda tenant, made: expect(
        tenant.admin("revoke_sessions_of_user", user_id=made.user, body={"reason": "all"}), 200
    ),
    "its user, from elsewhere": _all_others,
    "a token that was sent twice": _by_reuse,
    "erasure": lambda tenant, made: expect(tenant.service("erase_user_data", body={"user_id": made.user}), 200),
}


def all_behind(tenant: Tenant, cursor: str, *, limit: int = 500) -> list[dict[str, Any]]:
    """The events behind a cursor, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = expect(tenant.service("list_events", **{"?after": cursor, "?limit": limit}), 200).json
        found += page["items"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return found


def end_of(tenant: Tenant) -> str:
    """The cursor behind everything that was told so far."""
    cursor = str(expect(tenant.service("list_events", **{"?limit": 1}), 200).json["next_cursor"])
    return [cursor, *(str(event["cursor"]) for event in all_behind(tenant, cursor))][-1]


def ended(events: list[dict[str, Any]], *session_ids: str) -> list[dict[str, Any]]:
    """The events that say that these sessions ended. Beside them, others of the tenant may end by themselves."""
    return [
        event for event in events if event["type"] == "session.ended" and event["data"]["session_id"] in session_ids
    ]


def grown(before: list[Any], now: list[Any], *, after: list[Any]) -> bool:
    """Whether what was read between two looks has all of the first and nothing but what the second has."""
    return now[: len(before)] == before and after[: len(now)] == now


def ends(events: list[dict[str, Any]]) -> list[str]:
    """The sessions that are told to have ended."""
    return [event["data"]["session_id"] for event in events if event["type"] == "session.ended"]


@check(
    "EVT-001",
    "Each session that ends MUST have exactly one event, however it ends, and a session that lives on none.",
    source=_EVENTS,
    profile="full",
    feature="events",
)
def test_each_way_to_end_a_session_is_told_once(world: World) -> None:
    for way, end in WAYS.items():
        cursor = end_of(world.first)
        made, neighbour = world.first.sign_in(), world.first.sign_in()
        end(world.first, made)
        told = ends(all_behind(world.first, cursor))
        assert told.count(made.id) == 1, f"ended by {way}: told {told.count(made.id)} times"
        assert neighbour.id not in told, f"ended by {way}: told of a session that lives on"


@check(
    "EVT-002",
    "Events MUST come in one order: cursors grow, no id comes twice, and small pages hold what a large one holds.",
    source=_EVENTS,
    profile="full",
    feature="events",
)
def test_events_come_in_one_order(world: World) -> None:
    cursor = end_of(world.first)
    made = [world.first.sign_in() for _ in range(6)]
    for one in made[:4]:
        expect(world.first.service("revoke_session_as_service", session_id=one.id), 204)
    whole = all_behind(world.first, cursor)
    cursors = [event["cursor"] for event in whole]
    assert cursors == sorted(set(cursors)), "cursors do not grow"
    assert cursors[0] > cursor, "told of what was before the cursor"
    assert len({event["id"] for event in whole}) == len(whole), "an id is told twice"
    small = {limit: all_behind(world.first, cursor, limit=limit) for limit in (1, 3)}
    inside = [all_behind(world.first, event["cursor"]) for event in whole]
    later = all_behind(world.first, cursor)
    for limit, pages in small.items():
        assert grown(whole, pages, after=later), f"pages of {limit} do not hold what one page holds"
    for number, behind in enumerate(inside, start=1):
        assert grown(whole[number:], behind, after=later[number:]), "a cursor inside does not go on behind it"
    told = ends(ended(whole, *(one.id for one in made)))
    assert told == [one.id for one in made[:4]], "ends are not told in the order in which they were answered"


@check(
    "EVT-003",
    "A stream MUST hold what pages hold, go on behind `Last-Event-ID`, and be sent only to who names it.",
    source="the contract, stream_events",
    profile="full",
    feature="events",
)
def test_a_stream_tells_the_same(world: World) -> None:
    cursor = end_of(world.first)
    for one in [world.first.sign_in() for _ in range(2)]:
        expect(world.first.service("revoke_session_as_service", session_id=one.id), 204)
    whole = all_behind(world.first, cursor)
    request = world.first.request("stream_events").with_header("X-API-Key", world.target.api_key)
    for number, behind in enumerate([cursor, *(event["cursor"] for event in whole)]):
        told = messages(expect(world.send(request.with_header("Last-Event-ID", behind)), 200).text)
        events, later = [data for kind, _, data in told if kind != "checkpoint"], all_behind(world.first, cursor)
        assert grown(whole[number:], events, after=later[number:]), "not what pages tell"
        assert all(name == data["cursor"] for _, name, data in told), "an id is not the cursor"
        assert told[-1][0] == "checkpoint", "no checkpoint comes"
    for accept in ("*/*", "application/json", "text/event-stream;q=0"):
        expect(world.send(request.with_header("Accept", accept)), 406)
    expect(world.send(request.without("Accept")), 406)


@check(
    "EVT-004",
    "The snapshot MUST name what is refused now, nothing else, and stay the same while nothing happens.",
    source="the contract, get_revocations",
    profile="full",
    feature="events",
)
def test_the_snapshot_is_not_stale(world: World) -> None:
    made, neighbour = world.first.sign_in(), world.first.sign_in()
    before = expect(world.first.service("get_revocations"), 200)
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    after = expect(world.first.service("get_revocations"), 200)
    refused = [item.get("session_id") for item in after.json["items"] if item["kind"] == "session"]
    assert refused.count(made.id) == 1, f"a session that ended is there {refused.count(made.id)} times"
    assert neighbour.id not in refused, "a session that lives on is refused"
    assert made.id not in before.text, "a session was refused before it ended"
    behind = [_about(all_behind(world.first, look.json["cursor"]), made, neighbour) for look in (before, after)]
    assert behind == [[("session.ended", made.id)], []], "its cursor is not where it was made"
    quiet, again = _two_in_a_quiet_moment(world.first)
    assert (again.body, again.headers.get("etag")) == (quiet.body, quiet.headers.get("etag")), "it changed by itself"
    assert after.headers.get("etag") != before.headers.get("etag"), "another snapshot has the same ETag"


def _about(events: list[dict[str, Any]], *made: SignIn) -> list[tuple[str, str]]:
    """Type and session of the events about some sessions."""
    ids = {one.id for one in made}
    return [(event["type"], event["data"]["session_id"]) for event in events if event["data"].get("session_id") in ids]


def _two_in_a_quiet_moment(tenant: Tenant) -> tuple[Reply, Reply]:
    """Two snapshots, with no event of the tenant from one to the other: sessions may end by themselves."""
    for _ in range(10):
        first, second = (expect(tenant.service("get_revocations"), 200) for _ in range(2))
        if not all_behind(tenant, first.json["cursor"]):
            break
    return first, second


@check(
    "EVT-005",
    "A status list MUST be signed by a published key and say of each session whether it ended.",
    source="draft-ietf-oauth-status-list-20, sections 4, 5.1 and 8.3; the contract, get_status_list",
    profile="full",
    feature="events",
)
def test_a_status_list_says_who_ended(world: World) -> None:
    made, neighbour = world.first.sign_in(), world.first.sign_in()
    places = [_place(one.access) for one in (made, neighbour)]
    assert places[0] != places[1], "two sessions have the same place"
    assert [_status_at(world, place) for place in places] == [0, 0], "refused before it ended"
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    assert [_status_at(world, place) for place in places] == [1, 0], "the list does not say who ended"
    listed = expect(world.first.anyone("list_status_lists"), 200).json["status_lists"]
    assert {uri for _, uri in places} <= set(listed), "the aggregation does not name the list"


def _place(token: str) -> tuple[int, str]:
    """The place and the address that an access token names."""
    claims = jwt.decode(token, options={"verify_signature": False})
    if "status" not in claims:
        raise NotApplicable("the server has no public URL: its tokens name no status list")
    named = claims["status"]["status_list"]
    return named["idx"], named["uri"]


def _status_at(world: World, place: tuple[int, str]) -> int:
    """What a list says of a place, read as section 8.3 asks."""
    index, uri = place
    reply = expect(world.first.anyone("get_status_list", list_id=uri.rpartition("/")[2]), 200)
    assert reply.headers.get("content-type") == "application/statuslist+jwt", "it has another media type"
    keys = jwt.PyJWKSet.from_dict(expect(world.first.anyone("get_key_set"), 200).json)
    head = jwt.get_unverified_header(reply.text)
    assert head["typ"] == "statuslist+jwt", "it says that it is something else"
    key = next((item for item in keys.keys if item.key_id == head["kid"]), None)
    assert key is not None, f"the key {head['kid']} is not published"
    try:
        claims = jwt.decode(reply.text, key, algorithms=[head["alg"]], leeway=60)
    except jwt.InvalidTokenError as error:
        raise AssertionError(f"the list is not to be trusted: {error}") from None
    assert claims["sub"] == uri, "it is another list than the token names"
    assert 0 < claims["ttl"] <= claims["exp"] - claims["iat"], "it may be kept for longer than it is good"
    bits, lst = claims["status_list"]["bits"], claims["status_list"]["lst"]
    array = zlib.decompress(urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    assert index < len(array) * 8 // bits, "the place is not in the list"
    return int(array[index * bits // 8] >> index * bits % 8 & (1 << bits) - 1)


def messages(text: str) -> list[tuple[str, str, Any]]:
    """The messages of a stream: type, id and data."""
    found = []
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line and not line.startswith((":", "retry"))]
        fields = {name: value for name, _, value in lines}
        if "data" in fields:
            found.append((fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"])))
    return found


@check(
    "EVT-006",
    "The filter of types MUST leave the events of the types that are named, all of them and no other.",
    source=_EVENTS,
    profile="full",
    feature="events",
)
def test_the_filter_of_types_leaves_those(world: World) -> None:
    for tenant in (world.first, world.second):
        if tenant is None:
            continue
        cursor = end_of(tenant)
        made = tenant.sign_in()
        expect(tenant.service("revoke_session_as_service", session_id=made.id), 204)
        tenant.sign_in()
        whole = all_behind(tenant, cursor)
        kinds = {event["type"] for event in whole}
        assert {"session.created", "session.ended"} <= kinds, f"of a sign-in and an end there are {sorted(kinds)}"
        for types in ("session.ended", "session.created", "session.ended,session.created", "signing_key.retired"):
            wanted = [event["id"] for event in whole if event["type"] in types.split(",")]
            for _ in range(2):
                page = expect(tenant.service("list_events", after=cursor, types=types, limit=500), 200).json
                found = [event["id"] for event in page["items"]]
                later = [event["id"] for event in all_behind(tenant, cursor) if event["type"] in types.split(",")]
                assert grown(wanted, found, after=later), f"{types}: {len(found)} events, wanted {len(wanted)}"


@check(
    "EVT-007",
    "The events of one session MUST be those that services hear of it, in their order, and of no other session.",
    source="the contract, list_session_events",
    profile="full",
    feature="events",
)
def test_a_session_has_the_events_that_are_told_of_it(world: World) -> None:
    cursor = end_of(world.first)
    user = world.new_user()
    made, neighbour = world.first.sign_in(user), world.first.sign_in(user)
    for operation in ("suspend_session", "reactivate_session"):
        expect(world.first.admin(operation, session_id=made.id), 200)
    expect(world.first.service("revoke_session_as_service", session_id=made.id, body={"reason": "left"}), 204)
    told = all_behind(world.first, cursor)
    for one in (made, neighbour):
        wanted = [
            {name: event[name] for name in ("id", "type", "occurred_at", "data")}
            for event in told
            if event["data"].get("session_id") == one.id
        ]
        found = expect(world.first.admin("list_session_events", session_id=one.id), 200).json
        types = [event["type"] for event in found["items"]]
        assert found["items"] == wanted, f"it has {types}, services are told {[event['type'] for event in wanted]}"
        assert found["has_more"] is False, "it says that there is more"
        if world.second is not None:
            expect(world.second.admin("list_session_events", session_id=one.id), 404)
