"""All mutants of a contract, and samples of them."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from sojourn.conformance.chapters.seed import SEEDS
from sojourn.conformance.contract import Operation
from tests.conformance.mutants import answering, asking, effects
from tests.conformance.mutants.mutant import Mutant, conditions_for, contract

SHARE_OF_CONDITIONS = 0.4
"""How many of a sample are told under a condition only."""
OUT = ("get_liveness", "get_readiness", "get_reference", "get_reference_script", "get_problem_catalogue")
OUT_TOO = (
    *("get_contract_json", "get_contract_yaml", "get_front_page", "get_favicon"),
    *("get_console", "get_account", "get_console_script", "get_console_style"),
)
"""Operations that say nothing of sessions: pages for people, health, the contract itself."""


def of_operation(operation: Operation, answers: effects.Answers) -> Iterator[Mutant]:
    """Every mutant of an operation, told always."""
    yield from answering.members(operation)
    yield from answering.whole(operation)
    yield from answering.statuses(operation)
    yield from answering.headers(operation)
    yield from answering.problems(operation)
    yield from asking.parameters(operation)
    yield from asking.bodies(operation)
    yield from asking.headers(operation)
    yield from asking.credentials(operation)
    yield from asking.leniency(operation)
    yield from effects.effects(operation, answers)
    yield from effects.repetition(operation)


def catalogue(answers: effects.Answers, *, seed_only: bool = False) -> dict[str, dict[str, list[Mutant]]]:
    """Mutants by operation and group."""
    found: dict[str, dict[str, list[Mutant]]] = {}
    for operation in contract().operations.values():
        if operation.id in OUT + OUT_TOO or (seed_only and operation.id not in SEEDS):
            continue
        groups = found.setdefault(operation.id, defaultdict(list))
        for mutant in of_operation(operation, answers):
            groups[mutant.group].append(mutant)
    return found


ONE_TENANT = ("for the second tenant",)
"""Conditions that cannot come true where one tenant's credentials are all there is."""


NAME_WHAT_ENDS = ("revoke_session", "revoke_session_as_service", "revoke_sessions", "revoke_sessions_in_bulk")


def is_no_lie(mutant: Mutant) -> bool:
    """Whether a lie is none under its condition.

    The same request to end the same sessions ends nothing the second time: they keep the time and the reason of the
    first, whatever the second says. The number of a user in the list of all sessions means the same user in every
    response, and nothing else: another one for each user, always, is just as good.
    """
    if (mutant.operation, mutant.place) == ("list_all_sessions", "sessions.[].user_id") and mutant.when == "always":
        return mutant.kind in ("one more", "thousandfold")
    second = mutant.when == "when asked again" and mutant.group == "bodies"
    return second and mutant.place == "reason" and mutant.operation in NAME_WHAT_ENDS


def sample(
    mutants: dict[str, dict[str, list[Mutant]]], count: int, draw: random.Random, *, without: tuple[str, ...] = ()
) -> list[Mutant]:
    """Mutants drawn by operation, then group, then kind, so that what has many members is not all there is.

    `without` are conditions that are not drawn.
    """
    chosen: list[Mutant] = []
    seen: set[str] = set()
    operations = sorted(mutants)
    while len(chosen) < count:
        operation = draw.choice(operations)
        group = draw.choice(sorted(mutants[operation]))
        kinds = sorted({mutant.kind for mutant in mutants[operation][group]})
        kind = draw.choice(kinds)
        mutant = draw.choice([mutant for mutant in mutants[operation][group] if mutant.kind == kind])
        if draw.random() < SHARE_OF_CONDITIONS:
            found = [name for name in conditions_for(contract().operations[operation]) if name not in without]
            mutant = replace(mutant, when=draw.choice(found))
        if str(mutant) not in seen and not is_no_lie(mutant):
            seen.add(str(mutant))
            chosen.append(mutant)
    return chosen
