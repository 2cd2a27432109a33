"""Statements, compiled once: SQLAlchemy describes them, the driver runs them.

A `Statement` is built from the tables when its module is imported and compiled to SQL text when an engine first
runs it. From then on a query costs what the driver costs: no object is made per row or per call. Values go in and out
as they are; the columns are chosen so that none needs converting.
"""

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

SQLITE = sqlite.dialect(paramstyle="named")


class Statement:
    """One statement and its SQL text for each dialect."""

    __slots__ = ("_texts", "clause")

    def __init__(self, clause: ClauseElement) -> None:
        self.clause = clause
        self._texts: dict[str, str] = {}

    def text(self, dialect: Dialect) -> str:
        """The SQL text, with named parameters. Raises ValueError when the statement carries values of its own."""
        text = self._texts.get(dialect.name)
        if text is None:
            compiled = self.clause.compile(dialect=dialect)
            carried = sorted(name for name, value in compiled.params.items() if value is not None)
            if carried:
                raise ValueError(f"whatever varies must be a named parameter: {carried}")
            text = self._texts[dialect.name] = str(compiled)
        return text
