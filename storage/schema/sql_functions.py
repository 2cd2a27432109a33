"""What SQLite and PostgreSQL say in other words, such as the earliest of several values: min there, least here."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction, ReturnTypeFromArgs
from sqlalchemy.types import NullType

from sojourn.storage.schema.instants import UtcDateTime


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


class later_by(GenericFunction[str]):  # noqa: N801
    """An instant so many milliseconds after another; null where one of them is null."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(later_by, "sqlite")
def _later_text(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    instant, span = (compiler.process(part, **options) for part in arguments)
    modifier = f"printf('+%d.%03d seconds', {span} / 1000, {span} % 1000)"
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {instant}, CASE WHEN {span} IS NOT NULL THEN {modifier} END)"


@compiles(later_by, "postgresql")
def _later_instant(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    instant, span = (compiler.process(part, **options) for part in arguments)
    return f"({instant} + {span} * INTERVAL '1 millisecond')"


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


class contains(GenericFunction[bool]):  # noqa: N801
    """Whether a text contains another, letter by letter; null where one of them is."""

    type = Boolean()
    inherit_cache = True


@compiles(contains)
def _contains(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    name = {"postgresql": "strpos"}.get(compiler.dialect.name, "instr")
    arguments: Any = element.clauses
    return f"({name}{compiler.process(arguments.self_group(), **options)} > 0)"


class is_within(GenericFunction[bool]):  # noqa: N801
    """Whether an address, in text form, is a second one or in a network (`192.0.2.0/24`); null where one is null.

    An IPv4 address is in no network of IPv6, nor the other way round. In SQLite the function is ours:
    `sojourn.storage.sqlite.functions`.
    """

    type = Boolean()
    inherit_cache = True


@compiles(is_within)
def _is_within(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    return f"is_within{compiler.process(arguments.self_group(), **options)}"


@compiles(is_within, "postgresql")
def _is_within_inet(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    address, network = (compiler.process(part, **options) for part in arguments)
    return f"(CAST({address} AS inet) <<= CAST(CAST({network} AS text) AS inet))"


class is_among(GenericFunction[Any]):  # noqa: N801 - used like a function of SQL
    """Whether a column holds one of many values, which travel as one parameter: `sojourn.storage.statements.Many`.

    It has no type, or in SQLite it would be compared with 1, and no index would be used for that.
    """

    type = NullType()
    inherit_cache = True


@compiles(is_among)
def _is_among(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    column, values = (compiler.process(part, **options) for part in arguments)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - names and parameters only


@compiles(is_among, "postgresql")
def _is_among_array(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    arguments: Any = element.clauses
    column, values = (compiler.process(part, **options) for part in arguments)
    # No cast to the column's own type: PostgreSQL fears that the cast of an array might show a row's value. Under row
    # security it uses no index for such a condition then, and compares each row of the tenant with each value.
    kind = "uuid" if next(iter(arguments)).type.compile(compiler.dialect) == "UUID" else "text"
    return f"({column} = ANY (CAST({values} AS {kind}[])))"
