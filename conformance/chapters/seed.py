"""The five seed operations, read-only. The suite finds data with the read operations and compares their results.


Other callers may change the data meanwhile: results that differ are read again before the check fails.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from sojourn.conformance.checks import check
from sojourn.conformance.contract import Operation
from sojourn.conformance.instants import instant, now
from sojourn.conformance.paging import page_violations
from sojourn.conformance.schemas import answer_violations
from sojourn.conformance.target import subject_of
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import World, expect

SEEDS = ("list_user_sessions", "check_user_active", "list_trusted_devices", "get_session_stats", "list_all_sessions")
NOBODY = "usr_that_nobody_ever_was"
TRIES = 5
MOST_TOLD = 5
MOST_USERS = 8
SKEW = timedelta(minutes=5)
each_seed = pytest.mark.parametrize("seed_operation", SEEDS)


def ask(world: World, operation_id: str, *, user: str = NOBODY, **known: Any) -> Reply:
    """One read, as the caller that the operation wants."""
    if operation_id in ("get_session_stats", "list_all_sessions"):
        return world.first.admin(operation_id, **known)
    return world.first.service(operation_id, user_id=user, **known)


def steady(read: Callable[[], Iterable[str]]) -> None:
    """Read twice: neither time may there be a complaint.

    Other callers may come and go between two reads, so that what is right does not agree. Then the complaints are not
    the same both times, and it is tried again: a server that is right has two reads in a row without any.
    """
    found: list[str] = []
    for attempt in range(TRIES):
        first, again = list(read()), list(read())
        if not first and not again:
            return
        found = first or again
        assert first != again, "; ".join(found[:MOST_TOLD])
        time.sleep(0.1 * attempt)
    raise AssertionError("; ".join(found[:MOST_TOLD]))


def statistics(world: World) -> dict[str, Any]:
    """The statistics; a tenant that the server has never heard of has none (404), and the check is skipped."""
    reply = expect(ask(world, "get_session_stats"), 200, 404)
    if reply.status == 404:
        pytest.skip(f"the server knows no tenant {world.first.id}")
    numbers: dict[str, Any] = reply.json
    return numbers


def users_of(world: World) -> dict[str, int]:
    """Users that the reads lead to, and how many rows of the list of all sessions each has.

    That list shows a name, which is the id of the user when no name is known, and an integer that may be one. Those
    with the most rows come first: there is the most to compare.
    """
    rows = expect(ask(world, "list_all_sessions"), 200).json["sessions"]
    found: dict[str, int] = {}
    tried: set[str] = set()
    many = Counter(row["user_id"] for row in rows)
    for row in sorted(rows, key=lambda row: -many[row["user_id"]]):
        for candidate in (row["username"], str(row["user_id"]), subject_of(world.target.admin_token) or NOBODY):
            if candidate in tried or len(tried) > 5 * MOST_USERS or len(found) >= MOST_USERS:
                continue
            tried.add(candidate)
            answer = expect(ask(world, "list_user_sessions", user=candidate), 200).json
            if answer["items"]:
                found[candidate] = sum(other["user_id"] == row["user_id"] for other in rows)
    return found


def some_users(world: World) -> dict[str, int]:
    """The same; without any the check is skipped, since it would judge nothing."""
    found = users_of(world)
    if not found:
        pytest.skip("no user with active sessions can be found through the reads")
    return found


@check(
    "SED-001",
    "Each of the five operations MUST respond with 200 and what its schema says.",
    source="the seed pages",
    profile="seed",
)
@each_seed
def test_a_documented_operation_answers_what_is_documented(world: World, seed_operation: str) -> None:
    operation: Operation = world.operation(seed_operation)
    if seed_operation == "get_session_stats":
        statistics(world)
    reply = expect(ask(world, seed_operation), 200)
    found = [line for line in answer_violations(operation, reply) if "header" not in line]
    assert not found, "; ".join(found)


@check(
    "SED-002",
    "`active` MUST be whether `session_count` is more than 0, and that MUST be the total of the list.",
    source="seed GET /internal/session/sessions/{user_id}/active",
    profile="seed",
)
def test_a_users_count_is_the_length_of_the_users_list(world: World) -> None:
    for user in some_users(world):

        def read(user: str = user) -> list[str]:
            status = expect(ask(world, "check_user_active", user=user), 200).json
            listed = expect(ask(world, "list_user_sessions", user=user), 200).json
            found = []
            if status["session_count"] != listed["total"]:
                found.append(f"{user}: session_count {status['session_count']}, but the list has {listed['total']}")
            if status["active"] is not (status["session_count"] > 0):
                found.append(f"{user}: active is {status['active']} with {status['session_count']} sessions")
            return found

        steady(read)


@check(
    "SED-003",
    "The list of a user's sessions MUST hold active sessions of that user and tenant and no others.",
    source="seed GET /internal/session/sessions/{user_id}",
    profile="seed",
)
def test_a_users_list_holds_only_active_sessions_of_that_user(world: World) -> None:
    for user in some_users(world):
        for item in expect(ask(world, "list_user_sessions", user=user), 200).json["items"]:
            assert item.get("user_id", user) == user, f"asked for {user}, got a session of {item['user_id']}"
            assert item.get("status", "active") == "active", f"{item.get('id')} is {item['status']}"
            assert item.get("tenant_id", world.first.id) == world.first.id, f"{item.get('id')} is of another tenant"


@check(
    "SED-004",
    "`total`, `pagination` and the items of a list MUST agree with each other.",
    source="seed PageInfo",
    profile="seed",
)
def test_the_numbers_of_a_page_agree(world: World) -> None:
    for user in [*users_of(world), NOBODY]:
        for operation in ("list_user_sessions", "list_trusted_devices"):
            answer = expect(ask(world, operation, user=user), 200).json
            found = page_violations(answer)
            assert not found, f"{operation} of {user}: {found}"


@check(
    "SED-005",
    "`total_sessions` MUST be the sum of the active, expired, revoked and suspended ones, and of all device types.",
    source="seed GET /admin/sessions/stats",
    profile="seed",
)
def test_the_statistics_add_up(world: World) -> None:
    stats = statistics(world)
    parts = stats["active_sessions"] + stats["expired_sessions"] + stats["revoked_sessions"]
    parts += stats.get("suspended_sessions", 0)
    assert stats["total_sessions"] == parts, f"total {stats['total_sessions']}, but the parts make {parts}"
    kinds = sum(stats["device_breakdown"].values())
    assert stats["total_sessions"] == kinds, f"total {stats['total_sessions']}, but the devices make {kinds}"


@check(
    "SED-006",
    "The statistics' active sessions MUST be as many as the list of all sessions says it has.",
    source="seed GET /admin/sessions/stats, GET /api/sessions/all",
    profile="seed",
)
def test_the_statistics_agree_with_the_list_of_all_sessions(world: World) -> None:
    def read() -> list[str]:
        stats = statistics(world)
        total = expect(ask(world, "list_all_sessions"), 200).json["total"]
        if stats["active_sessions"] == total:
            return []
        return [f"the statistics say {stats['active_sessions']} active sessions, the list says {total}"]

    steady(read)


@check(
    "SED-007",
    "A row of the list of all sessions MUST be active, appear once, and have times in their order.",
    source="seed GET /api/sessions/all",
    profile="seed",
)
def test_the_rows_of_all_sessions_are_active_and_their_times_are_in_order(world: World) -> None:
    answer = expect(ask(world, "list_all_sessions"), 200).json
    rows = answer["sessions"]
    assert len(rows) <= answer["total"], f"{len(rows)} rows of {answer['total']}"
    assert len({row["session_id"] for row in rows}) == len(rows), "a session is listed twice"
    for row in rows:
        created, last, ends = (instant(row[name]) for name in ("created_at", "last_activity", "expires_at"))
        assert row["is_active"] is True, f"{row['session_id']} is not active"
        assert created <= last <= ends, f"{row['session_id']}: its times are out of order"
        assert ends > now() - SKEW, f"{row['session_id']} is listed although it ended at {row['expires_at']}"


@check(
    "SED-008",
    "A user MUST have as many sessions in the user's list as in the list of all sessions.",
    source="seed GET /internal/session/sessions/{user_id}, GET /api/sessions/all",
    profile="seed",
)
def test_a_users_list_agrees_with_the_list_of_all_sessions(world: World) -> None:
    def read() -> list[str]:
        everything = expect(ask(world, "list_all_sessions"), 200).json
        whole = everything["total"] == len(everything["sessions"])
        found = []
        for user, rows in some_users(world).items():
            total = expect(ask(world, "list_user_sessions", user=user), 200).json["total"]
            if total < rows or (whole and total != rows):
                found.append(f"{user} has {total} sessions, and {rows} in the list of all")
        return found

    steady(read)


@check(
    "SED-009",
    "For an unknown user the response MUST be empty, not an error.",
    source="the contract, list_user_sessions and check_user_active",
    profile="seed",
)
def test_an_unknown_user_is_an_empty_answer(world: World) -> None:
    assert expect(ask(world, "list_user_sessions"), 200).json["items"] == []
    assert expect(ask(world, "list_trusted_devices"), 200).json["items"] == []
    status = expect(ask(world, "check_user_active"), 200).json
    assert (status["active"], status["session_count"]) == (False, 0), f"the user has no active session: {status}"


@check(
    "SED-010",
    "A caller without credentials, or with wrong ones, MUST be refused with 401.",
    source="the five seed pages, 401",
    profile="seed",
)
@each_seed
def test_nobody_reads_without_credentials(world: World, seed_operation: str) -> None:
    request = world.first.request(seed_operation, user_id=NOBODY)
    for credentials in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer x.y.z"}, {"X-API-Key": ""}):
        bare = request
        for name, value in credentials.items():
            bare = bare.with_header(name, value)
        expect(world.send(bare), 401)


@check(
    "SED-011",
    "An internal request without a tenant MUST be refused with 400.",
    source="the contract, parameter TenantId",
    profile="seed",
)
@pytest.mark.parametrize("seed_operation", SEEDS[:3])
def test_a_tenant_must_be_named(world: World, seed_operation: str) -> None:
    request = world.first.request(seed_operation, user_id=NOBODY).with_header("X-API-Key", world.target.api_key)
    expect(world.send(request.without("X-Tenant-ID")), 400)


@check(
    "SED-012",
    "The list of trusted devices MUST ask for a user, and for pages that can be.",
    source="seed GET /internal/session/trusted-devices",
    profile="seed",
)
def test_the_list_of_trusted_devices_refuses_bad_parameters(world: World) -> None:
    valid = world.first.request("list_trusted_devices", user_id=NOBODY).with_header("X-API-Key", world.target.api_key)
    expect(world.send(valid), 200)
    expect(world.send(valid.copy(query=())), 400)
    for name, value in (("page", "0"), ("page", "x"), ("page_size", "0"), ("page_size", "-1"), ("page_size", "1.5")):
        expect(world.send(valid.with_query(name, value)), 400)


@check(
    "SED-013",
    "A refusal MUST be a problem document whose `status` is that of the response.",
    source="seed Problem; RFC 9457 section 3",
    profile="seed",
)
@each_seed
def test_a_refusal_is_a_problem_document(world: World, seed_operation: str) -> None:
    reply = expect(world.first.anyone(seed_operation, user_id=NOBODY), 401)
    assert reply.media_type == "application/problem+json", f"a refusal of type {reply.media_type!r}"
    assert reply.json["status"] == 401, f"the document says {reply.json['status']}"
    assert reply.json["title"], "a problem without a title"


@check(
    "SED-014",
    "The statistics MUST name the administrator who asked.",
    source="the contract, get_session_stats",
    profile="seed",
)
def test_the_statistics_name_the_caller(world: World) -> None:
    subject = subject_of(world.target.admin_token)
    if subject is None:
        pytest.skip("the admin token does not say whom it speaks for")
    said = statistics(world)["user_id"]
    assert said == subject, f"asked as {subject}, the statistics are for {said}"


@check(
    "SED-015",
    "A trusted device that is listed MUST be of the user who was asked for.",
    source="seed GET /internal/session/trusted-devices",
    profile="seed",
)
def test_trusted_devices_are_of_the_user_who_was_asked_for(world: World) -> None:
    for user in some_users(world):
        for device in expect(ask(world, "list_trusted_devices", user=user), 200).json["items"]:
            assert device.get("user_id", user) == user, f"asked for {user}, got a device of {device['user_id']}"
            assert device.get("tenant_id", world.first.id) == world.first.id, "a device of another tenant"


@check(
    "SED-016",
    "Refusals of the list of all sessions MUST be an ErrorEnvelope.",
    source="seed GET /api/sessions/all, 401",
    profile="seed",
)
def test_the_list_of_all_sessions_refuses_with_an_error_envelope(world: World) -> None:
    problem = expect(world.first.anyone("list_all_sessions"), 401).json
    missing = {"type", "title", "status", "error", "requestId"} - set(problem)
    assert not missing, f"the refusal lacks {', '.join(sorted(missing))}"


def reading_tour(world: World) -> None:
    """What the five reads tell of some users, asked for in pages, twice, and without credentials."""
    for _ in range(2):
        ask(world, "get_session_stats")
        ask(world, "list_all_sessions")
        for user in [*users_of(world), NOBODY]:
            for operation in SEEDS[:3]:
                ask(world, operation, user=user)
    for operation in SEEDS:
        world.first.anyone(operation, user_id=NOBODY)
