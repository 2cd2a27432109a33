"""Suspension: a session that is refused everywhere for a while, and what becomes of it then."""

import functools
import time
from datetime import timedelta

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.instants import now
from sojourn.conformance.world import SignIn, World, expect

suspended = functools.partial(
    check, source="the contract, suspend_session and reactivate_session", profile="full", feature="suspension"
)


def suspend(world: World, made: SignIn, **body: str) -> None:
    """Suspend a session. Raises NotApplicable where the contract has no such operation."""
    if "suspend_session" not in world.contract.operations:
        raise NotApplicable("the contract has no operation suspend_session")
    shown = expect(world.first.admin("suspend_session", body=body, session_id=made.id), 200).json["session"]
    assert shown["status"] == "suspended", f"a suspended session is {shown['status']}"


def taken(world: World, made: SignIn) -> set[str]:
    """The views that take the session or a token of it. Its refresh token is not spent while it is refused."""
    first, user = world.first, made.user
    form = {"token": made.access}
    own = first.bearer(made.access, "get_session", session_id=made.id)
    ids = {"session_ids": [made.id]}
    seen = {
        "validate_access_token": first.is_good(made.access),
        "a bearer token": expect(own, 200, 401).status == 200,
        "introspect_token": expect(first.admin("introspect_token", body=form), 200).json["active"],
        "check_user_active": expect(first.service("check_user_active", user_id=user), 200).json["active"],
        "check_many_active": expect(first.service("check_many_active", body=ids), 200).json["items"][0]["active"],
        "touch_session_as_service": expect(
            first.service("touch_session_as_service", session_id=made.id), 200, 404
        ).status
        == 200,
        "list_user_sessions": made.id
        in [item["id"] for item in expect(first.service("list_user_sessions", user_id=user), 200).json["items"]],
        "rotate_access_token": expect(
            first.anyone("rotate_access_token", body={"refresh_token": made.refresh}), 200, 401
        ).status
        == 200,
        "get_session": first.status_of(made.id) == "active",
    }
    return {name for name, good in seen.items() if good}


@suspended("SUS-001", "A suspended session MUST be refused in every view, and taken again once it is reactivated.")
def test_a_suspended_session_is_refused_everywhere(world: World) -> None:
    made, neighbour = world.first.sign_in(), world.first.sign_in()
    before = taken(world, made)
    suspend(world, made)
    assert taken(world, made) == set(), f"a suspended session is taken by {sorted(taken(world, made))}"
    expect(world.first.refresh(made.refresh), 401)
    assert world.first.is_good(neighbour.access), "a neighbour is refused, too"
    expect(world.first.admin("reactivate_session", session_id=made.id), 200)
    assert taken(world, made) == before, "not all is as it was before the suspension"
    expect(world.first.refresh(made.refresh), 200)


@suspended("SUS-002", "Lists and numbers MUST tell suspended sessions from active ones, and both MUST agree.")
def test_numbers_and_lists_agree(world: World) -> None:
    user = world.new_user()
    made, neighbour = world.first.sign_in(user), world.first.sign_in(user)
    before = expect(world.first.admin("get_session_stats"), 200).json
    suspend(world, made)
    after = expect(world.first.admin("get_session_stats"), 200).json
    moved = [after[f"{name}_sessions"] - before[f"{name}_sessions"] for name in ("active", "suspended", "revoked")]
    assert moved == [-1, 1, 0], f"active, suspended and revoked moved by {moved}"
    for status, expected in (("suspended", [made.id]), ("active", [neighbour.id])):
        listed = expect(world.first.admin("list_tenant_sessions", user_id=user, status=status), 200).json
        assert [item["id"] for item in listed["items"]] == expected, f"the list of {status} sessions is another"
        assert listed["total"] == 1, f"{listed['total']} are {status}"


@suspended("SUS-003", "At its end a suspension MUST be over by itself, as `then` says, without a request.")
def test_a_suspension_ends_by_itself(world: World) -> None:
    resumed, ended = world.first.sign_in(), world.first.sign_in()
    until = (now() + timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    suspend(world, resumed, until=until, then="reactivate")
    suspend(world, ended, until=until, then="revoke")
    time.sleep(3)
    states = [world.first.status_of(made.id) for made in (resumed, ended)]
    assert states == ["active", "revoked"], f"after the suspension they are {states}"
    good = [world.first.is_good(made.access) for made in (resumed, ended)]
    assert good == [True, False], f"whether their tokens are good: {good}"
    shown = expect(world.first.service("get_session_as_service", session_id=ended.id), 200).json["session"]
    assert shown["reason_code"] == "suspension_over", f"the reason is {shown['reason_code']}"


@suspended("SUS-004", "Verifiers MUST hear of a suspension and of its end, and the snapshot MUST name it meanwhile.")
def test_verifiers_hear_of_it(world: World) -> None:
    made = world.first.sign_in()
    cursor = expect(world.first.service("get_revocations"), 200).json["cursor"]
    suspend(world, made)
    during = expect(world.first.service("get_revocations"), 200).json["items"]
    expect(world.first.admin("reactivate_session", session_id=made.id), 200)
    after = expect(world.first.service("get_revocations"), 200).json["items"]
    named = [[item["kind"] for item in items if item.get("session_id") == made.id] for items in (during, after)]
    assert named == [["suspension"], []], f"the snapshot names it as {named}"
    told = expect(world.first.service("list_events", after=cursor, limit=500), 200).json["items"]
    types = [event["type"] for event in told if event["data"].get("session_id") == made.id]
    assert types == ["session.suspended", "session.reactivated"], f"the events are {types}"


@suspended("SUS-005", "A suspended session MUST end like any other, and an ended one MUST NOT be suspended.")
def test_a_suspended_session_can_be_ended(world: World) -> None:
    made = world.first.sign_in()
    suspend(world, made)
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    assert world.first.status_of(made.id) == "revoked", "it was not ended"
    expect(world.first.admin("suspend_session", session_id=made.id), 404)
    expect(world.first.admin("reactivate_session", session_id=made.id), 404)
    stranger = world.twin.sign_in()
    expect(world.first.admin("suspend_session", session_id=stranger.id), 404)
