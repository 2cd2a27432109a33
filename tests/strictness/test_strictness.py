"""The strictness table holds for every operation and parameter of the contract, on the wire.

The probes are generated from the contract, so a new operation is probed without anyone thinking of it.
"""

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from sojourn.conformance import probes
from sojourn.conformance.contract import Operation
from sojourn.conformance.probes import CANARY, Probe, Rule
from sojourn.conformance.wire import Raw, Reply
from tests.strictness import own_rules
from tests.strictness.conftest import Prepared
from tests.strictness.requests import OPERATIONS, exchange, problem_of, to_bytes, valid_request

GOOD_FOR_ONE_SUCCESS = {
    "remove_blacklist_entry": "entry_id",
    "create_tenant": "tenant_id",
    "remove_webhook": "webhook_id",
    "create_logout_client": "client_id",
    "remove_logout_client": "client_id",
}
"""What each success of an operation uses up."""


def rules_in(module: ModuleType) -> list[Rule]:
    """Every function of a module that makes probes."""
    functions = [value for _, value in inspect.getmembers(module, inspect.isfunction)]
    return [found for found in functions if inspect.signature(found).return_annotation == Iterator[Probe]]


RULES = [*rules_in(probes), *rules_in(own_rules)]


def probes_of(operation: Operation, valid: Raw) -> Iterator[tuple[str, Probe]]:
    """Each probe with the name of its rule."""
    for rule in RULES:
        for probe in rule(operation, valid):
            yield rule.__name__, probe


def deviation(operation: Operation, probe: Probe, reply: Reply) -> str | None:
    """What is wrong with an answer, or None."""
    if reply.status not in probe.statuses:
        return f"answered {reply.status}, wanted {probe.statuses}"
    if CANARY.encode() in reply.body:
        return "echoes what was sent"
    if reply.status < 400 or probe.request.method == "HEAD":
        return None
    problem = problem_of(reply)
    if problem.get("status") != reply.status:
        return f"is no problem document: {reply.headers.get('content-type')}"
    fields = {violation["field"] for violation in problem.get("errors", ())} | set(problem.get("details", ()))
    if probe.field is not None and not any(re.split(r"[.\[]", name)[0] == probe.field for name in fields):
        return f"does not name {probe.field}: {sorted(fields)}"
    if reply.status == 401 and "www-authenticate" not in reply.headers:
        return "has no WWW-Authenticate"
    if reply.status == 405 and set(reply.headers.get("allow", "").split(", ")) != operation.path_methods:
        return f"has an incomplete Allow: {reply.headers.get('allow')}"
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
def test_every_probe_is_answered_as_the_table_says(operation: Operation, prepared: Prepared) -> None:
    sent: Counter[str] = Counter()
    deviations = []
    known = prepared.fresh(operation.id)
    valid = valid_request(operation, prepared.credentials, known)
    assert exchange(prepared.server.port, valid).status == operation.success

    for rule, probe in probes_of(operation, valid):
        request = probe.request
        if operation.id in GOOD_FOR_ONE_SUCCESS and probe.statuses[0] < 400:
            request = _on_something_new(operation, request, known, prepared)
        reply = exchange(prepared.server.port, request)
        sent[rule] += 1
        if (wrong := deviation(operation, probe, reply)) is not None:
            deviations.append(f"{rule}: {probe.what}: {to_bytes(0, request)[:300]!r}: {wrong}")

    print(f"{operation.id}: {sum(sent.values())} probes, {len(deviations)} deviations")
    assert deviations == []


def test_the_probes_reach_every_operation_and_every_parameter() -> None:
    credentials = {"api_key": "k", "token": "t"}
    reached = set()
    total = 0
    for operation in OPERATIONS:
        valid = valid_request(operation, credentials, {})
        for _, probe in probes_of(operation, valid):
            total += 1
            reached.add((operation.id, None))
            reached |= {(operation.id, name) for name in _changed(operation, valid, probe.request)}
    wanted = {(operation.id, None) for operation in OPERATIONS}
    wanted |= {(operation.id, parameter["name"]) for operation in OPERATIONS for parameter in operation.parameters}

    print(f"{total} probes over {len(OPERATIONS)} operations, by {len(RULES)} rules")
    assert len(RULES) >= 16
    assert wanted - reached == set()


def _changed(operation: Operation, valid: Raw, sent: Raw) -> set[str]:
    """The parameters that are not as in the valid request."""
    found = {name for name, _ in set(valid.query) ^ set(sent.query)}
    found |= {name for name in dict(sent.query) if sent.query.count((name, dict(sent.query)[name])) > 1}
    found |= {name for name, _ in set(valid.headers) ^ set(sent.headers)}
    segments = zip(operation.path.split("/"), valid.path.split("/"), sent.path.split("/"), strict=False)
    return found | {name.strip("{}") for name, before, after in segments if before != after}


def _on_something_new(operation: Operation, request: Raw, old: dict[str, Any], prepared: Prepared) -> Raw:
    name = GOOD_FOR_ONE_SUCCESS[operation.id]
    new = prepared.fresh(operation.id)[name]
    body = None if request.body is None else request.body.replace(old[name].encode(), new.encode())
    return request.copy(path=request.path.replace(old[name], new), body=body)
