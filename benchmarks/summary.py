"""A run in few numbers: medians, and ratios to the service with their spread over the rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

SUBJECT = "sojourn"
OPERATION_TITLES = {
    "active": "active check",
    "list": "list of 10",
    "create": "create (durable)",
    "stats": "stats with JWT",
}
TARGETS = {
    "fastapi_sqlmodel": {"active": 12, "list": 10, "create": 6, "stats": 10},
    "fastapi_tuned": {"active": 2.5, "list": 2.2, "create": 1.7, "stats": 3.5},
    "fastify": {"active": 0.95, "list": 1.4, "create": 1.0, "stats": 1.2},
    "plain_connexion": {"active": 5.5, "list": 4.5, "create": 3.5, "stats": 5.5},
}
"""What the service means to reach: answers per second as a multiple of the peer's."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the extremes around it."""

    middle: float
    low: float
    high: float


def ratio(run: dict[str, Any], peer: str, operation: str, subject: str = SUBJECT) -> Spread | None:
    """How many answers the subject gives while the peer gives one; None where either was not measured."""
    ours, theirs = _rounds(run, subject, operation), _rounds(run, peer, operation)
    if not ours or not theirs:
        return None
    return _spread([mine["per_second"] / other["per_second"] for mine, other in zip(ours, theirs, strict=True)])


def middle(run: dict[str, Any], server: str, operation: str, measure: str) -> float | None:
    """The median of one measure over the rounds; None where it was not measured."""
    rounds = _rounds(run, server, operation)
    return median(one[measure] for one in rounds) if rounds else None


def cold_start(run: dict[str, Any], server: str) -> float | None:
    """The median time from the start of the process to the first answer, in seconds."""
    times = run["servers"][server]["cold_start_seconds"]
    return median(times) if times else None


def bad_answers(run: dict[str, Any]) -> int:
    """How many requests of the whole run were refused or broken off."""
    return sum(
        one["bad"] for server in run["servers"].values() for rounds in server["operations"].values() for one in rounds
    )


def _rounds(run: dict[str, Any], server: str, operation: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run["servers"].get(server, {}).get("operations", {}).get(operation, [])
    return found


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
