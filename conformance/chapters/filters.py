"""Filters and walks of a tenant's list of sessions: what fits is found, all of it, once, and nothing else."""

import itertools
from collections.abc import Iterator
from typing import Any

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
