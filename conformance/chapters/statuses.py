"""Statuses: every status of the contract that can be caused from outside is caused and checked."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sojourn.conformance.chapters.schemas import assert_documented
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.exceptions import excused_status
from sojourn.conformance.fresh import valid_request, values_for
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

_SOURCE = "the contract, the responses of each operation"
UNKNOWN = {
    "session_id": "sess_nobody",
    "slug": "no-such-type",
    "list_id": "no-such-list",
    "token_id": "tok_nobody",
    "entry_id": "bl_nobody",
    "device_id": "dev_nobody_ever_saw",
    "client_id": "no-such-application",
    "webhook_id": "whk_00000000-0000-7000-8000-000000000000",
}
FILE = "file"
"""A parameter whose form is that of its example: the end of a file's name says what is in it."""
NAMES_A_SESSION = ("get_device_fingerprint", "get_risk_score", "generate_tokens")
SPENDS_A_REFRESH_TOKEN = ("refresh_tokens", "rotate_access_token")
REFRESHES = 260
ANOTHER = {"app_id": "another", "name": "another", "reason": "another", "overlap": "2h", "max_sessions": 77}
"""Members that make another request of a body."""
STARVED_AT_ONCE = 30


def too_little(operation: Operation, world: World) -> Raw:
    """Wrong credentials: a forged refresh token where that is the credential."""
    if operation.id not in SPENDS_A_REFRESH_TOKEN:
        return valid_request(operation, world.first).without("X-API-Key", "Authorization")
    forged = world.first.sign_in().refresh[:-4] + "AAAA"
    return operation.request({}, body={"refresh_token": forged})


def not_allowed(operation: Operation, world: World) -> Raw:
    """Good credentials that are not enough."""
    valid = valid_request(operation, world.first)
    if operation.scheme == "apiKey":
        return valid.with_header("X-API-Key", world.target.limited_api_key or "")
    return valid.with_header("Authorization", f"Bearer {world.first.sign_in().access}")


def names_unknown(operation: Operation) -> bool:
    """Whether the path names a thing that may not be there."""
    return bool({parameter["name"] for parameter in operation.named("path")} & {*UNKNOWN, FILE})


def unknown_of(operation: Operation) -> dict[str, str]:
    """Values for the path of things that are not there."""
    ends = [str(one["example"]).rpartition(".")[2] for one in operation.named("path") if one["name"] == FILE]
    return {**UNKNOWN, FILE: f"nothing.{ends[0]}"} if ends else UNKNOWN


def not_there(operation: Operation, world: World) -> Raw:
    """Something that does not exist: what the path names, or the tenant."""
    if names_unknown(operation) or operation.id in NAMES_A_SESSION:
        known = {**values_for(operation, world.first), **unknown_of(operation)}
        valid = valid_request(operation, world.first)
        made = operation.request(known)
        return valid.copy(path=made.path, query=made.query, body=made.body)
    if any(parameter["name"] == "except_session_id" for parameter in operation.named("query")):
        return valid_request(operation, world.first).with_query("except_session_id", "sess_nobody")
    return valid_request(operation, world.first).with_header("Authorization", f"Bearer {world.target.stranger_token}")


def too_often(operation: Operation, world: World) -> Raw:
    """A refresh token whose session has had all its refreshes."""
    request = valid_request(operation, world.first)
    for _ in range(REFRESHES):
        reply = world.send(request)
        if reply.status != 200:
            break
        if "refresh_token" in reply.json:  # one that is spent again and again is a replay some time
            request = request.with_body({"refresh_token": reply.json["refresh_token"]})
    return request


def of_another_database(operation: Operation, world: World) -> Raw:
    """Behind a cursor that this server never gave."""
    (after,) = (parameter["example"] for parameter in operation.named("query") if parameter["name"] == "after")
    return valid_request(operation, world.first).with_query("after", after)


def of_another_request(operation: Operation, world: World) -> Raw:
    """The Idempotency-Key of a request whose body was another one."""
    first = valid_request(operation, world.first).with_header("Idempotency-Key", str(uuid.uuid4()))
    expect(world.send(first), operation.success)
    said = json.loads(first.body or b"{}")
    name = next(name for name in ANOTHER if name in (operation.body_schema or {})["properties"])
    return first.with_body({**said, name: ANOTHER[name]})


def changed(change: Callable[[Raw], Raw]) -> Callable[[Operation, World], Raw]:
    """A valid request with a change."""
    return lambda operation, world: change(valid_request(operation, world.first))


PROVOKE: dict[int, Callable[[Operation, World], Raw]] = {
    200: changed(lambda valid: valid),
    201: changed(lambda valid: valid),
    202: changed(lambda valid: valid),
    204: changed(lambda valid: valid),
    304: changed(lambda valid: valid.with_header("If-None-Match", "*")),
    400: changed(lambda valid: valid.with_query("colour", "red")),
    401: too_little,
    403: not_allowed,
    404: not_there,
    406: changed(lambda valid: valid.with_header("Accept", "image/png")),
    410: of_another_database,
    412: changed(lambda valid: valid.with_header("If-Match", '"of-nothing"')),
    413: changed(lambda valid: valid.with_body({"reason": "a" * 2_000_000})),
    414: changed(lambda valid: valid.with_query("colour", "a" * 20_000)),
    415: changed(lambda valid: valid.copy(body=b"{}").with_header("Content-Type", "text/plain")),
    422: of_another_request,
    429: too_often,
    431: changed(lambda valid: valid.with_header("X-Filler", "a" * 20_000)),
}


def needs_more(operation: Operation, status: int) -> bool:
    """Whether only a caller that the full profile asks for can provoke it: a limited key, a stranger's token."""
    if status == 403:
        return operation.scheme == "apiKey"
    return status == 404 and not names_unknown(operation) and operation.id not in NAMES_A_SESSION


def provoke(operation: Operation, world: World, *, more: bool) -> None:
    """Provoke the statuses of an operation, those that need more callers or the others."""
    found = [
        status
        for status in operation.responses
        if status not in (408, 409)
        and not (status == 429 and operation.scheme == "apiKey")  # how many guesses are too many is the operator's
        and not excused_status(operation, status)
        and needs_more(operation, status) is more
    ]
    if not found:
        raise NotApplicable("documents none of them")
    for status in found:
        assert status in PROVOKE, f"nobody knows how to provoke {status}"
        reply = expect(world.send(PROVOKE[status](operation, world)), status)
        assert_documented(operation, reply)


@check("STA-001", "Every documented status MUST occur when its reason is there, as documented.", source=_SOURCE)
def test_every_documented_status_is_answered(world: World, operation: Operation) -> None:
    provoke(operation, world, more=False)


@check(
    "STA-003",
    "The statuses for callers of other tenants MUST occur as documented.",
    source=_SOURCE,
    profile="full",
    needs=("limited_api_key", "stranger_token"),
)
def test_every_status_for_callers_of_other_tenants_is_answered(world: World, operation: Operation) -> None:
    provoke(operation, world, more=True)


@check("STA-002", "A body that does not come MUST be 408, in time.", source="RFC 9110 section 15.5.9", profile="full")
def test_a_body_that_does_not_come_is_not_waited_for(world: World) -> None:
    found = [operation for operation in world.contract.operations.values() if 408 in operation.responses]
    if not found:
        raise NotApplicable("nobody documents 408")
    starved = [valid_request(operation, world.first) for operation in found]
    with ThreadPoolExecutor(STARVED_AT_ONCE) as pool:
        replies = list(pool.map(lambda request: starve(world, request), starved))
    for operation, reply in zip(found, replies, strict=True):
        assert_documented(operation, expect(reply, 408))


def starve(world: World, request: Raw) -> Reply:
    """Announce a body, send the first byte of it, and wait."""
    head = request.copy(body=None).without("Content-Length").with_header("Content-Type", "application/json")
    data = world.wire.to_bytes(head.with_header("Content-Length", "100")) + b"{"
    reply = world.wire.exchange_bytes(data, request.method, seconds=world.target.patience)
    world.traffic.add(request.copy(body=b"{"), reply)
    return reply
