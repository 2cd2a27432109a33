"""The suite's cases as functions: each check, for each operation or list that it has a case for, run without pytest.

A run of all of them against a healthy server tells which operations each case asks: a lie about an operation is put
before these cases only.
"""

import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sojourn.conformance.chapters.laws import JUDGES
from sojourn.conformance.checks import PROFILES, Check, Profile, check_of
from sojourn.conformance.contract import Contract
from sojourn.conformance.endings import judged
from sojourn.conformance.plugin import verdict_of
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.verdicts import Verdict
from sojourn.conformance.world import World
from tests.conformance.test_registry import check_functions

LEFT_OUT = ("FUZ", "RUN", "SCH-004", "SCH-005", "SCH-006", "VCH-006")
"""Checks that no single lie is put before: generated requests, what judges a whole run, what judges the contract.

VCH-006 sends a body long after its head. Whoever lies reads the whole of a request first, so that each lie fails it.
"""
GUESS = 0.3
"""Seconds that a case is taken to last before it was run."""


@dataclass(slots=True)
class Case:
    """One case of a check. `subject` is the operation that it is about, None when it is about several."""

    check: Check
    name: str
    function: Callable[..., None]
    arguments: dict[str, Any]
    subject: str | None
    seconds: float = GUESS
    touched: frozenset[str] = frozenset()

    def concerns(self, *operations: str) -> bool:
        """Whether a lie about the operations can show in it."""
        return self.subject in operations if self.subject else bool(self.touched.intersection(operations))

    def run(self, world: World) -> tuple[Verdict, str]:
        """Judge the server."""
        world.traffic.begin(self.check.chapter)
        try:
            judged(self.check, world.traffic, judge=lambda: self.function(world=world, **self.arguments))
        except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
            verdict, message = verdict_of(error)
            if verdict in ("fail", "error"):
                return verdict, message
        return judged_by_laws(world, self.check.profile)


def judged_by_laws(world: World, profile: Profile) -> tuple[Verdict, str]:
    """What the laws say of what was asked so far: a run holds all of its answers to them."""
    held = PROFILES[: PROFILES.index(profile) + 1]
    for identifier, belongs, judge in JUDGES:
        if belongs in held:
            try:
                judge(world)
            except Exception as error:
                verdict, message = verdict_of(error)
                return verdict, f"{identifier}: {message}"
    return "pass", ""


@dataclass(slots=True)
class Recording:
    """What a healthy run showed: cases with what they ask, and a successful answer of each operation."""

    cases: list[Case]
    answers: dict[tuple[str, int], tuple[dict[str, str], bytes]] = field(default_factory=dict)


def all_cases(contract: Contract, target: Target) -> list[Case]:
    """Every case that the target's options allow."""
    found: list[Case] = []
    for function in check_functions():
        check = check_of(function)
        assert check is not None
        if check.id.startswith(LEFT_OUT) or not all(target.has(name) for name in check.needs):
            continue
        for label, arguments, subject in _arguments(function, contract):
            found.append(Case(check, check.id + label, function, arguments, subject))
    return found


def _arguments(function: Any, contract: Contract) -> Iterable[tuple[str, dict[str, Any], str | None]]:
    if "operation" in inspect.signature(function).parameters:
        for operation in contract.operations.values():
            yield f"[{operation.id}]", {"operation": operation}, operation.id
        return
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        yield "", {}, None
        return
    (mark,) = marks
    for value in mark.args[1]:
        value = value.values[0] if hasattr(value, "values") and hasattr(value, "marks") else value
        yield f"[{value}]", {mark.args[0]: value}, None


def new_world(target: Target, contract: Contract) -> World:
    """A world that has seen nothing yet."""
    return World(target, contract, traffic=Traffic(target, contract))


def record(cases: list[Case], make: Callable[[], World], *, recording: Recording) -> list[str]:
    """Run cases against a healthy server and note what they ask. The names of those that do not pass.

    `make` gives each a world of its own: the laws judge all that was asked in one.
    """
    broken = []
    for case in cases:
        world, began = make(), time.monotonic()
        verdict, message = case.run(world)
        case.seconds = time.monotonic() - began
        seen = world.traffic.exchanges
        case.touched = frozenset(item.operation.id for item in seen if item.operation is not None)
        for item in seen:
            if item.operation is not None and item.reply.status:
                key = (item.operation.id, item.reply.status)
                recording.answers.setdefault(key, (item.reply.headers, item.reply.body))
        if verdict in ("fail", "error"):
            broken.append(f"{case.name}: {message[:200]}")
    recording.cases += cases
    return broken
