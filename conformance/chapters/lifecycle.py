"""Lifecycle: a session from its creation to its end, and every read agrees about it."""

import time
from typing import Any

from sojourn.conformance.checks import check
from sojourn.conformance.counts import counts_of, moved_by
from sojourn.conformance.instants import instant
from sojourn.conformance.world import SignIn, Tenant, World, expect

_STATUS = "the contract, schema SessionResponse; revoke_session, get_session"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def assert_every_read_says(tenant: Tenant, made: SignIn, *, status: str) -> None:
    """Check what each read says about a user's only session."""
    active, user = int(status == "active"), made.user
    said = {
        "active.session_count": expect(tenant.service("check_user_active", user_id=user), 200).json["session_count"],
        "active.active": int(expect(tenant.service("check_user_active", user_id=user), 200).json["active"]),
        "the user's list": expect(tenant.service("list_user_sessions", user_id=user), 200).json["total"],
        "own sessions": expect(tenant.admin("list_own_sessions", auth_user_id=user), 200).json["total"],
        "sessions of the user": expect(tenant.admin("list_sessions_of_user", user_id=user), 200).json["total"],
        "status=active": _filtered(tenant, user, status="active"),
        "validate": int(expect(tenant.admin("validate_session", session_id=made.id), 200).json["valid"]),
        "the list of all": int(made.id.removeprefix("sess_") in tenant.admin("list_all_sessions", limit=1000).text),
    }
    wrong = {name: number for name, number in said.items() if number != active}
    assert not wrong, f"the session is {status}, but: {wrong}"
    assert tenant.status_of(made.id) == status, f"it is shown as {tenant.status_of(made.id)}, is {status}"
    for other in ("active", "expired", "revoked"):
        found = _filtered(tenant, user, status=other)
        assert found == int(other == status), f"status={other} finds {found} sessions, the only one is {status}"


def assert_its_tokens_are(tenant: Tenant, made: SignIn, *, good: bool) -> None:
    """The session's tokens are good everywhere, or nowhere."""
    assert tenant.is_good(made.access) is good, f"validate-token: good is not {good}"
    told = expect(tenant.admin("introspect_token", body={"token": made.access}), 200).json
    assert told["active"] is good, f"introspection: active is {told['active']}"
    expect(tenant.bearer(made.access, "get_session", session_id=made.id), 200 if good else 401)
    if not good:
        expect(tenant.refresh(made.refresh), 401, 404)
        body = {"grant_type": EXCHANGE, "subject_token": made.access}
        expect(tenant.admin("exchange_token", body=body), 400)


def _filtered(tenant: Tenant, user: str, *, status: str) -> int:
    return int(expect(tenant.admin("list_tenant_sessions", user_id=user, status=status), 200).json["total"])


@check("LIF-001", "A new session MUST be active in every read, and its tokens valid.", source=_STATUS)
def test_a_new_session_is_active_everywhere(world: World) -> None:
    made = world.first.sign_in()
    assert_every_read_says(world.first, made, status="active")
    assert_its_tokens_are(world.first, made, good=True)


@check(
    "LIF-002",
    "A session that its user ended MUST be revoked in every read, and its tokens refused at once.",
    source=_STATUS,
)
def test_a_session_that_its_user_ended_is_over_everywhere(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.bearer(made.access, "revoke_session", session_id=made.id), 204)
    assert_every_read_says(world.first, made, status="revoked")
    assert_its_tokens_are(world.first, made, good=False)


@check("LIF-003", "Ending the sessions of a user MUST end all of them and nobody else's.", source=_STATUS)
def test_ending_a_users_sessions_ends_all_of_them(world: World) -> None:
    for tenant_call in ("revoke_user_sessions", "revoke_sessions_of_user"):
        user, bystander = world.new_user(), world.first.sign_in()
        made = [world.first.sign_in(user) for _ in range(3)]
        call = world.first.service if tenant_call == "revoke_user_sessions" else world.first.admin
        expect(call(tenant_call, user_id=user), 200)
        assert {world.first.status_of(item.id) for item in made} == {"revoked"}, f"{tenant_call} left some"
        assert not any(world.first.is_good(item.access) for item in made), f"{tenant_call} left tokens good"
        assert world.first.status_of(bystander.id) == "active", f"{tenant_call} ended a bystander's session"


@check(
    "LIF-004",
    "A bulk revocation MUST end what it names and report what it could not.",
    source="the contract, revoke_sessions",
)
def test_a_bulk_revocation_tells_the_truth_about_each_id(world: World) -> None:
    for operation in ("revoke_sessions", "revoke_sessions_in_bulk"):
        made, kept = [world.first.sign_in() for _ in range(2)], world.first.sign_in()
        body = {"session_ids": [made[0].id, "sess_nobody", made[1].id], "reason": "conformance"}
        answer = expect(world.first.admin(operation, body=body), 200).json
        assert sorted(answer["succeeded"]) == sorted(item.id for item in made), f"succeeded: {answer['succeeded']}"
        assert answer["failed"] == ["sess_nobody"], f"failed: {answer['failed']}"
        assert answer["total"] == 3, f"total: {answer['total']}"
        assert {world.first.status_of(item.id) for item in made} == {"revoked"}
        assert world.first.status_of(kept.id) == "active"


@check(
    "LIF-005",
    "Keeping a session alive MUST move its idle deadline and never its end.",
    source="the contract, touch_session",
)
def test_activity_moves_the_idle_deadline_and_not_the_end(world: World) -> None:
    made = world.first.sign_in()
    time.sleep(0.05)
    expect(world.first.bearer(made.access, "touch_session", session_id=made.id), 200)
    after = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert after["expires_at"] == made.session["expires_at"], "its end moved"
    is_at_its_end = made.session["idle_expires_at"] == made.session["expires_at"]
    assert is_at_its_end or after["idle_expires_at"] > made.session["idle_expires_at"], "its idle deadline did not move"
    assert after["idle_expires_at"] <= after["expires_at"], "its idle deadline is after its end"
    assert after["last_active_at"] > made.session["last_active_at"], "it does not count as used"


@check("LIF-006", "An ended session MUST NOT become active again.", source=_STATUS)
def test_a_revoked_session_is_not_revived(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.admin("revoke_session", session_id=made.id), 204)
    touched = world.first.admin("touch_session", session_id=made.id)
    assert touched.status >= 400, f"a revoked session was kept alive: {touched.status}"
    raised = world.first.admin("upgrade_session_mfa", session_id=made.id)
    assert raised.status >= 400, f"a revoked session was raised: {raised.status}"
    body = {"session_id": made.id, "tenant_id": world.first.id, "auth_user_id": made.user}
    assert world.first.service("generate_tokens", body=body).status >= 400, "a revoked session got new tokens"
    assert world.first.status_of(made.id) == "revoked", "it is revived"


@check("LIF-007", "The statistics MUST move by one with each session that comes or goes.", source=_STATUS)
def test_the_statistics_move_by_one(world: World) -> None:
    other = world.first.sign_in(device_type="television")  # so that the tenant exists
    before = counts_of(world.first)
    made = world.first.sign_in(device_type="television")
    during = counts_of(world.first)
    expect(world.first.admin("revoke_session", session_id=made.id), 204)
    after = counts_of(world.first)
    come = dict.fromkeys(("total", "active", "counted", "listed", "rows", "on television"), 1)
    assert moved_by(before, during) == come, f"with a new session the counts moved by {moved_by(before, during)}"
    gone = {"revoked": 1, **dict.fromkeys(("active", "counted", "listed", "rows"), -1)}
    assert moved_by(during, after) == gone, f"with a revocation the counts moved by {moved_by(during, after)}"
    expect(world.first.admin("revoke_session", session_id=other.id), 204)


@check(
    "LIF-008",
    "An export MUST hold every session of a user, whatever its status.",
    source="the contract, export_user_data",
)
def test_an_export_holds_sessions_of_every_status(world: World) -> None:
    user = world.new_user()
    over, active = world.first.sign_in(user), world.first.sign_in(user)
    expect(world.first.admin("revoke_session", session_id=over.id), 204)
    exported = expect(world.first.service("export_user_data", body={"user_id": user}), 200).json
    statuses = {item["id"]: item["status"] for item in exported["sessions"]}
    assert statuses == {over.id: "revoked", active.id: "active"}, f"exported {statuses}"
    assert exported["total"] == 2, f"total is {exported['total']}"


@check("LIF-009", "Upgrading a session MUST be seen in it.", source="the contract, upgrade_session_mfa")
def test_an_upgraded_session_says_so(world: World) -> None:
    made = world.first.sign_in(amr=["password"])
    raised = expect(world.first.admin("upgrade_session_mfa", session_id=made.id), 200).json
    assert raised["mfa_verified"] is True
    assert raised["session_id"] == made.id
    session = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert "mfa" in session["amr"].split(","), f"amr is {session['amr']}"


@check(
    "LIF-010",
    "Uses of a session MUST be counted, each once.",
    source="the contract, record_session_usage and get_session_usage",
)
def test_uses_are_counted(world: World) -> None:
    made = world.first.sign_in()
    for _ in range(3):
        expect(world.first.service("record_session_usage", session_id=made.id), 200)
    usage = expect(world.first.service("get_session_usage", session_id=made.id), 200).json["usage"]
    assert sum(day["count"] for day in usage) == 3, f"three uses are told as {usage}"


@check("LIF-017", "A session's times MUST be in their order and in UTC.", source="the contract, Instants; RFC 3339")
def test_a_sessions_times_are_in_order(world: World) -> None:
    session: dict[str, Any] = world.first.sign_in().session
    times = [session[name] for name in ("created_at", "last_active_at", "idle_expires_at", "expires_at")]
    assert all(text.endswith("Z") for text in times), f"not in UTC: {times}"
    assert times == sorted(times, key=instant), f"out of order: {times}"


@check(
    "LIF-018",
    "Removing ended sessions MUST leave active ones.",
    source="the contract, purge_expired_sessions",
)
def test_removing_ended_sessions_leaves_active_ones(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.admin("purge_expired_sessions"), 200)
    assert_every_read_says(world.first, made, status="active")
