"""Statements, compiled once: SQLAlchemy describes them, the driver runs them.

A `Statement` is built from the tables when its module is imported and compiled to SQL text when an engine first
runs it. From then on a query costs what the driver costs: no object is made per row or per call. Values go in and out
as they are; the columns are chosen so that none needs converting.
"""

import json
from collections.abc import Mapping
from weakref import WeakSet

from sqlalchemy import ClauseElement, SelectBase
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Compiled, Dialect

SQLITE = sqlite.dialect(paramstyle="named")
POSTGRESQL: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


class Many(list[str]):
    """Many texts as the value of one parameter: an array in PostgreSQL, in SQLite the text of a JSON array."""

    __slots__ = ()

    def __conform__(self, protocol: object) -> str:
        """What the driver of SQLite binds in its place."""
        return json.dumps(self)


class Statement:
    """One statement and its SQL text for each dialect.

    `plans_anew`: how it is best run depends on the values, so PostgreSQL plans it for each of them instead of once.
    `on_sqlite` is the same in other words, where SQLite has another index for it. `options` are given to what compiles
    the clause, and its elements may differ by them.
    """

    __slots__ = ("__weakref__", "_numbered", "_only_reads", "_options", "_texts", "clause", "on_sqlite", "plans_anew")

    def __init__(
        self,
        clause: ClauseElement,
        *,
        plans_anew: bool = False,
        on_sqlite: ClauseElement | None = None,
        options: Mapping[str, bool] | None = None,
    ) -> None:
        self.clause = clause
        self.plans_anew = plans_anew
        self.on_sqlite = on_sqlite
        self._options = dict(options or {})
        self._texts: dict[str, str] = {}
        self._numbered: tuple[str, tuple[str, ...]] | None = None
        self._only_reads: bool | None = None
        _MADE.add(self)

    def text(self, dialect: Dialect) -> str:
        """The SQL text, with named parameters. Raises ValueError when the statement carries values of its own."""
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = str(self._compile(dialect))
        return text

    def numbered(self) -> tuple[str, tuple[str, ...]]:
        """The SQL text for PostgreSQL, with `$1`, `$2`, and the names those stand for. Raises ValueError likewise."""
        if self._numbered is None:
            compiled = self._compile(POSTGRESQL)
            names = tuple(getattr(compiled, "positiontup", None) or ())
            self._numbered = str(compiled), names
        return self._numbered

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing and locks nothing, so that it need not be in the transaction that writes."""
        if self._only_reads is None:
            self._only_reads = isinstance(self.clause, SelectBase) and " FOR " not in self.numbered()[0]
        return self._only_reads

    def _compile(self, dialect: Dialect) -> Compiled:
        other = self.on_sqlite if dialect.name == SQLITE.name else None
        clause = self.clause if other is None else other
        compiled = clause.compile(dialect=dialect, compile_kwargs=self._options)
        carried = sorted(name for name, value in compiled.params.items() if value is not None)
        if carried:
            raise ValueError(f"whatever varies must be a named parameter: {carried}")
        return compiled


_MADE: WeakSet[Statement] = WeakSet()


def all_statements() -> list[Statement]:
    """Every statement that was made so far."""
    return list(_MADE)


def compile_all(dialect: Dialect) -> None:
    """Compile every statement that was made so far, where otherwise each worker would at its first use."""
    for statement in all_statements():
        if dialect is POSTGRESQL:
            statement.only_reads  # noqa: B018 - it is kept
        else:
            statement.text(dialect)
