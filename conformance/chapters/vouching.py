"""Vouching: services, administrators and identity providers say how a user signed in, never the user alone."""

import base64
import json
import time
from typing import Any

from sojourn.conformance.chapters.schemas import assert_documented
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.instants import instant
from sojourn.conformance.world import SignIn, World, expect

_STEP_UP = "OWASP ASVS 5.0 V7.2.4; the contract, elevate_session"
SPLIT_SECONDS = 0.05


def claims_of(token: str) -> dict[str, Any]:
    """The claims of an access token; its signature is judged elsewhere."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def elevated(world: World, made: SignIn) -> dict[str, Any]:
    """A session as it is shown once a service has raised it."""
    body = {"amr": ["otp", "mfa"], "acr": "urn:conformance:2"}
    answer = expect(world.first.service("elevate_session", body=body, session_id=made.id), 200).json
    session: dict[str, Any] = answer["session"]
    return session


@check(
    "VCH-001",
    "An access token of the service MUST NOT start a session: it would outlive the first one.",
    source="the contract, start_session",
)
def test_an_access_token_starts_no_session(world: World) -> None:
    made = world.first.sign_in(amr=["pwd"])
    for facts in ({}, {"amr": ["pwd"]}, {"amr": ["hwk", "mfa"]}):
        reply = expect(world.first.bearer(made.access, "start_session", body={"auth_user_id": made.user, **facts}), 403)
        assert reply.json["i18n_key"] == "error.not_entitled_to_vouch", f"refused with {reply.json['i18n_key']}"
    count = expect(world.first.service("check_user_active", user_id=made.user), 200).json["session_count"]
    assert count == 1, f"the user has {count} sessions"


@check(
    "VCH-002",
    "A user's own access token MUST NOT raise the session's assurance.",
    source="the contract, upgrade_session_mfa",
)
def test_an_access_token_raises_no_assurance(world: World) -> None:
    made = world.first.sign_in(amr=["pwd"])
    expect(world.first.bearer(made.access, "upgrade_session_mfa", session_id=made.id), 403)
    shown = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert shown["amr"] == "pwd", f"amr is {shown['amr']}"


@check(
    "VCH-003",
    "What a service says of a further authentication MUST be seen in the session and in its next tokens.",
    source="the contract, elevate_session",
)
def test_a_service_raises_a_session(world: World) -> None:
    made = world.first.sign_in(amr=["pwd"])
    shown = elevated(world, made)
    assert set(shown["amr"].split(",")) >= {"pwd", "otp", "mfa"}, f"amr is {shown['amr']}"
    assert shown["acr"] == "urn:conformance:2", f"acr is {shown.get('acr')}"
    assert shown["expires_at"] == made.session["expires_at"], "its end moved"
    said = claims_of(expect(world.first.refresh(made.refresh), 200).json["access_token"])
    assert {"pwd", "otp", "mfa"} <= set(said["amr"]), f"the next token's amr is {said['amr']}"
    assert said["acr"] == "urn:conformance:2", f"the next token's acr is {said.get('acr')}"
    assert said["auth_time"] >= claims_of(made.access)["auth_time"], "auth_time went back"


@check(
    "VCH-004",
    "Raising a session MUST refuse its earlier access tokens, and leave its refresh token valid.",
    source=_STEP_UP,
)
def test_raising_a_session_replaces_its_access_tokens(world: World) -> None:
    for vouched_by in ("service", "administrator"):
        made = world.first.sign_in(amr=["pwd"])
        if vouched_by == "service":
            elevated(world, made)
        else:
            expect(world.first.admin("upgrade_session_mfa", session_id=made.id), 200)
        expect(world.first.bearer(made.access, "get_session", session_id=made.id), 401)
        assert not world.first.is_good(made.access), "validate-token calls the token of before good"
        told = expect(world.first.admin("introspect_token", body={"token": made.access}), 200).json
        assert told == {"active": False}, "introspection calls the token of before active"
        renewed = expect(world.first.refresh(made.refresh), 200).json
        expect(world.first.bearer(renewed["access_token"], "get_session", session_id=made.id), 200)


@check(
    "VCH-005",
    "A session that has ended MUST NOT be raised.",
    source="the contract, elevate_session",
)
def test_an_ended_session_is_not_raised(world: World) -> None:
    made = world.first.sign_in(amr=["pwd"])
    expect(world.first.admin("revoke_session", session_id=made.id), 204)
    expect(world.first.service("elevate_session", body={"amr": ["mfa"]}, session_id=made.id), 404)
    shown = expect(world.first.admin("get_session", session_id=made.id), 200).json["session"]
    assert shown["amr"] == "pwd", f"amr is {shown['amr']}"


def _members(operation: Operation) -> set[str]:
    return set((operation.body_schema or {}).get("properties", {}))


@check(
    "VCH-006",
    "A create that began before all sessions of its user were ended MUST be 409, one that begins later MUST succeed.",
    source="the contract, create_session and start_session",
)
def test_what_began_before_its_user_was_ended_begins_no_session(world: World) -> None:
    every = world.contract.operations.values()
    found = [item for item in every if {201, 409} <= item.responses.keys() and "auth_user_id" in _members(item)]
    if not found:
        raise NotApplicable("nothing that begins a session documents 409")
    for operation in found:
        made = world.first.sign_in()
        request = valid_request(operation, world.first).with_body({"auth_user_id": made.user})

        def end(user: str = made.user) -> None:
            time.sleep(SPLIT_SECONDS)  # the head has arrived by now
            expect(world.first.service("revoke_user_sessions", user_id=user), 200)

        reply = expect(world.send_in_two(request, between=end), 409)
        assert_documented(operation, reply)
        told = expect(world.first.service("check_user_active", user_id=made.user), 200).json
        assert told == {"active": False, "session_count": 0}, f"the ended user has {told['session_count']} sessions"
        expect(world.send(request), 201)


@check(
    "VCH-007",
    "A session that an administrator starts for a user MUST name the administrator, and so MUST its tokens.",
    source="the contract, start_session; RFC 8693 section 4.1",
)
def test_who_starts_a_session_for_a_user_is_named(world: World) -> None:
    user = world.new_user()
    started = expect(world.first.admin("start_session", body={"auth_user_id": user}), 201).json
    session, pair = started["session"], started["tokens"]
    who = session.get("impersonator")
    assert who not in (None, user), f"the impersonator is {who}"
    shown = expect(world.first.service("get_session_as_service", session_id=session["id"]), 200).json["session"]
    assert (shown.get("recorded_by"), shown.get("impersonator")) == (who, who), "services are told otherwise"
    renewed = expect(world.first.refresh(pair["refresh_token"]), 200).json
    for token in (pair["access_token"], renewed["access_token"]):
        assert claims_of(token).get("act") == {"sub": who}, f"act is {claims_of(token).get('act')}"


@check(
    "VCH-008",
    "Whatever its own tokens do, a session MUST keep its end, and no token MUST be valid beyond it.",
    source="the contract, schema SessionResponse; OWASP ASVS 5.0 V7.3.2",
)
def test_no_call_of_a_session_moves_its_end(world: World) -> None:
    made = world.first.sign_in(amr=["pwd"])
    end, pair = made.session["expires_at"], {"access_token": made.access, "refresh_token": made.refresh}
    for call in ("touch_session", "validate_session", "get_session", "upgrade_session_mfa"):
        world.first.bearer(pair["access_token"], call, session_id=made.id)
        pair |= expect(world.first.refresh(pair["refresh_token"]), 200).json
        world.first.bearer(pair["access_token"], "start_session", body={"auth_user_id": made.user})
        shown = expect(world.first.service("get_session_as_service", session_id=made.id), 200).json["session"]
        assert shown["expires_at"] == end, f"its end was {end}, is {shown['expires_at']} after {call} and a refresh"
        told = expect(world.first.admin("introspect_token", body={"token": pair["refresh_token"]}), 200).json
        for name, token_end in (("access", claims_of(pair["access_token"])["exp"]), ("refresh", told["exp"])):
            assert token_end <= instant(end).timestamp() + 1, f"the {name} token is good until {token_end}"
