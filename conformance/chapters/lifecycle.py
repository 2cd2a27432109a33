"""Lifecycle and time: a session from its creation to its end, and every read agrees about it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from conformance.checks import check
from conformance.world import SignIn, Tenant, World, expect

_STATUS = "operations.md, status of a session"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def assert_every_read_says(tenant: Tenant, made: SignIn, status: str) -> None:
    """What each read says of a user's only session."""
    active, user = int(status == "active"), made.user
    said = {
        "active.session_count": expect(tenant.service("check_user_active", user_id=user), 200).json["session_count"],
        "active.active": int(expect(tenant.service("check_user_active", user_id=user), 200).json["active"]),
        "the user's list": expect(tenant.service("list_user_sessions", user_id=user), 200).json["total"],
        "own sessions": expect(tenant.admin("list_own_sessions", auth_user_id=user), 200).json["total"],
        "sessions of the user": expect(tenant.admin("list_sessions_of_user", user_id=user), 200).json["total"],
        "status=active": _filtered(tenant, user, "active"),
        "validate": int(expect(tenant.admin("validate_session", session_id=made.id), 200).json["valid"]),
        "the list of all": int(made.id.removeprefix("sess_") in tenant.admin("list_all_sessions", limit=1000).text),
    }
    wrong = {name: number for name, number in said.items() if number != active}
    assert not wrong, f"the session is {status}, but: {wrong}"
    assert tenant.status_of(made.id) == status, f"it is shown as {tenant.status_of(made.id)}, is {status}"
    for other in ("active", "expired", "revoked"):
        found = _filtered(tenant, user, other)
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


def _filtered(tenant: Tenant, user: str, status: str) -> int:
    return int(expect(tenant.admin("list_tenant_sessions", user_id=user, status=status), 200).json["total"])


@check("LIF-001", "A new session MUST be active in every read, and its tokens good.", source=_STATUS)
def test_a_new_session_is_active_everywhere(world: World) -> None:
    made = world.first.sign_in()
    assert_every_read_says(world.first, made, "active")
    assert_its_tokens_are(world.first, made, good=True)


@check("LIF-002", "A session that its user ended MUST be revoked in every read, and its tokens refused at once.",
       source=_STATUS)  # fmt: skip
def test_a_session_that_its_user_ended_is_over_everywhere(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.bearer(made.access, "revoke_session", session_id=made.id), 204)
    assert_every_read_says(world.first, made, "revoked")
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
    "LIF-004", "A bulk revocation MUST end what it names and report what it could not.", source="operations.md, bulk"
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


@check("LIF-005", "Keeping a session alive MUST move its idle deadline and never its end.",
       source="operations.md, POST /sessions/{session_id}/activity")  # fmt: skip
def test_activity_moves_the_idle_deadline_and_not_the_end(world: World) -> None:
    made = world.first.sign_in()
    time.sleep(0.05)
    expect(world.first.bearer(made.access, "touch_session", session_id=made.id), 200)
    after = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert after["expires_at"] == made.session["expires_at"], "its end moved"
    assert after["idle_expires_at"] > made.session["idle_expires_at"], "its idle deadline did not move"
    assert after["idle_expires_at"] <= after["expires_at"], "its idle deadline is after its end"
    assert after["last_active_at"] > made.session["last_active_at"], "it does not count as used"


@check("LIF-006", "A session that is over MUST NOT be revived.", source=_STATUS)
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
    before = _statistics(world.first)
    made = world.first.sign_in(device_type="television")
    during = _statistics(world.first)
    expect(world.first.admin("revoke_session", session_id=made.id), 204)
    after = _statistics(world.first)
    assert _moved(before, during) == {"total_sessions": 1, "active_sessions": 1, "count": 1, "television": 1}
    assert _moved(during, after) == {"active_sessions": -1, "revoked_sessions": 1, "count": -1}
    expect(world.first.admin("revoke_session", session_id=other.id), 204)


def _statistics(tenant: Tenant) -> dict[str, int]:
    stats = expect(tenant.admin("get_session_stats"), 200).json
    numbers = {name: value for name, value in stats.items() if name.endswith("_sessions")}
    numbers["television"] = stats["device_breakdown"].get("television", 0)
    numbers["count"] = expect(tenant.admin("count_active_sessions"), 200).json["count"]
    return numbers


def _moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What changed; sessions of other checks may expire meanwhile, which this does not look at."""
    return {name: after[name] - before[name] for name in before if after[name] != before[name]}


@check("LIF-008", "An export MUST hold every session of a user, whatever its status.", source="operations.md, export")
def test_an_export_holds_sessions_of_every_status(world: World) -> None:
    user = world.new_user()
    over, active = world.first.sign_in(user), world.first.sign_in(user)
    expect(world.first.admin("revoke_session", session_id=over.id), 204)
    exported = expect(world.first.service("export_user_data", body={"user_id": user}), 200).json
    statuses = {item["id"]: item["status"] for item in exported["sessions"]}
    assert statuses == {over.id: "revoked", active.id: "active"}, f"exported {statuses}"
    assert exported["total"] == 2, f"total is {exported['total']}"


@check("LIF-009", "Upgrading a session MUST be seen in it.", source="operations.md, upgrade-mfa")
def test_an_upgraded_session_says_so(world: World) -> None:
    made = world.first.sign_in(amr=["password"])
    raised = expect(world.first.bearer(made.access, "upgrade_session_mfa", session_id=made.id), 200).json
    assert raised["mfa_verified"] is True
    assert raised["session_id"] == made.id
    session = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert "mfa" in session["amr"].split(","), f"amr is {session['amr']}"


@check("LIF-010", "Uses of a session MUST be counted, each once.", source="operations.md, usage")
def test_uses_are_counted(world: World) -> None:
    made = world.first.sign_in()
    for _ in range(3):
        expect(world.first.service("record_session_usage", session_id=made.id), 200)
    usage = expect(world.first.service("get_session_usage", session_id=made.id), 200).json["usage"]
    assert sum(day["count"] for day in usage) == 3, f"three uses are told as {usage}"


@contextmanager
def lifetimes(tenant: Tenant, access: str, refresh: str) -> Iterator[None]:
    """Tokens of the tenant live so long while the block runs, and clocks are taken to agree."""
    body = {"access_expiry": access, "refresh_expiry": refresh, "leeway": "0s"}
    expect(tenant.admin("set_token_config", body=body), 200)
    try:
        yield
    finally:
        expect(tenant.admin("reset_token_config"), 200)


@check("LIF-011", "An access token MUST be good until its time is over and never after.",
       source="operations.md, tokens/config; RFC 7519 section 4.1.4")  # fmt: skip
def test_an_access_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, "3s", "60s"):
        made = world.first.sign_in()
        began = time.monotonic()
        assert world.first.is_good(made.access), "it is refused at once"
        assert 0 < made.tokens["expires_in"] <= 3, f"expires_in is {made.tokens['expires_in']}, the policy says 3 s"
        _wait_until(began, 4.2)
        assert not world.first.is_good(made.access), "it is good after its time"
        expect(world.first.bearer(made.access, "get_session", session_id=made.id), 401)
        told = expect(world.first.admin("introspect_token", body={"token": made.access}), 200).json
        assert told == {"active": False}, f"introspection tells {told}"
        expect(world.first.refresh(made.refresh), 200)


@check("LIF-012", "A refresh token MUST NOT be good after its time.", source="operations.md, tokens/config")
def test_a_refresh_token_ends_on_time(world: World) -> None:
    with lifetimes(world.first, "1s", "2s"):
        made, kept = world.first.sign_in(), world.first.sign_in()
        began = time.monotonic()
        expect(world.first.refresh(kept.refresh), 200)
        _wait_until(began, 3.2)
        expect(world.first.refresh(made.refresh), 401)
        assert world.first.status_of(made.id) == "active", "the end of a token ended its session"


@check("LIF-013", "No token MUST outlive its session.", source="operations.md, tokens")
def test_no_token_outlives_its_session(world: World) -> None:
    with lifetimes(world.first, "8760h", "8760h"):
        made = world.first.sign_in()
        left = _instant(made.session["expires_at"]) - _instant(made.session["created_at"])
        assert made.tokens["expires_in"] <= left.total_seconds() + 1, "the access token lives longer than its session"


@check("LIF-014", "A session that nobody used MUST expire at its idle deadline in every read, tokens and all.",
       source=_STATUS, profile="full", feature="short-lived", needs=("short_lived_url",))  # fmt: skip
def test_an_idle_session_expires(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    made = short.first.sign_in()
    assert_every_read_says(short.first, made, "active")
    _sleep_past(made.session["idle_expires_at"], world.target.patience)
    assert_every_read_says(short.first, made, "expired")
    assert_its_tokens_are(short.first, made, good=False)
    assert short.first.admin("touch_session", session_id=made.id).status >= 400, "an expired session was kept alive"
    assert short.first.status_of(made.id) == "expired", "it was revived"


@check("LIF-015", "A session that is used MUST outlive its first idle deadline and still end at its end.",
       source=_STATUS, profile="full", feature="short-lived", needs=("short_lived_url",))  # fmt: skip
def test_a_session_in_use_ends_at_its_end(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    made = short.first.sign_in()
    idle, end = (_instant(made.session[name]) for name in ("idle_expires_at", "expires_at"))
    pause = (idle - _instant(made.session["created_at"])).total_seconds() / 4
    outlived = False
    while _now() < end and pause * 4 < world.target.patience:
        touched = short.first.admin("touch_session", session_id=made.id)
        if _now() < end:
            expect(touched, 200)
            assert short.first.status_of(made.id) == "active" or _now() > end, "it is over before its end"
            outlived = outlived or _now() > idle
        time.sleep(pause)
    assert outlived, "it did not outlive its first idle deadline"
    _sleep_past(made.session["expires_at"], world.target.patience)
    assert_every_read_says(short.first, made, "expired")


@check("LIF-016", "A session that expired MUST be counted as expired and not as active or revoked.", source=_STATUS,
       profile="full", feature="short-lived", needs=("short_lived_url",))  # fmt: skip
def test_an_expired_session_is_counted_as_expired(world: World) -> None:
    short = world.elsewhere(world.target.short_lived_url or "")
    _sleep_past(short.first.sign_in().session["idle_expires_at"], world.target.patience)
    before = _statistics(short.first)
    made = short.first.sign_in()
    _sleep_past(made.session["idle_expires_at"], world.target.patience)
    moved = _moved(before, _statistics(short.first))
    assert moved.get("total_sessions") == 1, f"the statistics moved by {moved}"
    assert moved.get("expired_sessions") == 1, f"the statistics moved by {moved}"
    assert not moved.get("active_sessions"), f"the statistics moved by {moved}"
    assert not moved.get("revoked_sessions"), f"the statistics moved by {moved}"


@check("LIF-017", "A session's times MUST be in their order and in UTC.", source="operations.md, ids and times")
def test_a_sessions_times_are_in_order(world: World) -> None:
    session: dict[str, Any] = world.first.sign_in().session
    times = [session[name] for name in ("created_at", "last_active_at", "idle_expires_at", "expires_at")]
    assert all(text.endswith("Z") for text in times), f"not in UTC: {times}"
    assert times == sorted(times, key=_instant), f"out of order: {times}"


@check(
    "LIF-018", "Removing ended sessions MUST leave active ones.", source="operations.md, DELETE /admin/sessions/expired"
)
def test_removing_ended_sessions_leaves_active_ones(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.admin("purge_expired_sessions"), 200)
    assert_every_read_says(world.first, made, "active")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the suite waits for instants that the server named


def _sleep_past(text: str, patience: float) -> None:
    """Wait until an instant that the server named is over. An assertion when that takes longer than our patience."""
    left = (_instant(text) - _now()).total_seconds() + 0.25
    assert left <= patience, f"{text} is {left:.0f} s away: --patience is {patience:.0f} s"
    time.sleep(max(left, 0))


def _wait_until(began: float, seconds: float) -> None:
    time.sleep(max(0.0, began + seconds - time.monotonic()))
