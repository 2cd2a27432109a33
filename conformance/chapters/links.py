"""Links: each leads from a response to the operation it names, which then succeeds."""

import json
from typing import Any

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, listed, valid_request, values_for
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

_HEADER = "$request.header."


@check(
    "LNK-001",
    "Every link of the contract MUST lead to an operation that succeeds with what the link gives it.",
    source="the contract; OpenAPI 3.0.3, Link Object",
)
def test_every_link_leads_to_a_success(world: World, operation: Operation) -> None:
    followed = 0
    for status, response in operation.responses.items():
        for name, link in response.get("links", {}).items():
            request = with_content(operation, world)
            reply = expect(world.send(request), status)
            answer = follow(world, world.operation(link["operationId"]), link=link, request=request, reply=reply)
            assert 200 <= answer.status < 300, f"{name} leads to {answer.status}: {answer.text[:300]}"
            world.traffic.links.add((operation.id, status, name))
            followed += 1
    if not followed:
        raise NotApplicable("no links")


def with_content(operation: Operation, world: World) -> Raw:
    """A valid request; a list is asked for a user who has one of everything that lists hold."""
    if operation.method != "GET" or not operation.scheme:
        return valid_request(operation, world.first)
    user = world.new_user()
    body = {"user_id": user, "device_fingerprint": f"sha256:{user}"}
    expect(world.first.service("trust_device", body=body), 200)
    expect(world.first.admin("trust_own_device", body={"device_fingerprint": f"sha256:{user}"}), 200)
    refused = {"token": f"a-token-of-{user}", "token_type": "access", "user_id": user}
    expect(world.first.service("blacklist_token", body=refused), 200)
    listed(operation, world.first, many=1)
    session = world.first.sign_in(user).id
    known = {"X-Tenant-ID": world.first.id, "session_id": session}
    known |= dict.fromkeys(("user_id", "auth_user_id", "?user_id", "?auth_user_id"), user)
    return authorised(operation, world.first, request=operation.request(known))


def follow(world: World, target: Operation, *, link: dict[str, Any], request: Raw, reply: Reply) -> Reply:
    """The answer of the operation that a link leads to; what the link does not say is made."""
    given = {name: evaluate(value, request, reply=reply) for name, value in link.get("parameters", {}).items()}
    known = {**values_for(target, world.first), **given}
    known |= {f"?{name}": value for name, value in given.items()}
    body = evaluate(link.get("requestBody"), request, reply=reply)
    if isinstance(body, dict) and target.body_schema is not None:
        missing = set(target.body_schema.get("required", ())) - set(body)
        body |= {name: known[name] for name in missing if name in known}
    return world.send(authorised(target, world.first, request=target.request(known, body=body)))


def evaluate(value: Any, request: Raw, *, reply: Reply) -> Any:
    """A value of a link with its runtime expressions evaluated (OpenAPI 3.0.3, Runtime Expressions)."""
    if isinstance(value, dict):
        return {name: evaluate(item, request, reply=reply) for name, item in value.items()}
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    source, _, pointer = value.partition("#")
    if source.startswith(_HEADER):
        wanted = source.removeprefix(_HEADER).lower()
        return next(text for name, text in request.headers if name.lower() == wanted)
    found = reply.json if source == "$response.body" else json.loads(request.body or b"{}")
    for step in pointer.strip("/").split("/"):
        found = found[int(step) if isinstance(found, list) else step]
    return found
