"""Services handle one session: they see, use and end it, end all but one, and erase a user. Who blacklists what."""

from sojourn.conformance.chapters.vouching import claims_of
from sojourn.conformance.checks import check
from sojourn.conformance.world import SignIn, World, expect

_ONE = "the contract, revoke_session_as_service"
_UNKNOWN = "sess_01968a3c-5c00-7000-8000-00a1b2c3d4e5"


def alive(world: World, *made: SignIn) -> list[bool]:
    """For each sign-in, whether its access token is still of use to its user."""
    found = [expect(world.first.bearer(one.access, "get_session", session_id=one.id), 200, 401) for one in made]
    return [reply.status == 200 for reply in found]


@check("ONE-001", "A session that a service ends MUST be refused from the next request on.", source=_ONE)
def test_a_service_ends_one_session(world: World) -> None:
    ended, other = world.first.sign_in(), world.first.sign_in()
    expect(world.first.service("revoke_session_as_service", body={"reason": "left"}, session_id=ended.id), 204)
    assert alive(world, ended, other) == [False, True], "not the session that was named"
    assert not world.first.is_good(ended.access), "validate-token calls its token good"
    expect(world.first.refresh(ended.refresh), 401)


@check("ONE-002", "The facts of an end MUST be shown to services, and a second end MUST leave them.", source=_ONE)
def test_a_service_is_told_how_a_session_ended(world: World) -> None:
    made = world.first.sign_in()
    said = {"reason": "left", "reason_code": "signed_out"}
    expect(world.first.service("revoke_session_as_service", body=said, session_id=made.id), 204)
    first = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    told = (first["status"], first.get("revoke_reason"), first.get("reason_code"))
    assert told == ("revoked", "left", "signed_out"), f"told {told}"
    expect(world.first.service("revoke_session_as_service", body={"reason": "again"}, session_id=made.id), 204)
    second = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    assert second == first, "the second end changed what is told"
    default = world.first.sign_in()
    expect(world.first.service("revoke_session_as_service", body={"reason": "left"}, session_id=default.id), 204)
    shown = expect(world.first.service("get_session_as_service", session_id=default.id), 200).json["session"]
    assert shown.get("reason_code") == "revoked_by_service", f"an end without a code is {shown.get('reason_code')}"


@check(
    "ONE-003",
    "An activity that a service reports MUST show where from and MUST NOT move the last deadline.",
    source="the contract, touch_session_as_service",
)
def test_a_service_reports_an_activity(world: World) -> None:
    made = world.first.sign_in(ip="192.0.2.1")
    body = {"ip": "192.0.2.77", "user_agent": "Conformance/1.0"}
    expect(world.first.service("touch_session_as_service", body=body, session_id=made.id), 200)
    shown = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    told = (shown.get("ip"), shown.get("last_ip"), shown.get("last_user_agent"))
    assert told == ("192.0.2.1", "192.0.2.77", "Conformance/1.0"), f"told {told}"
    assert shown["expires_at"] == made.session["expires_at"], "its end moved"
    assert shown["last_active_at"] >= made.session["last_active_at"], "its last activity went back"
    expect(world.first.service("revoke_session_as_service", session_id=made.id), 204)
    expect(world.first.service("touch_session_as_service", body=body, session_id=made.id), 404)


@check(
    "ONE-004",
    "Ending all sessions of a user but one MUST leave that one, and end none where it is not one of them.",
    source="the contract, revoke_user_sessions",
)
def test_a_service_ends_all_sessions_but_one(world: World) -> None:
    user = world.new_user()
    kept, *others = [world.first.sign_in(user) for _ in range(3)]
    stranger = world.first.sign_in()
    for odd in (_UNKNOWN, stranger.id):
        expect(world.first.service("revoke_user_sessions", user_id=user, except_session_id=odd), 404)
        assert alive(world, kept, *others) == [True] * 3, "sessions ended though the one to keep is unknown"
    expect(world.first.service("revoke_user_sessions", user_id=user, except_session_id=kept.id), 200)
    assert alive(world, kept, *others, stranger) == [True, False, False, True], "not all but the one"


@check(
    "ONE-005",
    "Signing out everywhere else MUST end all sessions of the user but the one of the token.",
    source="the contract, revoke_other_sessions",
)
def test_a_user_signs_out_everywhere_else(world: World) -> None:
    user = world.new_user()
    kept, *others = [world.first.sign_in(user) for _ in range(3)]
    stranger = world.first.sign_in()
    expect(world.first.bearer(kept.access, "revoke_other_sessions", **{"except": "current"}), 200)
    assert alive(world, kept, *others, stranger) == [True, False, False, True], "not all others of the user"


@check(
    "ONE-006",
    "Erasing a user MUST say how many sessions went, leave none, and refuse their tokens.",
    source="the contract, erase_user_data",
)
def test_an_erased_user_is_gone(world: World) -> None:
    user = world.new_user()
    made, other = [world.first.sign_in(user) for _ in range(2)], world.first.sign_in()
    receipt = expect(world.first.service("erase_user_data", body={"user_id": user}), 200).json
    assert receipt["sessions"] == len(made), f"the receipt says {receipt}"
    for one in made:
        expect(world.first.service("get_session_as_service", session_id=one.id), 404)
        expect(world.first.bearer(one.access, "get_session", session_id=one.id), 401)
        assert not world.first.is_good(one.access), "validate-token calls a token of before good"
        expect(world.first.refresh(one.refresh), 401, 404)
    left = expect(world.first.admin("list_tenant_sessions", user_id=user), 200).json["total"]
    assert left == 0, f"{left} sessions are left"
    again = expect(world.first.service("erase_user_data", body={"user_id": user}), 200).json
    assert again["sessions"] == 0, f"the second receipt says {again}"
    assert alive(world, other) == [True], "somebody else's session ended"


@check(
    "ONE-007",
    "A user MUST NOT blacklist the token of somebody else, however it is spelled and whatever user is named.",
    source="the contract, add_to_blacklist; RFC 7009 section 2.2",
)
def test_nobody_blacklists_the_token_of_somebody_else(world: World) -> None:
    attacker, victim = world.first.sign_in(), world.first.sign_in()
    unsigned = victim.access.rpartition(".")[0]
    for token in (victim.access, unsigned + ".", f"{unsigned}.AAAA", victim.access + "=", victim.access + "=="):
        for named in (attacker.user, victim.user):
            body = {"token": token, "token_type": "access", "user_id": named}
            expect(world.first.bearer(attacker.access, "add_to_blacklist", body=body), 200, 400, 403)
            assert alive(world, victim) == [True], f"the token was refused as {token[-5:]!r} of {named}"
    body = {"token": victim.refresh, "token_type": "refresh", "user_id": attacker.user}
    expect(world.first.bearer(attacker.access, "add_to_blacklist", body=body), 400, 403)
    expect(world.first.refresh(victim.refresh), 200)


@check(
    "ONE-008",
    "A blacklisted token MUST be refused however its end is spelled.",
    source="the contract, blacklist_token; RFC 7515 section 2",
)
def test_a_blacklisted_token_is_refused_in_every_spelling(world: World) -> None:
    made = world.first.sign_in()
    body = {"token": made.access, "token_type": "access", "user_id": made.user}
    expect(world.first.service("blacklist_token", body=body), 200)
    for token in (made.access, made.access + "=", made.access + "=="):
        expect(world.first.bearer(token, "get_session", session_id=made.id), 401)
        assert not world.first.is_good(token), f"validate-token calls it good with {token[-3:]!r} at its end"


@check(
    "ONE-009",
    "Neither activities nor refreshes nor new tokens MUST move the last deadline of a session.",
    source="the contract, touch_session, refresh_tokens and generate_tokens",
)
def test_a_user_outlives_no_deadline(world: World) -> None:
    made = world.first.sign_in()
    expect(world.first.bearer(made.access, "touch_session", session_id=made.id), 200)
    pair = expect(world.first.refresh(made.refresh), 200).json
    body = {"auth_user_id": made.user, "session_id": made.id, "tenant_id": world.first.id}
    issued = expect(world.first.service("generate_tokens", body=body), 200, 201).json
    shown = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    assert shown["expires_at"] == made.session["expires_at"], "its end moved"
    times = {claims_of(token)["auth_time"] for token in (made.access, pair["access_token"], issued["access_token"])}
    assert len(times) == 1, f"auth_time moved: {sorted(times)}"


@check(
    "ONE-010",
    "A description MUST be written only if the session is still as the condition says, and be shown afterwards.",
    source="the contract, update_session_as_service; RFC 9110 section 13.1.1",
)
def test_a_condition_guards_a_description(world: World) -> None:
    made = world.first.sign_in()
    shown = expect(world.first.service("get_session_as_service", session_id=made.id), 200)
    body = {"name": "Büro, 2nd Floor", "metadata": {"Office": "Berlin-3"}}
    request = world.first.request("update_session_as_service", session_id=made.id, body=body)
    request = request.with_header("X-API-Key", world.target.api_key)
    expect(world.send(request.with_header("If-Match", '"another"')), 412)
    unchanged = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    assert not {"name", "metadata"} & set(unchanged), "what was refused was written"
    told = expect(world.send(request.with_header("If-Match", shown.headers["etag"])), 200).json["session"]
    after = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
    for session in (told, after):
        assert {name: session.get(name) for name in body} == body, f"described otherwise: {session}"
