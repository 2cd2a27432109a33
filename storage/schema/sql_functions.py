"""What SQLite and PostgreSQL say in other words, such as the earliest of several values: min there, least here."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement
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


class for_postgresql(GenericFunction[bool]):  # noqa: N801
    """A condition that follows from others and helps PostgreSQL choose an index. SQLite, which would look at each row
    for it, is not asked.
    """

    type = Boolean()
    inherit_cache = True


@compiles(for_postgresql)
def _write_condition(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    return compiler.process(arguments.self_group(), **options)


@compiles(for_postgresql, "sqlite")
def _leave_out(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return "1"
