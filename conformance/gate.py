"""What a green run must also have done: reached every operation with success and followed every link.

A fuzzer that only ever met 401 and 404 reports success too. The gate reads the run's own events and refuses that.
"""

from collections.abc import Iterator
from typing import Any

from conformance.runner import Run

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def unreached_operations(run: Run, contract: dict[str, Any]) -> set[str]:
    """The operations (`GET /path`) that never answered 2xx."""
    wanted = {
        f"{method.upper()} {path}" for path, item in contract["paths"].items() for method in item if method in METHODS
    }
    reached = {
        f"{case['method'].upper()} {case['path']}"
        for case, status, _ in _calls(run)
        if 200 <= status < 300
    }
    return wanted - reached


def unfollowed_links(run: Run, contract: dict[str, Any]) -> set[str]:
    """The links (`operationId -> link name`) whose target was never called with success through them."""
    wanted = set(_links(contract))
    followed = {transition for _, status, transition in _calls(run) if 200 <= status < 300}
    return {link for link in wanted if not any(_same(link, transition) for transition in followed if transition)}


def _same(link: str, transition: str) -> bool:
    source, _, name = link.partition(" -> ")
    return transition.startswith(f"{source} ") and f"[{name}]" in transition


def _links(contract: dict[str, Any]) -> Iterator[str]:
    for path, item in contract["paths"].items():
        for method in item:
            if method not in METHODS:
                continue
            for status, response in item[method]["responses"].items():
                for name in response.get("links", {}):
                    yield f"{method.upper()} {path} -> [{status}] -> {name}"


def _calls(run: Run) -> Iterator[tuple[dict[str, Any], int, str | None]]:
    """Each call of the run: the case, the status of its answer, the transition that led to it."""
    for event in run.events:
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        interactions = recorder.get("interactions", {})
        for case_id, node in recorder.get("cases", {}).items():
            response = interactions.get(case_id, {}).get("response") or {}
            if "status_code" in response:
                transition = node.get("transition") or {}
                yield node["value"], response["status_code"], transition.get("id")
