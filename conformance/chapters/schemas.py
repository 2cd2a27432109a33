"""Schemas and examples: every response of every operation is what the contract says."""

import json

import yaml

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, valid_request, values_for
from sojourn.conformance.schemas import answer_violations, violations
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import World, expect


def assert_documented(operation: Operation, reply: Reply) -> None:
    """The answer is one that the contract knows."""
    found = answer_violations(operation, reply)
    assert not found, f"{operation.id} answered {reply.status}: " + "; ".join(found)


@check(
    "SCH-001",
    "An operation MUST fulfil a valid request, and its response MUST fit its schema.",
    source="the contract, the schemas of each response",
)
def test_a_valid_request_is_answered_as_documented(world: World, operation: Operation) -> None:
    reply = expect(world.send(valid_request(operation, world.first)), *_successes(operation))
    assert_documented(operation, reply)


@check("SCH-002", "An operation MUST accept each of its optional query parameters.", source="the contract")
def test_optional_parameters_are_accepted(world: World, operation: Operation) -> None:
    if all(parameter.get("required") for parameter in operation.named("query")):
        raise NotApplicable("no optional parameter")
    request = valid_request(operation, world.first, optional=True)
    for parameter in operation.named("query"):
        if "x-not-with" in parameter:
            values, name = values_for(operation, world.first), parameter["name"]
            named = {**values, f"?{name}": values.get(name, parameter["example"])}
            alone = authorised(operation, world.first, request=operation.request(named))
            assert_documented(operation, expect(world.send(alone), *_successes(operation)))
            continue
        one = request.copy(
            query=tuple(pair for pair in request.query if _stays(operation, pair[0], tried=parameter["name"]))
        )
        assert_documented(operation, expect(world.send(one), *_successes(operation)))


@check("SCH-003", "Every documented example of a request body MUST be accepted as well-formed.", source="the contract")
def test_the_documented_examples_of_bodies_are_accepted(world: World, operation: Operation) -> None:
    if not operation.body_examples:
        raise NotApplicable("no body")
    for example in operation.body_examples:
        reply = world.send(valid_request(operation, world.first).with_body(example))
        assert_documented(operation, reply)
        complaints = reply.json.get("errors", []) if reply.status == 400 else []
        assert not complaints, f"the documented example {json.dumps(example)} breaks a rule: {complaints}"


@check("SCH-004", "Every documented example of a response MUST fit its own schema.", source="the contract")
def test_the_documented_examples_of_answers_fit(world: World, operation: Operation) -> None:
    for status, response in operation.responses.items():
        for media_type, content in response.get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                if "json" in media_type and "value" in example:
                    found = violations(content["schema"], example["value"])
                    assert not found, f"{status} {name}: " + "; ".join(found)


@check(
    "SCH-005",
    "A server that serves a contract MUST serve the one that it is judged by.",
    source="the contract, get_contract_json",
)
def test_the_contract_that_is_served_is_the_one_that_is_judged(world: World) -> None:
    served = expect(world.first.anyone("get_contract_json"), 200).json
    for path, item in world.contract.document["paths"].items():
        assert path in served["paths"], f"{path} is missing from the contract that is served"
        assert set(item) == set(served["paths"][path]), f"{path} has other methods in the contract that is served"


@check(
    "SCH-006",
    "The JSON and the YAML form of the contract MUST be the same document.",
    source="the contract, get_contract_yaml",
)
def test_both_forms_of_the_contract_are_the_same(world: World) -> None:
    as_json = expect(world.first.anyone("get_contract_json"), 200).json
    as_yaml = yaml.safe_load(expect(world.first.anyone("get_contract_yaml"), 200).body)
    assert as_json == as_yaml, "they differ"


@check(
    "SCH-007",
    "What a session was created with MUST be shown of it.",
    source="the contract, schema CreateSessionRequest",
)
def test_a_created_session_shows_what_it_was_created_with(world: World) -> None:
    for ip in ("192.0.2.77", "2001:db8::77"):
        assert_shown_as_created(world, ip)
    user = world.new_user()
    body = {"user_id": user, "device_fingerprint": f"sha256:{user}", "ip": "2001:db8::77", "browser": "Chrome 123"}
    expect(world.first.service("trust_device", body=body), 200)
    device = expect(world.first.service("list_trusted_devices", user_id=user), 200).json["items"][0]
    for name, value in body.items():
        assert device.get(name) == value, f"{name} is {device.get(name)!r}, was trusted as {value!r}"


def assert_shown_as_created(world: World, ip: str) -> None:
    """A session from this address is shown with everything that it was created with."""
    facts = {"device_id": "dev_conf", "ip": ip, "user_agent": "conformance/1", "device_type": "tablet"}
    user = world.new_user()
    made = world.first.sign_in(user, amr=["password", "totp"], **facts)
    known_as = expect(world.first.admin("get_device_fingerprint", session_id=made.id), 200).json
    assert known_as["ip"] == ip, f"the device's address is {known_as['ip']}"
    listed = expect(world.first.service("list_user_sessions", user_id=user), 200).json["items"][0]
    for session in (
        made.session,
        listed,
        expect(world.first.admin("get_session", session_id=made.id), 200).json["session"],
    ):
        for name, value in {**facts, "user_id": user, "tenant_id": world.first.id, "amr": "password,totp"}.items():
            assert session.get(name) == value, f"{name} is {session.get(name)!r}, was created as {value!r}"


def _successes(operation: Operation) -> tuple[int, ...]:
    return tuple(status for status in operation.responses if 200 <= status < 300)


def _stays(operation: Operation, name: str, *, tried: str) -> bool:
    required = {parameter["name"] for parameter in operation.named("query") if parameter.get("required")}
    return name == tried or name in required
