"""Idempotence: what is asked for twice is done once, and reading changes nothing."""

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.world import World, expect


@check(
    "IDM-001",
    "Ending a session twice MUST succeed and keep the time and reason of the first.",
    source="the contract, revoke_session; RFC 9110 section 9.2.2",
)
def test_a_session_is_ended_once(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.admin("revoke_session", session_id=made.id, body={"reason": "first"}), 204)
    body = {"user_id": made.user}
    before = expect(world.first.service("export_user_data", body=body), 200).json
    expect(world.first.admin("revoke_session", session_id=made.id, body={"reason": "second"}), 204)
    assert expect(world.first.service("export_user_data", body=body), 200).json == before, "the second time counted"


@check("IDM-002", "A token that is blacklisted twice MUST have one entry.", source="the contract, blacklist_token")
def test_a_token_is_blacklisted_once(world: World) -> None:
    user = world.new_user()
    body = {"token": f"a-token-of-{user}", "token_type": "access", "user_id": user}
    for _ in range(3):
        expect(world.first.service("blacklist_token", body=body), 200)
    total = expect(world.first.admin("list_blacklisted_tokens", user_id=user), 200).json["total"]
    assert total == 1, f"{total} entries"


@check(
    "IDM-003",
    "Trusting a device again MUST extend the trust and never duplicate it.",
    source="the contract, trust_device",
)
def test_a_device_is_trusted_once(world: World) -> None:
    body = {"user_id": world.new_user(), "device_fingerprint": "sha256:a1b2c3d4"}
    first, second = (expect(world.first.service("trust_device", body=body), 200).json for _ in range(2))
    assert first["id"] == second["id"], "it has two ids"
    assert second["trusted_until"] >= first["trusted_until"], "the trust was shortened"
    assert expect(world.first.service("list_trusted_devices", user_id=body["user_id"]), 200).json["total"] == 1


@check(
    "IDM-004",
    "Trust MUST end when it is withdrawn; withdrawing it twice MUST succeed.",
    source="the contract, untrust_device",
)
def test_trust_is_taken_back_once(world: World) -> None:
    user = world.new_user()
    body = {"user_id": user, "device_fingerprint": f"sha256:{user}"}
    device = expect(world.first.service("trust_device", body=body), 200).json["id"]
    for _ in range(2):
        expect(world.first.admin("remove_trusted_device", device_id=device), 200)
        assert expect(world.first.service("list_trusted_devices", user_id=user), 200).json["total"] == 0


@check(
    "IDM-005",
    "A blacklisted token MUST be refused everywhere until its entry is removed.",
    source="the contract, blacklist_token and remove_blacklist_entry",
)
def test_a_blacklisted_token_is_refused_until_its_entry_is_removed(world: World) -> None:
    made = world.first.sign_in()
    body = {"token": made.access, "token_type": "access", "user_id": made.user}
    expect(world.first.service("blacklist_token", body=body), 200)
    assert not world.first.is_good(made.access), "validate-token calls it good"
    expect(world.first.bearer(made.access, "get_session", session_id=made.id), 401)
    told = expect(world.first.admin("check_blacklisted_token", body={"token": made.access}), 200).json
    assert told["blacklisted"] is True, "the check does not find it"
    entry = expect(world.first.admin("list_blacklisted_tokens", user_id=made.user), 200).json["items"][0]["id"]
    expect(world.first.admin("remove_blacklist_entry", entry_id=entry), 200)
    assert world.first.is_good(made.access), "it is refused although its entry is gone"
    expect(world.first.admin("remove_blacklist_entry", entry_id=entry), 404)


@check(
    "IDM-006",
    "Lifetimes that are set MUST be returned, and a reset MUST restore the earlier ones.",
    source="the contract, set_token_config and reset_token_config",
)
def test_lifetimes_are_set_and_reset(world: World) -> None:
    expect(world.first.admin("reset_token_config"), 200)
    before = expect(world.first.admin("get_token_config"), 200).json
    body = {"access_expiry": "11m", "refresh_expiry": "22h", "leeway": "3s"}
    try:
        for _ in range(2):
            expect(world.first.admin("set_token_config", body=body), 200)
        told = expect(world.first.admin("get_token_config"), 200).json
        assert told == {**body, "tenant_id": world.first.id}, f"set {body}, told {told}"
    finally:
        for _ in range(2):
            expect(world.first.admin("reset_token_config"), 200)
    assert expect(world.first.admin("get_token_config"), 200).json == before, "the reset left something"


@check("IDM-007", "A read MUST change nothing.", source="RFC 9110 section 9.2.1")
def test_a_read_changes_nothing(world: World, operation: Operation) -> None:
    if operation.method != "GET":
        raise NotApplicable("it is no read")
    made = world.first.sign_in()
    request = valid_request(operation, world.first)
    before = _seen(world, made.user)
    for _ in range(2):
        expect(world.send(request), *(status for status in operation.responses if status < 300))
    assert _seen(world, made.user) == before, "something changed"


@check(
    "IDM-008",
    "All tokens of a user that were refused MUST stay refused, and later ones MUST be valid.",
    source="the contract, revoke_all_tokens",
)
def test_refusing_all_tokens_of_a_user_refuses_those_that_are(world: World) -> None:
    user = world.new_user()
    made = world.first.sign_in(user)
    expect(world.first.admin("revoke_all_tokens", body={"user_id": user}), 200)
    assert not world.first.is_good(made.access), "it is good"
    expect(world.first.refresh(made.refresh), 401)


def _seen(world: World, user: str) -> list[object]:
    stats = expect(world.first.admin("get_session_stats"), 200).json
    numbers = {name: value for name, value in stats.items() if name != "updated_at"}
    exported = expect(world.first.service("export_user_data", body={"user_id": user}), 200).json
    return [numbers["total_sessions"], numbers["revoked_sessions"], exported]
