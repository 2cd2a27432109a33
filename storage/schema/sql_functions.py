"""The earliest and the latest of several values of one row: SQLite says min and max, PostgreSQL least and greatest."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction, ReturnTypeFromArgs


class latest(ReturnTypeFromArgs[Any]):  # noqa: N801 - SQL functions have lower-case names - used like a function of SQL
    """The latest of its arguments, none of them null."""

    inherit_cache = True


class earliest(ReturnTypeFromArgs[Any]):  # noqa: N801
    """The earliest of its arguments, none of them null."""

    inherit_cache = True


_NAMES = {("latest", "sqlite"): "max", ("latest", "postgresql"): "greatest"} | {
    ("earliest", "sqlite"): "min",
    ("earliest", "postgresql"): "least",
}


@compiles(latest)
@compiles(earliest)
def _write(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    name = _NAMES[type(element).__name__, compiler.dialect.name]
    arguments: Any = element.clauses
    return f"{name}{compiler.process(arguments.self_group(), **options)}"


class next_event_number(GenericFunction[int]):  # noqa: N801
    """The number of the next event in SQLite, where one transaction writes at a time; in PostgreSQL it comes later."""

    type = BigInteger()
    inherit_cache = True


@compiles(next_event_number)
def _number_later(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return "CAST(NULL AS BIGINT)"


@compiles(next_event_number, "sqlite")
def _number_now(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return "(SELECT coalesce(max(number), 0) + 1 FROM events)"
