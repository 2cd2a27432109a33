"""A runner that says what it runs, for those who trace requests."""

import re
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Protocol

from sojourn.storage.procedures import Procedure
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, Runner

_VERB = re.compile(r"\s*(?:WITH\b.*?\)\s*)?(SELECT|INSERT|UPDATE|DELETE)\b", re.DOTALL | re.IGNORECASE)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)", re.IGNORECASE)


class WatchedUnit(Protocol):
    """A unit of work under watch."""

    def statement(self, name: str, text: str) -> AbstractContextManager[object]:
        """Watch a statement while it runs. `text` is its SQL, in which each value is a parameter."""
        ...


class Watch(Protocol):
    """Who watches units of work."""

    def unit(self, kind: str, *, engine: str) -> AbstractContextManager[WatchedUnit] | None:
        """Watch a unit while it runs (`read` or `write`); None for one that nobody wants to know of."""
        ...


class WatchedRunner:
    """Runs what another runner runs, each statement under watch. A procedure is watched as a whole."""

    __slots__ = ("_runner", "_unit")

    def __init__(self, runner: Runner, unit: WatchedUnit) -> None:
        self._runner = runner
        self._unit = unit

    async def all(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        """Every row."""
        with self._watch(statement):
            return await self._runner.all(statement, parameters)

    async def one(self, statement: Statement, parameters: dict[str, Any]) -> Row | None:
        """The first row, or None."""
        with self._watch(statement):
            return await self._runner.one(statement, parameters)

    async def run(self, statement: Statement, parameters: dict[str, Any]) -> int:
        """Change rows; how many were changed."""
        with self._watch(statement):
            return await self._runner.run(statement, parameters)

    async def run_many(self, statement: Statement, parameters: list[dict[str, Any]]) -> None:
        """Change rows, once for each set of parameters."""
        with self._watch(statement):
            await self._runner.run_many(statement, parameters)

    async def call(self, procedure: Procedure, parameters: dict[str, Any], *, beside: tuple[str, ...] = ()) -> int:
        """Run a procedure; how many steps were passed."""
        text = ";\n".join(step.statement.numbered()[0] for step in procedure.steps)
        with self._unit.statement(f"CALL {procedure.name}", text):
            return await self._runner.call(procedure, parameters, beside=beside)

    async def pause(self) -> None:
        """End what was read."""
        await self._runner.pause()

    def snapshot(self) -> AbstractContextManager[None]:
        """One instant for every statement inside."""
        return self._runner.snapshot()

    async def alone(self, name: str) -> None:
        """Wait until nobody else is alone under the name. The name may hold a user: it is not told."""
        with self._unit.statement("LOCK", ""):
            await self._runner.alone(name)

    async def beside(self, *names: str) -> None:
        """Wait until nobody is alone under the names."""
        with self._unit.statement("LOCK", ""):
            await self._runner.beside(*names)

    def shard(self) -> int:
        """Which of a counter's rows."""
        return self._runner.shard()

    def _watch(self, statement: Statement) -> AbstractContextManager[object]:
        text = statement.numbered()[0]
        return self._unit.statement(_name_of(text), text)


@lru_cache(maxsize=1024)
def _name_of(text: str) -> str:
    """A statement's short name: what it does, and to which table first."""
    verb, table = _VERB.match(text), _TABLE.search(text)
    return " ".join(found[1] if found is table else found[1].upper() for found in (verb, table) if found) or "SQL"
