"""Revocation plans: what was counted is what ends, at once, and nobody else."""

import functools
import time
import uuid
from typing import Any

from sojourn.conformance.chapters.suspension import suspend
from sojourn.conformance.checks import check
from sojourn.conformance.world import SignIn, Tenant, World, expect

planned = functools.partial(
    check, source="the contract, create_revocation_plan and apply_revocation_plan", profile="full", feature="plans"
)
SECONDS = 60
"""How long the rows of a few sessions may take."""


def plan_of(tenant: Tenant, user: str, **members: Any) -> Any:
    """A plan of the sessions of a user."""
    body = {"filter": {"user_id": user}, "reason": "drill", **members}
    return expect(tenant.admin("create_revocation_plan", body=body), 201).json


def good_of(tenant: Tenant, made: list[SignIn]) -> list[bool]:
    """Of each session whether its token and its status are good; the two must agree."""
    found = []
    for one in made:
        good, status = tenant.is_good(one.access), tenant.status_of(one.id)
        assert good == (status == "active"), f"{one.id} is {status}, and its token is {'' if good else 'not '}good"
        found.append(good)
    return found


@planned("PLN-001", "A plan MUST count what the list counts, and what it ends MUST be refused from its response on.")
def test_what_was_counted_ends_at_once(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made, kept, other = [tenant.sign_in(user) for _ in range(3)], tenant.sign_in(user), tenant.sign_in()
    twin = world.second.sign_in(user) if world.second else None
    counted = expect(tenant.admin("list_tenant_sessions", user_id=user, status="active"), 200).json["pagination"][
        "total"
    ]
    everyone, plan = plan_of(tenant, user), plan_of(tenant, user, except_session_ids=[kept.id])
    assert everyone["sessions"] == counted == len(made) + 1, f"planned {everyone['sessions']}, listed {counted}"
    assert plan["sessions"] == len(made), "the exception is counted"
    begun = expect(tenant.admin("apply_revocation_plan", plan_id=plan["plan_id"]), 202).json
    assert good_of(tenant, [*made, kept, other]) == [False] * len(made) + [True, True], "not just those end at once"
    assert twin is None or world.twin.is_good(twin.access), "the same user of another tenant ends, too"
    later = tenant.sign_in(user)
    again = expect(tenant.admin("apply_revocation_plan", plan_id=plan["plan_id"]), 202).json
    assert again["revocation_id"] == begun["revocation_id"], "applied twice it is another revocation"
    done = finished(tenant, begun["revocation_id"])
    assert (done["ended"], done["remaining"]) == (len(made), 0), f"ended {done['ended']} of {len(made)}"
    assert good_of(tenant, [*made, kept, later]) == [False] * len(made) + [True, True], "the rows ended otherwise"


def finished(tenant: Tenant, revocation_id: str) -> Any:
    """What is said of a revocation once all of it is done."""
    ends = time.monotonic() + SECONDS
    while True:
        shown = expect(tenant.admin("get_revocation", revocation_id=revocation_id), 200).json
        if shown["remaining"] == 0 and "finished_at" in shown:
            return shown
        assert time.monotonic() < ends, f"after {SECONDS} seconds it is {shown}"
        time.sleep(0.1)


@planned("PLN-002", "More sessions than a plan may end MUST be 409 with the new number, and MUST end nothing.")
def test_a_plan_that_drifted_ends_nothing(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made = [tenant.sign_in(user)]
    plan = plan_of(tenant, user)["plan_id"]
    made.append(tenant.sign_in(user))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    refused = expect(tenant.admin("apply_revocation_plan", plan_id=plan, body={}), 409)
    assert "2" in refused.json["detail"], f"the new number is not told: {refused.json['detail']}"
    assert good_of(tenant, made) == [True, True], "a plan that was refused ended something"
    request = tenant.request("apply_revocation_plan", plan_id=plan, body={"max_sessions": 2})
    request = request.with_header("Authorization", f"Bearer {tenant.admin_token}")
    for name, value in key.items():
        request = request.with_header(name, value)
    first, again = (expect(world.send(request), 202).json for _ in range(2))
    assert first == again, "a retry is answered otherwise"
    assert good_of(tenant, made) == [False, False], "the number that was allowed does not end"


@planned("PLN-003", "A plan MUST be nothing in another tenant.", needs=("second_admin_token",))
def test_a_plan_is_its_tenants_own(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made, plan = tenant.sign_in(user), plan_of(tenant, user)["plan_id"]
    expect(world.twin.admin("get_revocation_plan", plan_id=plan), 404)
    expect(world.twin.admin("apply_revocation_plan", plan_id=plan), 404)
    assert tenant.is_good(made.access), "another tenant applied the plan"
    begun = expect(tenant.admin("apply_revocation_plan", plan_id=plan), 202).json
    expect(world.twin.admin("get_revocation", revocation_id=begun["revocation_id"]), 404)


@planned("PLN-004", "Each filter of a plan MUST mean what it means in the list of sessions.")
def test_each_filter_means_what_it_means_in_the_list(world: World) -> None:
    tenant, user = world.first, world.new_user()
    facts = {
        "app_id": f"app_{user}", "device_id": f"dev_{user}", "device_fingerprint": f"sha256:{user}", "ip": "192.0.2.77",
        "device_type": "tablet", "user_agent": "Conformance/1 (plans)",
    }  # fmt: skip
    made = tenant.sign_in(user, amr=["password", "totp"], **facts)
    for _ in range(2):
        tenant.sign_in(user, device_type="desktop", ip="198.51.100.3", user_agent="Another/2", amr=["webauthn"])
    known = {**facts, "user_id": user, "ip": "192.0.2.0/24", "amr": "totp", "user_agent_contains": "conformance/1"}
    known |= dict.fromkeys(("created_after", "created_before", "active_after"), made.session["created_at"])
    schema = (world.contract.operations["create_revocation_plan"].body_schema or {})["properties"]["filter"]
    wrong = []
    for name, member in schema["properties"].items():
        wanted = {"user_id": user, name: known.get(name, member["example"])}
        planned_ones = plan_of(tenant, user, filter=wanted, reason_code="credential_change")["sessions"]
        asked = {**wanted, "status": "active"}
        listed = expect(tenant.admin("list_tenant_sessions", **asked), 200).json["pagination"]["total"]
        if planned_ones != listed:
            wrong.append(f"{name}: planned {planned_ones}, listed {listed}")
    assert not wrong, "; ".join(wrong)


@planned("PLN-005", "A plan MUST end suspended sessions, too, and none of them MUST be reactivated afterwards.")
def test_a_suspended_session_ends_for_good(world: World) -> None:
    tenant, user = world.first, world.new_user()
    made, active = tenant.sign_in(user), tenant.sign_in(user)
    suspend(world, made)
    plan = plan_of(tenant, user)
    assert plan["sessions"] == 2, f"of an active and a suspended session, {plan['sessions']} are planned"
    begun = expect(tenant.admin("apply_revocation_plan", plan_id=plan["plan_id"]), 202).json
    expect(tenant.admin("reactivate_session", session_id=made.id), 404)
    assert good_of(tenant, [made, active]) == [False, False], "a plan spares a session that was suspended"
    assert tenant.status_of(made.id) == "revoked", f"the suspended session is {tenant.status_of(made.id)}"
    done = finished(tenant, begun["revocation_id"])
    assert done["ended"] == 2, f"{done['ended']} of the two have ended"
    expect(tenant.admin("reactivate_session", session_id=made.id), 404)
