"""Transactions whose statements are known beforehand: an engine may run one as a whole, in one message.

What such a transaction depends on was read before. Its steps say what must still be true: if a step that `must` find
or change a row does not, the transaction ends with what was done so far. So a procedure begins with its conditions and
writes only after them.
"""

from collections.abc import Awaitable, Callable, Mapping
from operator import itemgetter
from typing import Any

from sojourn.storage.statements import Statement

TENANT = "tenant"
SHARD = "shard"
"""The parameter of a counter's row, which the engine chooses."""


class Step:
    """A statement of a procedure. `prefix` stands before the names of its parameters, but for the tenant and the shard:
    statements whose names mean the same share a value, others have their own.
    """

    __slots__ = ("_taking", "must", "prefix", "statement")

    def __init__(self, statement: Statement, prefix: str = "", *, must: bool = False) -> None:
        self.statement = statement
        self.prefix = prefix
        self.must = must
        self._taking: tuple[tuple[str, ...], itemgetter[Any]] | None = None

    def name_of(self, parameter: str) -> str:
        """What the procedure calls a parameter of the statement."""
        return parameter if parameter in (TENANT, SHARD) else self.prefix + parameter

    def values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The statement's own parameters, out of the procedure's."""
        taking = self._taking
        if taking is None:  # the statement is compiled now
            first, *more = self.statement.numbered()[1]
            names = (first, first, *more)  # an itemgetter of a single name takes no tuple
            taking = self._taking = names, itemgetter(*map(self.name_of, names))
        names, take = taking
        return dict(zip(names, take(parameters), strict=True))


class Procedure:
    """Steps in their order. `proof` finds a row once the procedure was committed: asked when a connection broke.

    `alone` is the parameter that holds a name: the procedure waits until no other transaction is alone under it.
    """

    __slots__ = ("alone", "name", "proof", "steps")

    def __init__(self, name: str, *steps: Step, proof: Step, alone: str | None = None) -> None:
        self.name = name
        self.steps = steps
        self.proof = proof
        self.alone = alone

    @property
    def passed(self) -> int:
        """The number of steps: what a call returns that went through to the end."""
        return len(self.steps)


async def run_in_turn(
    procedure: Procedure, parameters: Mapping[str, Any], *, do: Callable[[Step, dict[str, Any]], Awaitable[bool]]
) -> int:
    """Run the steps one after the other; how many were passed. `do` says whether a step found or changed a row."""
    for passed, step in enumerate(procedure.steps):
        if not await do(step, step.values(parameters)) and step.must:
            return passed
    return procedure.passed
