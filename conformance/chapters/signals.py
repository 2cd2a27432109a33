"""Shared signals: what refuses a security event token, and that a refused one ends nothing.

The suite has no key of the provider that the server trusts. So it looks at what is refused.
"""

import uuid
from typing import TYPE_CHECKING, Any

import jwt

from sojourn.conformance import instants
from sojourn.conformance.chapters.logout import A_SECRET, segment
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import as_json
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPE = "application/secevent+jwt"
CAEP, RISC = (
    "https://schemas.openid.net/secevent/caep/event-type",
    "https://schemas.openid.net/secevent/risc/event-type",
)
EVENTS = (f"{CAEP}/session-revoked", f"{CAEP}/credential-change", f"{RISC}/account-disabled")
WORDS = {
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
}
"""The error codes that are registered for a push (RFC 8935, section 2.4)."""


def push(world: World, token: str, *, media_type: str = TYPE) -> Reply:
    """Send a token as a transmitter does. NotApplicable where the contract has no such operation."""
    if "receive_security_events" not in world.contract.forms:
        raise NotApplicable("the contract has no receive_security_events")
    operation = world.operation("receive_security_events")
    request = Raw(operation.method, operation.path, body=token.encode())
    return world.send(request.with_header("Content-Type", media_type))


def forged(user: str) -> "Iterator[tuple[str, str]]":
    """Tokens that no server may accept, each with what is wrong with it."""
    now = int(instants.now().timestamp())
    for event in EVENTS:
        good: dict[str, Any] = {"iss": "https://id.invalid", "aud": "judge", "iat": now, "jti": str(uuid.uuid4())}
        good |= {"sub_id": {"format": "opaque", "id": user}, "events": {event: {"event_timestamp": now}}}
        head = {"typ": "secevent+jwt"}
        signed = jwt.encode(good, A_SECRET, headers=head)
        yield "signed by nobody it knows", signed
        yield "not signed", f"{segment({**head, 'alg': 'none'})}.{segment(good)}."
        yield "its signature cut off", signed.rpartition(".")[0]
        yield "the claims without a JWT", as_json(good).decode()
        yield "of another type", jwt.encode(good, A_SECRET, headers={"typ": "logout+jwt"})
        yield "without an issuer", jwt.encode({**good, "iss": ""}, A_SECRET, headers=head)
    yield "no token", "x"
    yield "a text in three parts", "a.b.c"


@check(
    "SSF-001",
    "A malformed security event or one of no trusted issuer MUST be 400 with `err` and `description` and end nothing.",
    source="RFC 8935, sections 2.3 and 2.4; RFC 8417, sections 2.2 and 3",
    profile="full",
    feature="signals",
)
def test_a_security_event_of_no_trusted_issuer_ends_nothing(world: World) -> None:
    made = world.first.sign_in()
    tokens = [*forged(made.user), ("an access token", made.access), ("the administrator's", world.first.admin_token)]
    for what, token in tokens:
        refused = expect(push(world, token), 400)
        said = refused.json
        assert said.get("err") in WORDS, f"{what}: err is {said.get('err')!r}, which is not registered"
        assert said.get("description"), f"{what}: no description"
        assert refused.headers.get("content-language"), f"{what}: nothing says in which language the description is"
    assert world.first.status_of(made.id) == "active", "a session ended by an event of no trusted issuer"
    assert world.first.is_good(made.access), "tokens were refused by an event of no trusted issuer"


@check(
    "SSF-002",
    "A body that is not said to be a security event token MUST be 415, whatever it holds.",
    source="RFC 8935, section 2.1; RFC 9110, section 15.5.16",
    profile="full",
    feature="signals",
)
def test_an_event_of_another_media_type_is_refused(world: World) -> None:
    made = world.first.sign_in()
    for _, token in forged(made.user):
        for media_type in ("application/json", "application/jwt", "application/x-www-form-urlencoded", "text/plain"):
            expect(push(world, token, media_type=media_type), 415)
    assert world.first.status_of(made.id) == "active", "a session ended by an event of no trusted issuer"
