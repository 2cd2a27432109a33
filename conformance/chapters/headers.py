"""Caching and security headers: nothing about sessions is stored on the way, nothing secret is shown."""

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.world import World, expect

_SECRETS = "the contract, list_tokens; RFC 9700 section 4.14"
TOO_LONG = 5000
"""Characters of a tag, more than the contract allows for all of them."""

_ASKED_AGAIN = "private, no-cache"
"""What the caller alone may keep, and asks about each time."""


@check(
    "HDR-001",
    "A response with tokens or session data MUST carry `Cache-Control: no-store`, or a documented `private, no-cache`.",
    source="the contract, header NoStore; RFC 9111 section 5.2.2.5",
)
def test_answers_about_sessions_are_not_stored(world: World, operation: Operation) -> None:
    if not operation.path.startswith(("/internal", "/admin", "/api", "/sessions", "/tokens", "/trusted-devices")):
        raise NotApplicable("it tells nothing of sessions")
    reply = expect(world.send(valid_request(operation, world.first)), *(s for s in operation.responses if s < 300))
    said = reply.headers.get("cache-control", "")
    documented = operation.responses[reply.status].get("headers", {}).get("Cache-Control", {}).get("schema", {})
    wanted = _ASKED_AGAIN if documented.get("enum") == [_ASKED_AGAIN] else "no-store"
    assert wanted in said, f"Cache-Control is {said!r}"


@check("HDR-002", "Every response MUST carry a request id.", source="the contract, Tracing; header RequestId")
def test_every_answer_carries_a_request_id(world: World, operation: Operation) -> None:
    valid = valid_request(operation, world.first)
    for request in (valid, valid.with_query("colour", "red"), valid.copy(path="/no/such/path")):
        assert world.send(request).headers.get("x-request-id"), "no X-Request-ID"


@check("HDR-003", "A refusal about sessions MUST NOT be stored either.", source="RFC 9111 section 4")
def test_refusals_are_not_stored(world: World) -> None:
    for reply in (
        world.first.anyone("get_session_stats"),
        world.first.admin("get_session", session_id="sess_nobody"),
        world.first.bearer(world.first.sign_in().access, "get_session_stats"),
    ):
        said = reply.headers.get("cache-control", "")
        assert "no-store" in said, f"{reply.status}: Cache-Control is {said!r}"


@check("HDR-004", "A list MUST NOT show a token, only a hash of it.", source=_SECRETS)
def test_no_list_shows_a_token(world: World) -> None:
    made = world.first.sign_in()
    body = {"token": made.access, "token_type": "access", "user_id": made.user}
    expect(world.first.service("blacklist_token", body=body), 200)
    for operation in ("list_tokens", "list_blacklisted_tokens"):
        text = expect(world.first.admin(operation, user_id=made.user), 200).text
        for token in (made.access, made.refresh):
            assert token not in text, f"{operation} shows a token"
            assert token.rpartition(".")[2] not in text, f"{operation} shows the secret part of a token"


@check(
    "HDR-005",
    "An introspection of what is no token MUST be `active: false` and nothing else.",
    source="RFC 7662 section 2.2",
)
def test_nothing_is_told_of_what_is_no_token(world: World) -> None:
    for text in ("x", "x.y.z", "rt_" + "0" * 60):
        told = expect(world.first.admin("introspect_token", body={"token": text}), 200).json
        assert told == {"active": False}, f"{text!r}: {told}"
        said = expect(world.first.service("validate_access_token", body={"access_token": text}), 200).json
        assert said["valid"] is False, f"{text!r} is valid"
        assert said.get("error"), "no reason is given"


@check(
    "HDR-006",
    "Responses in JSON MUST be UTF-8 JSON and say so: nobody must guess their type.",
    source="RFC 8259 section 8.1",
)
def test_answers_are_labelled(world: World, operation: Operation) -> None:
    reply = world.send(valid_request(operation, world.first))
    if not reply.body:
        raise NotApplicable("no body")
    declared = operation.responses[reply.status].get("content", {})
    assert reply.media_type in declared, f"Content-Type is {reply.headers.get('content-type')!r}"
    reply.body.decode("utf-8")


@check(
    "HDR-007",
    "A client that names the `ETag` of a response MUST get 304 without content, and any other client 200.",
    source="RFC 9110 section 13.1.2; the contract, header ETag",
)
def test_who_has_a_response_is_not_sent_it_again(world: World, operation: Operation) -> None:
    if 304 not in operation.responses:
        raise NotApplicable("it documents no 304")
    valid = valid_request(operation, world.first)
    tag = expect(world.send(valid), 200).headers.get("etag", "")
    assert tag.startswith('"'), f"ETag is {tag!r}"
    for had in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        reply = expect(world.send(valid.with_header("If-None-Match", had)), 304)
        assert reply.headers.get("etag") == tag, f"ETag of the 304 is {reply.headers.get('etag')!r}, was {tag!r}"
        assert not reply.body, f"the 304 has {len(reply.body)} bytes of content"
    for had in ('"another"', f'W/"{tag[2:]}', f'"another{tag[1:]}, ""'):
        expect(world.send(valid.with_header("If-None-Match", had)), 200)
    for had in (tag[:-1], "another", f'"{"a" * TOO_LONG}"'):
        expect(world.send(valid.with_header("If-None-Match", had)), 400)
