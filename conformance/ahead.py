"""Several cases of a check at once: `--parallel N`. What is said and shown is in the order of a run without it.

A check that has a case for each operation asks each about data of its own, so that its cases may run side by side. Each
has a world of its own; what it asked becomes part of the run's traffic when its turn comes.
"""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from sojourn.conformance.checks import Check, check_of
from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.endings import judged
from sojourn.conformance.target import Target
from sojourn.conformance.traffic import Traffic
from sojourn.conformance.world import World

SIDE_BY_SIDE = ("AUT", "HDR", "PRB", "SCH", "STR", "WLK")
"""Chapters whose cases look at nothing that another case may change."""
OF_A_WHOLE_TENANT = (
    "purge_expired_sessions",
    "reset_token_config",
    "revoke_all_tokens",
    "set_token_config",
    "set_session_policy",
    "reset_session_policy",
    "get_revocations",
)
"""Operations that change something for everybody in a tenant, or show a tag of all that happens in it.

They are asked when nobody else asks.
"""


class Ahead:
    """Runs the cases of a check before their turn, several at once."""

    def __init__(self, target: Target, contract: Contract) -> None:
        self._target, self._contract = target, contract
        self._pool = ThreadPoolExecutor(target.parallel)
        self._begun: dict[str, tuple[Traffic, Future[None]]] = {}
        self._cases: dict[str, list[pytest.Function]] = {}

    def learn(self, items: Iterable[pytest.Item]) -> None:
        """Which cases there are of each check."""
        for item in items:
            found = check_of(getattr(item, "function", None))
            if isinstance(item, pytest.Function) and found is not None and is_apart(found, item):
                self._cases.setdefault(found.id, []).append(item)

    def takes(self, found: Check, item: pytest.Function) -> bool:
        """Whether a case is one of those that run side by side; others wait until nobody else asks."""
        if self._target.parallel > 1 and is_apart(found, item):
            return True
        wait([future for _, future in self._begun.values()])
        return False

    def judge(self, found: Check, item: pytest.Function, *, traffic: Traffic) -> None:
        """Judge a case, and begin those of the same check that come after it. Raises what the case raised."""
        for other in self._cases.pop(found.id, []):
            self._begin(found, other)
        own, future = self._begun.pop(item.nodeid)
        try:
            future.result()
        finally:
            traffic.exchanges += own.exchanges
            traffic.links |= own.links

    def _begin(self, found: Check, item: pytest.Function) -> None:
        traffic = Traffic(self._target, self._contract)
        traffic.begin(found.chapter)
        world = World(self._target, self._contract, traffic=traffic)
        world.random = random.Random(f"{self._target.seed} {item.name}")  # noqa: S311 - it draws cases, no secrets
        call = with_world(item, world)
        self._begun[item.nodeid] = traffic, self._pool.submit(judged, found, traffic, judge=call)


def with_world(item: pytest.Function, world: World) -> Callable[[], None]:
    """A case as a function of nothing, in a world of its own. It removes what it made and nothing else."""
    arguments: dict[str, Any] = {**item.callspec.params, "world": world}

    def call() -> None:
        try:
            item.obj(**arguments)
        finally:
            world.leftovers.remove()

    return call


def is_apart(found: Check, item: pytest.Function) -> bool:
    """Whether a case is about one operation and may run beside the others of its check."""
    operation = item.callspec.params.get("operation") if hasattr(item, "callspec") else None
    if found.chapter not in SIDE_BY_SIDE or not isinstance(operation, Operation):
        return False
    return operation.id not in OF_A_WHOLE_TENANT
