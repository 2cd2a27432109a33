"""Filters and walks of a tenant's list of sessions: what fits is found, all of it, once, and nothing else."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jwt

from sojourn.conformance.checks import check
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import SignIn, Tenant, World, expect

_LIST = "the contract, list_tenant_sessions"
LIST = "list_tenant_sessions"
STEPS = 50


def made_of(world: World) -> tuple[dict[str, str], SignIn, list[SignIn]]:
    """Filters, a session that fits each of them, and sessions that fit all but one, in the order of the filters."""
    mark = world.new_user()
    fitting: dict[str, Any] = {
        "app_id": f"app_{mark}",
        "device_id": f"dev_{mark}",
        "device_type": "tablet",
        "device_fingerprint": f"sha256:{mark}",
        "ip": "203.0.113.77",
        "amr": ["otp"],
        "user_agent": f"Agent {mark}",
    }
    others: dict[str, Any] = {
        "app_id": f"other_{mark}",
        "device_id": f"other_{mark}",
        "device_type": "desktop",
        "device_fingerprint": f"other:{mark}",
        "ip": "203.0.114.77",
        "amr": ["otp2"],
        "user_agent": "another",
    }
    user = world.new_user()
    wanted = world.first.sign_in(user, **fitting)
    near = [world.first.sign_in(user, **{**fitting, name: others[name]}) for name in fitting]
    near.append(world.first.sign_in(**fitting))
    filters = {**{name: str(value) for name, value in fitting.items() if isinstance(value, str)}, "amr": "otp"}
    filters["ip"] = "203.0.113.0/24"
    filters["user_agent_contains"] = filters.pop("user_agent").upper()
    names = ["user_agent_contains" if name == "user_agent" else name for name in fitting]
    return {**{name: filters[name] for name in names}, "user_id": user}, wanted, near


def found(tenant: Tenant, **asked: Any) -> list[str]:
    """The ids of a page."""
    return [item["id"] for item in expect(tenant.admin(LIST, page_size=100, **asked), 200).json["items"]]


def walked(tenant: Tenant, limit: int, **asked: Any) -> Iterator[str]:
    """The ids of a walk by cursor, step by step."""
    cursor: dict[str, str] = {}
    for _ in range(STEPS):
        page = expect(tenant.admin(LIST, limit=limit, count="none", **asked, **cursor), 200).json
        yield from (item["id"] for item in page["items"])
        if "next_cursor" not in page["pagination"]:
            return
        cursor = {"cursor": page["pagination"]["next_cursor"]}
    raise AssertionError(f"a walk has no end after {STEPS} steps")


@check(
    "FLT-001",
    "Each filter of the list of sessions MUST leave the sessions that fit it, and filters together those that fit all.",
    source=_LIST,
    profile="full",
    feature="filters",
)
def test_filters_leave_what_fits(world: World) -> None:
    filters, wanted, near = made_of(world)
    everything = [wanted, *near]
    for number, (name, value) in enumerate(filters.items()):
        told = set(found(world.first, **{name: value}))
        fitting = {one.id for one in everything if one is not near[number]}
        assert told >= fitting, f"{name} leaves out a session that fits"
        assert near[number].id not in told, f"{name} keeps a session that does not fit"
    for (number, first), (other, second) in itertools.combinations(enumerate(filters), 2):
        told = set(found(world.first, **{first: filters[first], second: filters[second]}))
        assert not told & {near[number].id, near[other].id}, f"{first} and {second} keep what fits one of them"
        assert wanted.id in told, f"{first} and {second} leave out what fits both"
    assert found(world.first, **filters) == [wanted.id], "all filters together leave another set than what fits all"


@check(
    "FLT-002",
    "A walk by cursor MUST show every session that fits from its beginning to its end exactly once, in its order.",
    source=_LIST,
    profile="full",
    feature="filters",
)
def test_a_walk_shows_each_once(world: World) -> None:
    user = world.new_user()
    made = [world.first.sign_in(user).id for _ in range(9)]
    for sort, wanted in (("-created_at", made[::-1]), ("created_at", made)):
        for limit in (1, 2, 4, 100):
            told = list(walked(world.first, limit, user_id=user, sort=sort))
            assert told == wanted, f"steps of {limit}, {sort}: {len(told)} sessions, {len(wanted)} stand"
    told, ended = [], []
    for number, key in enumerate(walked(world.first, 2, user_id=user, status="active")):
        told.append(key)
        if number in (1, 3):
            world.first.sign_in(user)
            ended.append(made[number - 1])
            expect(world.first.admin("revoke_session", session_id=ended[-1]), 204)
    standing = [key for key in made[::-1] if key not in ended]
    assert [key for key in told if key in standing] == standing, "what stood throughout is not shown once, in order"
    assert len(told) == len(set(told)), "a session is shown twice"


@check(
    "FLT-003",
    "A cursor MUST be refused by the list of another filter or another order, and not be answered.",
    source=_LIST,
    profile="full",
    feature="filters",
)
def test_a_cursor_is_good_for_its_own_list(world: World) -> None:
    user = world.new_user()
    for _ in range(3):
        world.first.sign_in(user)
    cursor = _cursor_of(world.first.admin(LIST, limit=1, user_id=user))
    for other in ({"user_id": world.new_user()}, {}, {"user_id": user, "sort": "created_at"}):
        _refused(world.first.admin(LIST, cursor=cursor, **other))
    for name in ("page", "page_size"):
        expect(world.first.admin(LIST, cursor=cursor, user_id=user, **{name: 1}), 400)


@check(
    "FLT-004",
    "A cursor MUST be refused by the list of another tenant.",
    source=_LIST,
    profile="full",
    feature="filters",
    needs=("second_admin_token",),
)
def test_a_cursor_is_good_for_its_own_tenant(world: World) -> None:
    for tenant in (world.first, world.twin):
        for _ in range(2):
            tenant.sign_in()
    for one, other in ((world.first, world.twin), (world.twin, world.first)):
        _refused(other.admin(LIST, cursor=_cursor_of(one.admin(LIST, limit=1))))


def _cursor_of(reply: Reply) -> str:
    return str(expect(reply, 200).json["pagination"]["next_cursor"])


def _refused(reply: Reply) -> None:
    problem = expect(reply, 400).json
    fields = [error.get("field") for error in problem.get("errors", [])]
    assert fields == ["cursor"], f"the problem names {fields}"


OF_ONE_USER: dict[str, Callable[..., Reply]] = {
    "list_own_sessions": lambda tenant, made, **asked: tenant.bearer(
        made.access, "list_own_sessions", auth_user_id=made.user, **asked
    ),
    "list_sessions_of_user": lambda tenant, made, **asked: tenant.bearer(
        made.access, "list_sessions_of_user", user_id=made.user, **asked
    ),
    "list_user_sessions": lambda tenant, made, **asked: tenant.service(
        "list_user_sessions", user_id=made.user, **asked
    ),
}
"""The lists of one user's sessions, read by who may: the user or a service."""


@check(
    "FLT-005",
    "A walk through one user's sessions MUST show each once, in its order, and its cursor MUST be refused elsewhere.",
    source="the contract, list_own_sessions, list_sessions_of_user and list_user_sessions",
    profile="full",
    feature="filters",
)
def test_a_walk_through_one_users_sessions_shows_each_once(world: World) -> None:
    user = world.new_user()
    made = [world.first.sign_in(user) for _ in range(5)]
    stranger = world.first.sign_in()
    for name, ask in OF_ONE_USER.items():
        for sort, wanted in (("-created_at", made[::-1]), ("created_at", made)):
            told: list[str] = []
            cursor: dict[str, str] = {}
            for _ in made:
                page = expect(ask(world.first, made[0], limit=2, sort=sort, **cursor), 200).json
                told += [item["id"] for item in page["items"]]
                if "next_cursor" not in page["pagination"]:
                    break
                cursor = {"cursor": page["pagination"]["next_cursor"]}
            assert told == [one.id for one in wanted], f"{name}, {sort}: {len(told)} shown of {len(wanted)}"
        _refused(ask(world.first, stranger, **cursor))


@check(
    "FLT-006",
    "Sessions grouped by device MUST be those of the list: each device once, with its newest session and its counts.",
    source="the contract, list_devices_of_user and list_own_devices",
    profile="full",
    feature="filters",
)
def test_devices_are_those_of_the_list(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made = [tenant.sign_in(user, **({"device_id": name} if name else {})) for name in ("One", "one", "One", None, "2")]
    tenant.sign_in()
    expect(tenant.service("revoke_session_as_service", session_id=made[2].id), 204)
    for name, shown in (
        ("list_devices_of_user", expect(tenant.admin("list_devices_of_user", user_id=user), 200).json),
        ("list_own_devices", expect(tenant.bearer(made[0].access, "list_own_devices"), 200).json),
    ):
        told = [
            (item.get("device_id"), item["session_count"], item["active_count"], item["newest"]["id"])
            for item in shown["items"]
        ]
        assert told == [
            ("2", 1, 1, made[4].id),
            (None, 1, 1, made[3].id),
            ("One", 2, 1, made[2].id),
            ("one", 1, 1, made[1].id),
        ], f"{name} shows {told}"
        assert shown["has_more"] is False, f"{name} says that there is more"
        current = [item.get("device_id") for item in shown["items"] if item.get("current")]
        assert current == (["One"] if name == "list_own_devices" else []), f"{name} marks {current}"


@check(
    "FLT-007",
    "The filters of country and network operator MUST leave the sessions that are shown with them, and no other.",
    source=_LIST,
    profile="full",
    feature="filters",
)
def test_places_are_filtered_as_they_are_shown(world: World) -> None:
    user = world.new_user()
    for facts in ({}, {"ip": "203.0.113.77"}, {"ip": "198.51.100.9"}, {"ip": "8.8.8.8"}):
        world.first.sign_in(user, **facts)
    items = expect(world.first.admin(LIST, user_id=user, page_size=100), 200).json["items"]
    for name, others in (("country", {"AQ", "US"}), ("asn", {64496, 15169})):
        for value in others | {item[name] for item in items if name in item}:
            told = found(world.first, user_id=user, **{name: value})
            wanted = [item["id"] for item in items if item.get(name) == value]
            assert told == wanted, f"{name}={value} leaves {len(told)} sessions, {len(wanted)} are shown with it"


@check(
    "FLT-008",
    "The tokens of a session MUST be those issued for it, and those of a user's sessions together all of the user's.",
    source="the contract, list_tokens",
    profile="full",
    feature="filters",
)
def test_tokens_are_listed_session_by_session(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made = [tenant.sign_in(user) for _ in range(3)]
    pair = expect(tenant.refresh(made[0].refresh), 200).json
    whole = _token_ids(tenant, user_id=user)
    apart = [_token_ids(tenant, session_id=one.id) for one in made]
    assert sorted(one for ids in apart for one in ids) == sorted(whole), f"{len(whole)} tokens, apart {apart}"
    for one in made:
        for kind in ("access", "refresh"):
            assert _token_ids(tenant, session_id=one.id, type=kind), f"a session has no {kind} token"
    for access, ids in ((pair["access_token"], apart[0]), (made[1].access, apart[1])):
        jti = jwt.decode(access, options={"verify_signature": False})["jti"]
        assert jti in ids, "a token is not among those of its session"
    assert _token_ids(tenant, session_id=made[0].id, user_id=world.new_user()) == [], "the user is not heeded"


def _token_ids(tenant: Tenant, **asked: str) -> list[str]:
    listed = expect(tenant.admin("list_tokens", page_size=100, **asked), 200).json["items"]
    return [item["id"] for item in listed]
