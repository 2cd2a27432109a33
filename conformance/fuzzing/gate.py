"""What a green run must also have done: reached every operation with success and followed every link.

A fuzzer that only ever met 401 and 404 reports success too. The gate reads the runs' own events and refuses that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sojourn.conformance.fuzzing.runner import Run
from sojourn.openapi.document import Operation, operations, unresolved_operations

NEED_A_SESSION_OF_THE_CALLER = frozenset({"DELETE /sessions"})
"""What asks for a bearer token that names a session. The token that a run is given names none: 400 is right."""


def unreached_operations(runs: Iterable[Run], contract: dict[str, Any]) -> set[str]:
    """The operations (`GET /path`) that never answered 2xx, and could have."""
    wanted = {address for address, _ in _operations(contract)}
    reached = {f"{case['method'].upper()} {case['path']}" for case, status, _ in _calls(runs) if 200 <= status < 300}
    return wanted - reached - NEED_A_SESSION_OF_THE_CALLER


def unfollowed_links(runs: Iterable[Run], contract: dict[str, Any]) -> set[str]:
    """The links (`POST /path -> [201] name`) that were never followed to a success."""
    wanted = set(_links(contract))
    followed = {transition for _, status, transition in _calls(runs) if 200 <= status < 300}
    return wanted - {transition.rpartition(" -> ")[0] for transition in followed if transition}


def _operations(contract: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that a run may reach.

    It is given no key that makes keys and tenants, reads no streams, sends no forms and imports nothing.
    """
    found = operations(contract, Operation)
    apart = {
        f"{item.method} {item.path}"
        for item in found
        if item.is_stream or item.takes_form or item.takes_token or item.needs_import
    }
    for address, definition in unresolved_operations(contract):
        if definition.get("x-scope") != "manage" and address not in apart:
            yield address, definition


def _links(contract: dict[str, Any]) -> Iterator[str]:
    for address, definition in _operations(contract):
        for status, response in definition["responses"].items():
            for name in response.get("links", {}):
                yield f"{address} -> [{status}] {name}"


def _calls(runs: Iterable[Run]) -> Iterator[tuple[dict[str, Any], int, str | None]]:
    """Each call of the runs: the case, the status of its answer, the transition that led to it."""
    for event in (event for run in runs for event in run.events):
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        interactions = recorder.get("interactions", {})
        for case_id, node in recorder.get("cases", {}).items():
            response = interactions.get(case_id, {}).get("response") or {}
            if "status_code" in response:
                transition = node.get("transition") or {}
                yield node["value"], response["status_code"], transition.get("id")
