"""Tenancy: nothing crosses between two tenants with the same users and devices, not even that something exists."""

import functools
from typing import Any

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.counts import counts_of, moved_by
from sojourn.conformance.fresh import authorised, values_for
from sojourn.conformance.world import SignIn, World, expect

_ABSENT = "the contract, Order of checks: another tenant's resources do not exist (404)"
_TOKEN = "the contract, introduction: the tenant of users and administrators is the token's"
MINTED = ("{session_id}", "{token_id}", "{entry_id}")
ADDRESS = "198.51.100.23"

tenancy = functools.partial(check, needs=("second_admin_token",))


def twins(world: World, **facts: Any) -> tuple[SignIn, SignIn]:
    """The same user signed in in both tenants."""
    user = world.new_user()
    return world.first.sign_in(user, **facts), world.twin.sign_in(user, **facts)


@tenancy("TEN-001", "No operation MUST tell what only another tenant has, whatever ids it is given.", source=_ABSENT)
def test_no_operation_tells_what_another_tenant_has(world: World, operation: Operation) -> None:
    if operation.scheme is None:
        raise NotApplicable("asks for no credentials")
    marked = world.twin.sign_in(user_agent="only-in-the-twin", ip=ADDRESS, device_id=f"dev_{world.new_user()}")
    foreign = values_for(operation, world.twin)
    known = {**foreign, "X-Tenant-ID": world.first.id, "tenant_id": world.first.id, "?user_id": marked.user}
    known = {key: value for key, value in known.items() if key != "?user_id" or _has_query_user(operation)}
    request = authorised(operation, world.first, request=operation.request(known))
    reply = world.send(request)
    assert reply.status < 500, f"answered {reply.status}"
    sent = world.wire.to_bytes(request).decode("latin-1")
    for mark in ("only-in-the-twin", ADDRESS, marked.id, *_texts(foreign)):
        assert mark not in reply.text or mark in sent or mark == world.first.id, f"it tells {mark}"
    if any(name in operation.path for name in MINTED):
        assert reply.status == 404, f"what another tenant has must not exist: answered {reply.status}"


@tenancy("TEN-002", "What another tenant has MUST be refused like what never existed.", source=_ABSENT)
def test_what_another_tenant_has_is_answered_as_what_never_was(world: World) -> None:
    foreign = world.twin.sign_in()
    never = foreign.id[:-4] + ("0000" if foreign.id[-4:] != "0000" else "1111")
    for operation in ("get_session", "touch_session", "validate_session", "upgrade_session_mfa"):
        there = world.first.admin(operation, session_id=foreign.id)
        nowhere = world.first.admin(operation, session_id=never)
        for name in ("status", "code", "type", "title", "detail"):
            said, wanted = there.json.get(name), nowhere.json.get(name)
            assert said == wanted, f"{operation}: {name} tells them apart: {said!r} and {wanted!r}"
        expect(there, 404)


@tenancy("TEN-003", "A list MUST hold what the caller's tenant has and nothing else.", source=_TOKEN)
def test_lists_hold_nothing_of_another_tenant(world: World) -> None:
    mine, theirs = twins(world, ip=ADDRESS)
    lists = ("list_tenant_sessions", "list_tokens", "list_blacklisted_tokens", "list_user_trusted_devices")
    for tenant in (world.first, world.twin):
        for token in ("spare", tenant.id):
            body = {"token": f"{token}-{mine.user}-{tenant.id}", "token_type": "access", "user_id": mine.user}
            expect(tenant.service("blacklist_token", body=body), 200)
        body = {"user_id": mine.user, "device_fingerprint": f"fp-{tenant.id}"}
        expect(tenant.service("trust_device", body=body), 200)
    totals = {name: expect(world.first.admin(name, user_id=mine.user), 200).json["total"] for name in lists}
    assert totals == dict(zip(lists, (1, 2, 2, 1), strict=True)), f"the first tenant sees {totals}"
    for name in ("list_own_sessions", "list_sessions_of_user"):
        known = {"auth_user_id" if name == "list_own_sessions" else "user_id": mine.user}
        seen = [item["id"] for item in expect(world.first.admin(name, **known), 200).json["items"]]
        assert seen == [mine.id], f"{name} shows {seen}"
    assert theirs.id.removeprefix("sess_") not in world.first.admin("list_all_sessions").text, (
        "it is in the list of all"
    )


@tenancy("TEN-004", "Counts MUST NOT move when another tenant's sessions come and go.", source=_TOKEN)
def test_counts_do_not_move_with_another_tenants_sessions(world: World) -> None:
    world.first.sign_in()
    before = counts_of(world.first)
    made = world.twin.sign_in()
    during = counts_of(world.first)
    expect(world.twin.admin("revoke_session", session_id=made.id), 204)
    after = counts_of(world.first)
    moved = moved_by(before, during) | moved_by(during, after)
    assert not moved, f"the counts moved by {moved}"


@tenancy("TEN-005", "Ending all sessions of a user MUST NOT touch the same user of another tenant.", source=_TOKEN)
def test_ending_a_users_sessions_stays_in_the_tenant(world: World) -> None:
    mine, theirs = twins(world)
    expect(world.first.service("revoke_user_sessions", user_id=mine.user), 200)
    expect(world.first.admin("revoke_sessions_of_user", user_id=mine.user, body={"reason": "conformance"}), 200)
    assert world.first.status_of(mine.id) == "revoked"
    assert world.twin.status_of(theirs.id) == "active", "the twin's session was ended too"


@tenancy(
    "TEN-006",
    "A token MUST be nothing in another tenant.",
    source="the contract, introspect_token; RFC 7662 section 2.2",
)
def test_a_token_is_nothing_in_another_tenant(world: World) -> None:
    theirs = world.twin.sign_in()
    said = expect(world.first.service("validate_access_token", body={"access_token": theirs.access}), 200).json
    assert said["valid"] is False, "it is called valid"
    assert "claims" not in said, "its claims are told"
    told = expect(world.first.admin("introspect_token", body={"token": theirs.access}), 200).json
    assert told == {"active": False}, f"introspection tells {told}"


@tenancy("TEN-007", "Ids of another tenant in a bulk revocation MUST fail and change nothing.", source=_ABSENT)
def test_a_bulk_revocation_stays_in_the_tenant(world: World) -> None:
    mine, theirs = twins(world)
    for operation in ("revoke_sessions", "revoke_sessions_in_bulk"):
        body = {"session_ids": [mine.id, theirs.id], "reason": "conformance"}
        answer = expect(world.first.admin(operation, body=body), 200).json
        assert theirs.id in answer["failed"], f"{operation} claims to have ended it"
        assert world.twin.status_of(theirs.id) == "active", f"{operation} ended the twin's session"


@tenancy("TEN-008", "A session MUST NOT be ended, kept alive or raised from another tenant.", source=_ABSENT)
def test_a_session_is_not_changed_from_another_tenant(world: World) -> None:
    theirs = world.twin.sign_in()
    before = expect(world.twin.admin("get_session", session_id=theirs.id), 200).json
    for operation in ("touch_session", "upgrade_session_mfa", "revoke_session"):
        expect(world.first.admin(operation, session_id=theirs.id), 404)
    expect(world.first.service("record_session_usage", session_id=theirs.id), 404)
    assert expect(world.twin.admin("get_session", session_id=theirs.id), 200).json == before, "it was changed"


@tenancy("TEN-009", "Refusing a token in one tenant MUST NOT refuse it in another.", source=_ABSENT)
def test_the_blacklist_stays_in_the_tenant(world: World) -> None:
    theirs = world.twin.sign_in()
    body = {"token": theirs.access, "token_type": "access", "user_id": theirs.user}
    world.first.service("blacklist_token", body=body)
    assert world.twin.is_good(theirs.access), "a stranger refused it"


@tenancy("TEN-010", "Trust in a device MUST be forgotten in the caller's tenant only.", source=_ABSENT)
def test_trust_stays_in_the_tenant(world: World) -> None:
    body = {"user_id": world.new_user(), "device_fingerprint": f"sha256:{world.new_user()}"}
    ids = [expect(tenant.service("trust_device", body=body), 200).json["id"] for tenant in (world.first, world.twin)]
    world.first.service("untrust_device", device_fingerprint=body["device_fingerprint"])
    world.first.admin("remove_trusted_device", device_id=ids[1])
    listed = expect(world.twin.service("list_trusted_devices", user_id=body["user_id"]), 200).json["items"]
    assert [item["id"] for item in listed] == [ids[1]], "the twin's trust is gone"


@tenancy("TEN-011", "An export MUST hold the tenant's own sessions of a user and no others.", source=_ABSENT)
def test_an_export_stays_in_the_tenant(world: World) -> None:
    mine, _ = twins(world)
    exported = expect(world.first.service("export_user_data", body={"user_id": mine.user}), 200).json
    assert [item["id"] for item in exported["sessions"]] == [mine.id], f"exported {exported['total']} sessions"


@tenancy(
    "TEN-012", "A tenant's token lifetimes MUST hold for that tenant only.", source="the contract, set_token_config"
)
def test_token_lifetimes_stay_in_the_tenant(world: World) -> None:
    before = expect(world.twin.admin("get_token_config"), 200).json
    try:
        body = {"access_expiry": "7m", "refresh_expiry": "77m"}
        expect(world.first.admin("set_token_config", body=body), 200)
        assert expect(world.twin.admin("get_token_config"), 200).json == before, "the twin's lifetimes changed"
    finally:
        expect(world.first.admin("reset_token_config"), 200)


@tenancy("TEN-013", "Refusing all tokens of a user MUST NOT refuse those of another tenant.", source=_TOKEN)
def test_refusing_a_users_tokens_stays_in_the_tenant(world: World) -> None:
    mine, theirs = twins(world)
    expect(world.first.admin("revoke_all_tokens", body={"user_id": mine.user}), 200)
    assert not world.first.is_good(mine.access), "it did nothing"
    assert world.twin.is_good(theirs.access), "the twin's token is refused too"


@check(
    "TEN-014",
    "An administrator's question about a tenant that does not exist MUST be 404.",
    source="the contract, get_session_stats (404)",
    needs=("stranger_token",),
    profile="full",
)
def test_a_tenant_that_does_not_exist_has_no_numbers(world: World) -> None:
    for operation in ("get_session_stats", "count_active_sessions", "list_tenant_sessions"):
        expect(world.first.bearer(world.target.stranger_token or "", operation), 404)


def _has_query_user(operation: Operation) -> bool:
    return any(parameter["name"] == "user_id" for parameter in operation.named("query"))


def _texts(foreign: dict[str, Any]) -> list[str]:
    """The minted values among those that the twin has."""
    names = ("session_id", "access_token", "refresh_token", "token_id", "entry_id")
    return [str(foreign[name]) for name in names if name in foreign]
