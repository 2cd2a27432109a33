"""Policies: a tenant's own limit of sessions is exact, its time-outs hold at once, and neither in another tenant."""

import functools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sojourn.conformance.chapters.events import all_behind, end_of, ended
from sojourn.conformance.chapters.lifecycle import assert_every_read_says, assert_its_tokens_are
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.endings import Lasting
from sojourn.conformance.instants import instant
from sojourn.conformance.policies import CLEAR, SET, SIMULATE, limited, ruled
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import SignIn, Tenant, World, expect

AT_ONCE = 50
MOST = 3
SIMULATED = 20
"""So many sessions few others have: what a simulation says changes by what the check itself does."""
IDLE, ABSOLUTE = 3_600.0, 7_200.0
"""Time-outs in seconds that no session of a check reaches."""
SHORTEST = 2.0
"""The shortest time-out there is, in seconds."""
SLACK = 1.0
"""Seconds by which a deadline may be rounded."""
ON_LIMIT = ("deny", "end_oldest", "end_idlest")
BINDINGS = (
    {"country": "end"},
    {"asn": "report"},
    {"asn": "off", "country": "report"},
    {"asn": "end", "country": "off"},
)
NO_BINDINGS = ({"country": "deny"}, {"city": "end"}, {"asn": 64500}, {"asn": ["end"]}, "end")
HOMES = (("8.8.8.8", "8.8.8.8"), ("192.0.2.10", "192.0.2.10"), ("2001:4860:4860::8888", "2001:4860:4860:0:0:0:0:8888"))
"""Addresses of which files of places know some, each with how a use names it."""

policed = functools.partial(check, source="the contract, set_session_policy", profile="full", feature="policies")


def require_policies(world: World) -> None:
    """Raises NotApplicable where the contract has no policies."""
    if SET not in world.contract.operations:
        raise NotApplicable(f"the contract has no operation {SET}")


def begin(tenant: Tenant, user: str, **facts: str) -> Reply:
    """What a sign-in is answered."""
    return tenant.service("create_session", body={"auth_user_id": user, **facts})


def begun(tenant: Tenant, user: str, **facts: str) -> str:
    """A session that began, by its id."""
    return str(expect(begin(tenant, user, **facts), 201).json["data"]["session"]["id"])


def open_ones(tenant: Tenant, user: str) -> list[dict[str, Any]]:
    """The active sessions of a user."""
    items: list[dict[str, Any]] = expect(tenant.service("list_user_sessions", user_id=user, page_size=100), 200).json[
        "items"
    ]
    return items


def many_at_once(tenant: Tenant, user: str, *, apps: tuple[str, ...]) -> list[Reply]:
    """The answers to sign-ins that arrive together, in turn for each of some applications."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(begin, tenant, user, app_id=apps[n % len(apps)]) for n in range(AT_ONCE)]
        return [expect(one.result(), 201, 409) for one in asked]


@policed("POL-001", "A limit MUST be exact, however many sign-ins arrive at once.")
def test_a_limit_is_exact_under_load(world: World) -> None:
    require_policies(world)
    for on_limit in ON_LIMIT:
        for per, apps in (("user", ("web",)), ("user_app", ("web", "phone"))):
            user = world.new_user()
            with limited(world.first, MOST, per=per, on_limit=on_limit):
                replies = many_at_once(world.first, user, apps=apps)
            found = Counter(item["app_id"] for item in open_ones(world.first, user))
            assert found == dict.fromkeys(apps, MOST), f"{on_limit} per {per} of {MOST} left {dict(found)}"
            statuses = Counter(reply.status for reply in replies)
            made = MOST * len(apps) if on_limit == "deny" else AT_ONCE
            assert statuses[201] == made, f"{on_limit} per {per}: {statuses[201]} of {AT_ONCE} began, not {made}"


@policed("POL-002", "A denied sign-in MUST be 409 `session-limit-reached`, and MUST leave nothing behind.")
def test_a_denied_sign_in_leaves_nothing(world: World) -> None:
    require_policies(world)
    user = world.new_user()
    with limited(world.first, 1, on_limit="deny"):
        kept = begun(world.first, user)
        before = expect(world.first.admin("get_session_stats"), 200).json["total_sessions"]
        refused = expect(begin(world.first, user), 409)
        assert refused.json["i18n_key"] == "error.session_limit_reached", f"it is {refused.json['i18n_key']}"
        after = expect(world.first.admin("get_session_stats"), 200).json["total_sessions"]
        assert after == before, f"there were {before} sessions, and are {after}"
        expect(world.first.service("revoke_session_as_service", session_id=kept), 204)
        begun(world.first, user)


@policed("POL-003", "A policy MUST hold in its tenant, and in no other.", needs=("second_admin_token",))
def test_a_policy_holds_in_its_tenant_only(world: World) -> None:
    require_policies(world)
    user = world.new_user()
    before = expect(world.twin.admin("get_session_policy"), 200).json
    with limited(world.first, 1, on_limit="deny"):
        own = expect(world.first.admin("get_session_policy"), 200).json
        limit = {"count": 1, "per": "user", "on_limit": "deny"}
        assert own.get("max_sessions") == limit, f"the policy is {own}"
        assert expect(world.twin.admin("get_session_policy"), 200).json == before, "the twin's policy is another"
        for _ in range(2):
            begun(world.twin, user)
        begun(world.first, user)
        expect(begin(world.first, user), 409)


@policed("POL-004", "The session that the policy names MUST end for a new one, once, in the scope that is full.")
def test_the_right_session_ends(world: World) -> None:
    require_policies(world)
    for on_limit, gone in (("end_oldest", 0), ("end_idlest", 1)):
        user = world.new_user()
        with limited(world.first, 2, per="user_app", on_limit=on_limit):
            other = begun(world.first, user, app_id="phone")
            made = [begun(world.first, user, app_id="web") for _ in range(2)]
            expect(world.first.service("touch_session_as_service", session_id=made[0]), 200)
            newest = begun(world.first, user, app_id="web")
        left = {item["id"] for item in open_ones(world.first, user)}
        assert left == {other, made[1 - gone], newest}, f"{on_limit} ended another session than {made[gone]}"
        ended = expect(world.first.service("get_session_as_service", session_id=made[gone]), 200).json["session"]
        assert ended["reason_code"] == "session_limit", f"the reason is {ended['reason_code']}"


@policed("POL-005", "A suspended session MUST count.")
def test_a_suspended_session_counts(world: World) -> None:
    require_policies(world)
    user = world.new_user()
    with limited(world.first, 1, on_limit="deny"):
        made = begun(world.first, user)
        expect(world.first.admin("suspend_session", session_id=made), 200)
        expect(begin(world.first, user), 409)


@policed("POL-006", "A change of a policy MUST be an event, raise its version, and end no session by itself.")
def test_a_change_is_told_and_ends_nothing(world: World) -> None:
    require_policies(world)
    user = world.new_user()
    made = {begun(world.first, user) for _ in range(3)}
    cursor = expect(world.first.service("get_revocations"), 200).json["cursor"]
    before = expect(world.first.admin("get_session_policy"), 200).json["version"]
    with limited(world.first, 1):
        expect(world.first.admin(SET, body={"max_sessions": {"count": 1}}), 200)
        assert {item["id"] for item in open_ones(world.first, user)} == made, "the policy ended sessions"
        newest = begun(world.first, user)
        assert [item["id"] for item in open_ones(world.first, user)] == [newest], "too many are left"
    expect(world.first.admin(CLEAR), 204)
    after = expect(world.first.admin("get_session_policy"), 200).json
    assert after == {"version": before + 2}, f"the policy is {after}, its version was {before}"
    told = expect(world.first.service("list_events", after=cursor, types="policy.changed"), 200).json["items"]
    versions = [event["data"].get("version") for event in told]
    assert versions == [before + 1, before + 2], f"the versions told are {versions}"


@policed("POL-007", "A policy MUST be changed only if it is still as the condition says.")
def test_a_condition_guards_a_policy(world: World) -> None:
    require_policies(world)
    with limited(world.first, 60):
        before = expect(world.first.admin("get_session_policy"), 200)
        for operation, body in ((SET, {"max_sessions": {"count": 70}}), (CLEAR, None)):
            request = world.first.request(operation, body=body)
            request = request.with_header("Authorization", f"Bearer {world.first.admin_token}")
            seen = expect(world.first.admin("get_session_policy"), 200)
            expect(world.send(request.with_header("If-Match", '"another"')), 412)
            now = expect(world.first.admin("get_session_policy"), 200).json
            assert now == seen.json, f"what was refused was done: {now}"
            expect(world.send(request.with_header("If-Match", seen.headers["etag"])), 200, 204)
        after = expect(world.first.admin("get_session_policy"), 200).json
        assert after == {"version": before.json["version"] + 2}, f"the policy is {after}"


@policed("POL-008", "A simulation MUST change nothing, and MUST foretell what the policy then does.")
def test_a_simulation_foretells_and_changes_nothing(world: World) -> None:
    if SIMULATE not in world.contract.operations:
        raise NotApplicable(f"the contract has no operation {SIMULATE}")
    first, user, above = world.first, world.new_user(), 2
    policy = expect(first.admin("get_session_policy"), 200).json
    before = {on_limit: simulated(first, on_limit) for on_limit in ("end_oldest", "deny")}
    made = [begun(first, user) for _ in range(SIMULATED + above)]
    after = {on_limit: simulated(first, on_limit) for on_limit in before}
    assert {item["id"] for item in open_ones(first, user)} == set(made), "the simulation ended sessions"
    assert expect(first.admin("get_session_policy"), 200).json == policy, "the simulation set the policy"
    ends = [after["end_oldest"][n] - before["end_oldest"][n] for n in (0, 1)]
    assert ends == [above, 1], f"would_end_now grew by {ends} for {above} sessions of 1 user"
    denied = after["deny"][2] - before["deny"][2]
    assert denied == above, f"would_deny grew by {denied} sign-ins for {above} above the limit"
    with limited(first, SIMULATED, on_limit="deny"):
        expect(begin(first, user), 409)
    with limited(first, SIMULATED, on_limit="end_oldest"):
        newest = begun(first, user)
    left = {item["id"] for item in open_ones(first, user)}
    assert left == {*made[above + 1 :], newest}, f"{len(made) + 1 - len(left)} ended, and not {above + 1}"


def simulated(tenant: Tenant, on_limit: str) -> tuple[int, int, int]:
    """What a limit would do: how many sessions it would end, of how many users, how many sign-ins it would deny."""
    limit = {"count": SIMULATED, "on_limit": on_limit}
    told = expect(tenant.admin(SIMULATE, body={"max_sessions": limit}), 200).json
    if not told["counted"]["complete"]:
        raise NotApplicable("the tenant has more sessions than a simulation counts")
    ends = told["would_end_now"]
    wanted = {"idle_timeout": 0, "absolute_timeout": 0, "max_sessions": ends["sessions"]}
    assert ends["by_rule"] == wanted, f"the only rule is a limit, of {ends['sessions']} ends it names {ends['by_rule']}"
    return ends["sessions"], ends["users"], told["would_deny"]["sign_ins"]


@policed("POL-011", "A binding MUST be shown as it was set, and what is none MUST be refused and change nothing.")
def test_a_binding_is_shown_as_it_was_set(world: World) -> None:
    require_bindings(world)
    for rules in BINDINGS:
        with ruled(world.first, {"bind": rules}):
            shown = expect(world.first.admin("get_session_policy"), 200).json
            assert shown.get("bind") == rules, f"the binding {rules} is shown as {shown.get('bind')}"
            for wrong in NO_BINDINGS:
                expect(world.first.admin(SET, body={"bind": wrong}), 400)
            after = expect(world.first.admin("get_session_policy"), 200).json
            assert after == shown, f"what was refused was done: {after}"
    cleared = expect(world.first.admin("get_session_policy"), 200).json
    assert "bind" not in cleared, f"the policy without rules is {cleared}"


@policed("POL-012", "A use from where a session began, or without an address, MUST NOT end it, however it is bound.")
def test_a_use_from_home_ends_nothing(world: World) -> None:
    require_bindings(world)
    with ruled(world.first, {"bind": {"asn": "end", "country": "end"}}):
        for first, home in HOMES:
            made = begun(world.first, user := world.new_user(), ip=first)
            for body in ({"ip": home}, {"user_agent": "Mozilla/5.0"}, None):
                reply = world.first.service("touch_session_as_service", session_id=made, body=body)
                assert reply.status == 200, f"a use from {first} with {body} is {reply.status}"
            left = [item["id"] for item in open_ones(world.first, user)]
            assert left == [made], f"a session of {first} was ended by a use from there"


def require_bindings(world: World) -> None:
    """Raises NotApplicable where the contract has no bindings."""
    require_policies(world)
    if "bind" not in (world.contract.operations[SET].body_schema or {}).get("properties", {}):
        raise NotApplicable(f"a policy of {SET} binds no sessions")


def require_timeouts(world: World) -> None:
    """Raises NotApplicable where the contract's policies have no time-outs."""
    require_policies(world)
    if "idle_timeout" not in (world.contract.operations[SET].body_schema or {}).get("properties", {}):
        raise NotApplicable("the contract's policies have no time-outs")


def lasts(tenant: Tenant, made: SignIn) -> tuple[float, float]:
    """How many seconds a session lasts from its last activity, and how many from its beginning."""
    shown = expect(tenant.admin("get_session", session_id=made.id), 200).json["session"]
    begun, used, idle, end = (
        instant(shown[name]) for name in ("created_at", "last_active_at", "idle_expires_at", "expires_at")
    )
    return (idle - used).total_seconds(), (end - begun).total_seconds()


def assert_lasts(tenant: Tenant, made: SignIn, *, wanted: tuple[float, float]) -> None:
    """A session lasts so long, but for rounding."""
    found = lasts(tenant, made)
    off = [abs(one - other) for one, other in zip(found, wanted, strict=True)]
    assert max(off) <= SLACK, f"it lasts {found} seconds unused and in all, not {wanted}"


@policed("POL-009", "The shorter of a policy's time-out and the server's own MUST hold, for live sessions as for new.")
def test_the_shorter_timeout_holds(world: World) -> None:
    require_timeouts(world)
    tenant, old = world.first, world.first.sign_in()
    own = lasts(tenant, old)
    wanted = min(own[0], IDLE), min(own[1], ABSOLUTE)
    rules = {"idle_timeout": f"{IDLE:.0f}s", "absolute_timeout": f"{ABSOLUTE:.0f}s"}
    with ruled(tenant, rules) as policy:
        assert set(policy) == {"version", *rules}, f"the policy is {policy}"
        assert_lasts(tenant, old, wanted=wanted)
        new = tenant.sign_in()
        assert_lasts(tenant, new, wanted=wanted)
        expect(tenant.admin("touch_session", session_id=new.id), 200)
        assert_lasts(tenant, new, wanted=wanted)
        for made in (old, new):
            assert_every_read_says(tenant, made, status="active")
    assert_lasts(tenant, old, wanted=wanted)  # a rule that is taken away gives no session back what it took
    assert_lasts(tenant, tenant.sign_in(), wanted=own)


@policed(
    "POL-010",
    "A session that is idle longer than a new `idle_timeout` MUST end with the policy, in every read, by one event.",
    waits=True,
)
def test_a_shorter_timeout_ends_what_is_idle(world: World) -> None:
    require_timeouts(world)
    tenant, session = world.first, Lasting(world.first.sign_in)
    made: SignIn = session.made
    assert_every_read_says(tenant, made, status="active")
    session.wait(SHORTEST, world.target.patience)
    seen = end_of(tenant)
    with ruled(tenant, {"idle_timeout": f"{SHORTEST:.0f}s"}):
        assert_its_tokens_are(tenant, made, good=False)
        assert_every_read_says(tenant, made, status="expired")
    assert_every_read_says(tenant, made, status="expired")
    shown = expect(tenant.service("get_session_as_service", session_id=made.id), 200).json["session"]
    assert shown.get("reason_code") == "idle_timeout", f"the reason is {shown.get('reason_code')}"
    told = told_of_the_end(tenant, made, after=seen)
    assert told == ["idle_timeout"], f"the ends told are {told}"


def told_of_the_end(tenant: Tenant, made: SignIn, *, after: str) -> list[Any]:
    """The reasons of the ends told of a session, once there is one: a server may tell many ends one after the other."""
    until = time.monotonic() + tenant.world.target.patience
    while not (found := ended(all_behind(tenant, after), made.id)) and time.monotonic() < until:
        time.sleep(0.2)
    return [event["data"].get("reason_code") for event in found]
