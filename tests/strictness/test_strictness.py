"""The strictness table holds for every operation and parameter of the contract, on the wire.

The probes are generated from the contract, so a new operation is probed without anyone thinking of it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.strictness.conftest import Prepared
from tests.strictness.contract import Operation, operations, valid_request
from tests.strictness.probes import CANARY, RULES, Probe
from tests.strictness.wire import Raw, Reply, exchange

OPERATIONS = list(operations())
GOOD_FOR_ONE_SUCCESS = {"remove_blacklist_entry": "entry_id"}
"""What each success of an operation uses up."""


def probes_of(operation: Operation, valid: Raw) -> Iterator[Probe]:
    for rule in RULES:
        yield from rule(operation, valid)


def send(prepared: Prepared, probe: Probe) -> Reply:
    request = probe.request if isinstance(probe.request, bytes) else probe.request.to_bytes()
    return exchange(prepared.server.port, request)


def deviation(probe: Probe, reply: Reply) -> str | None:
    """What is wrong with an answer, or None."""
    if reply.status not in probe.statuses:
        return f"answered {reply.status}, wanted {probe.statuses}"
    if CANARY.encode() in reply.body:
        return "echoes what was sent"
    if reply.status < 400 or (isinstance(probe.request, Raw) and probe.request.method == "HEAD"):
        return None
    problem = reply.problem
    if problem.get("status") != reply.status:
        return f"is no problem document: {reply.headers.get('content-type')}"
    fields = {violation["field"] for violation in problem.get("errors", ())} | set(problem.get("details", ()))
    if probe.field is not None and not any(name.split("[")[0] == probe.field for name in fields):
        return f"does not name {probe.field}: {sorted(fields)}"
    if reply.status == 401 and "www-authenticate" not in reply.headers:
        return "has no WWW-Authenticate"
    if reply.status == 405 and set(reply.headers.get("allow", "").split(", ")) != probe.operation.path_methods:
        return f"has an incomplete Allow: {reply.headers.get('allow')}"
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.id for operation in OPERATIONS])
def test_every_probe_is_answered_as_the_table_says(operation: Operation, prepared: Prepared) -> None:
    sent: Counter[str] = Counter()
    deviations = []
    known = prepared.fresh(operation.id)
    valid = valid_request(operation, prepared.credentials, known)
    assert exchange(prepared.server.port, valid.to_bytes()).status == operation.success

    for probe in probes_of(operation, valid):
        if operation.id in GOOD_FOR_ONE_SUCCESS and probe.statuses[0] < 400:
            probe = _on_something_new(probe, known, prepared)
        reply = send(prepared, probe)
        sent[probe.row] += 1
        if (wrong := deviation(probe, reply)) is not None:
            deviations.append(f"{probe.row}: {_shown(probe)}: {wrong}")

    print(f"{operation.id}: {sum(sent.values())} probes, {len(deviations)} deviations")
    assert deviations == []


def test_the_probes_reach_every_operation_and_every_parameter() -> None:
    credentials = {"api_key": "k", "token": "t"}
    reached = set()
    total = 0
    for operation in OPERATIONS:
        for probe in probes_of(operation, valid_request(operation, credentials, {})):
            total += 1
            reached.add((operation.id, None))
            reached.add((operation.id, probe.parameter))
    wanted = {(operation.id, None) for operation in OPERATIONS}
    wanted |= {(operation.id, parameter["name"]) for operation in OPERATIONS for parameter in operation.parameters}

    print(f"{total} probes over {len(OPERATIONS)} operations")
    assert wanted - reached == set()


def _on_something_new(probe: Probe, old: dict[str, Any], prepared: Prepared) -> Probe:
    assert isinstance(probe.request, Raw)
    name = GOOD_FOR_ONE_SUCCESS[probe.operation.id]
    path = probe.request.path.replace(old[name], prepared.fresh()[name])
    return Probe(probe.row, probe.operation, probe.request.copy(path=path), probe.statuses, probe.parameter)


def _shown(probe: Probe) -> str:
    request = probe.request if isinstance(probe.request, bytes) else probe.request.to_bytes()
    return repr(request[:300])
