"""Our SQL stays within what engines that speak PostgreSQL's protocol accept: Citus, YugabyteDB, CockroachDB.

What their documentations ask for is held against every statement, parsed as PostgreSQL:
each one finds its rows by the tenant, so that it runs on one shard, and uses nothing that one of them lacks.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp
from sqlmodel import SQLModel

import sojourn.storage
from sojourn.storage.postgres.citus import REFERENCE_TABLES
from sojourn.storage.queries import procedures, session_limit, sessions
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.statements import POSTGRESQL, SQLITE, Statement
from tests.tree import HOME

ONE_ENGINE_ONLY = {"sqlite.bulk", "postgres.bulk", "postgres.partitions", "postgres.numbering"}
"""Modules for one engine alone: SQLite's loader; COPY, partitions, numbers. docs/scale.md says how else."""
AGGREGATES = {"count", "sum", "max", "min", "filter"}
FUNCTIONS = AGGREGATES | {
    "coalesce",
    "greatest",
    "least",
    "exists",
    "cast",
    "collate",
    "case",
    "if",
    "and",
    "or",
    "any",
    "lower",
    "str_position",
}
LOCKING = {
    ("statistics", "DUE"),
    ("statistics", "TOO_EARLY"),
    ("session_revocation", "LOCK_ALL_OF_USER"),
    ("provider_sessions", "LOCK"),
    ("mass_revocation", "LOCK_SOME"),
    ("revoking", "LOCK"),
    ("tightenings", "LOCK"),
    ("purging", "LOCK_ENDED"),
    ("erasure", "LOCK_REFRESH_STATES"),
    ("erasure", "LOCK_SESSIONS"),
    ("tokens", "ENTER"),
    ("recount", "LOCK_TENANT"),
}
"""FOR UPDATE, some SKIP LOCKED, within one tenant: Citus on one shard, CockroachDB from 23.2, YugabyteDB from 2.16."""
IN_ONE_ORDER = {"events", "webhooks", "webhook_deliveries"}
"""Numbered over all tenants, and what is sent of those: where rows are distributed, these are not (docs/scale.md)."""


def statements() -> Iterator[tuple[str, str, str]]:
    """Every statement of storage: its module, its name, its text for PostgreSQL."""
    for module in pkgutil.walk_packages(sojourn.storage.__path__, "sojourn.storage."):
        place = module.name.removeprefix("sojourn.storage.")
        if place in ONE_ENGINE_ONLY or module.ispkg or place.startswith("migrations."):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Statement):
                yield place.rpartition(".")[2], name, value.text(POSTGRESQL)


ALL = list(statements())
TENANT_TABLES = {name for name, table in SQLModel.metadata.tables.items() if "tenant_id" in table.columns}
"""Known once every module above is imported."""
each_statement = pytest.mark.parametrize(("module", "name", "text"), ALL, ids=[f"{m}.{n}" for m, n, _ in ALL])


def parsed(text: str) -> exp.Expression:
    """The one statement of a text. The parser does not know `<<=`, the comparison of an address with a network."""
    (found,) = sqlglot.parse(text.replace("<<=", "<<"), dialect="postgres")
    assert found is not None
    return found


def tables_of(part: exp.Expression) -> Iterator[exp.Table]:
    """The tables that a query or a change names itself, not in a query inside it."""
    for table in part.find_all(exp.Table):
        if table.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert) is part:
            yield table


def tenants_of(part: exp.Expression) -> set[str]:
    """The tables whose tenant the part compares with a parameter."""
    found = set()
    for equality in part.find_all(exp.EQ):
        column, value = equality.left, equality.right
        own = equality.find_ancestor(exp.Select, exp.Update, exp.Delete) is part
        is_parameter = value.find(exp.Parameter) is not None and value.find(exp.Column) is None
        if own and isinstance(column, exp.Column) and column.name == "tenant_id" and is_parameter:
            found.add(column.table)
    return found


def read_by(statement: exp.Expression) -> Iterator[exp.Table]:
    """The tables of a statement, but for one in one order that it only inserts into: the rows come to its node then."""
    for table in statement.find_all(exp.Table):
        is_target = isinstance(statement, exp.Insert) and table is statement.this.this
        if not (is_target and table.name in IN_ONE_ORDER):
            yield table


@each_statement
def test_beside_a_tenants_table_stand_only_tables_that_every_node_has(module: str, name: str, text: str) -> None:
    tables = {table.name for table in read_by(parsed(text))} & SQLModel.metadata.tables.keys()

    if tables & (TENANT_TABLES - IN_ONE_ORDER):
        assert tables - (TENANT_TABLES - IN_ONE_ORDER) <= set(REFERENCE_TABLES)


def test_there_are_statements_to_look_at() -> None:
    assert len(ALL) > 80


@each_statement
def test_every_part_of_a_statement_names_the_tenant(module: str, name: str, text: str) -> None:
    for part in parsed(text).find_all(exp.Select, exp.Update, exp.Delete):
        wanted = {table.alias_or_name for table in tables_of(part)} & TENANT_TABLES
        if module in ("feed", "sending", "status_lists"):
            wanted -= IN_ONE_ORDER
        elif (module, name) in (("revocation_plans", "TENANTS"), ("tightenings", "TENANTS")):
            wanted -= {
                "revocation_plans",
                "session_tightenings",
            }  # which tenants have any: asked for all, as events are
        elif f"tenant_id = '{EVERY_TENANT}'" in part.sql():
            wanted -= {"events"}  # what concerns all tenants
        assert wanted <= tenants_of(part)


@each_statement
def test_a_row_is_written_with_its_tenant_and_conflicts_within_it(module: str, name: str, text: str) -> None:
    for insert in parsed(text).find_all(exp.Insert):
        columns = [column.name for column in insert.this.expressions]
        if insert.this.this.name in TENANT_TABLES:
            assert columns[0] == "tenant_id"
            keys = [
                key.name for conflict in insert.find_all(exp.OnConflict) for key in conflict.args["conflict_keys"] or ()
            ]
            assert not keys or "tenant_id" in keys


@each_statement
def test_a_statement_uses_nothing_that_one_of_them_lacks(module: str, name: str, text: str) -> None:
    statement = parsed(text)

    assert {function.sql_name().lower() for function in statement.find_all(exp.Func)} <= FUNCTIONS
    assert not list(statement.find_all(exp.With, exp.Lateral, exp.Window, exp.GroupingSets, exp.JSONExtract))
    assert bool(list(statement.find_all(exp.Lock))) == ((module, name) in LOCKING)
    assert not {column.name for column in statement.find_all(exp.Column)} & {"ctid", "xmin", "tableoid"}


@pytest.mark.parametrize("name", sorted(TENANT_TABLES - IN_ONE_ORDER))
def test_what_is_unique_is_unique_within_a_tenant(name: str) -> None:
    table = SQLModel.metadata.tables[name]

    assert next(iter(table.primary_key.columns)).name == "tenant_id"
    assert all(next(iter(index.columns)).name == "tenant_id" for index in table.indexes)
    assert not table.foreign_keys
    assert all(column.autoincrement in (False, "auto") and column.default is None for column in table.columns)


SEVERAL = re.compile(r";\s*(CREATE|ALTER|DROP|LOCK|SELECT|INSERT|UPDATE|DELETE|GRANT)\b")


def texts_of_several_statements(source: str) -> list[str]:
    """The texts in a module that hold a statement behind another one: distributed engines refuse them."""
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in constants if isinstance(text, str) and SEVERAL.search(text)]


def test_no_text_holds_several_statements() -> None:
    modules = sorted((HOME / "storage").rglob("*.py"))

    assert len(modules) > 50
    assert [str(module) for module in modules if texts_of_several_statements(module.read_text("utf-8"))] == []


def test_a_text_of_several_statements_is_found() -> None:
    assert texts_of_several_statements(
        """f"CREATE TABLE {name} (a int); ALTER TABLE {name} ENABLE ROW LEVEL SECURITY\""""
    )


def test_a_statement_without_its_tenant_is_found() -> None:
    part = parsed("SELECT id FROM sessions WHERE user_id = $1")
    assert {table.name for table in tables_of(part)} & TENANT_TABLES == {"sessions"}
    assert tenants_of(part) == set()


@pytest.mark.parametrize("statement", [sessions.COUNT_ACTIVE_OF_USER, session_limit.IDLEST, procedures.STANDING])
def test_a_condition_that_helps_one_engine_choose_an_index_is_not_asked_of_the_other(statement: Statement) -> None:
    """SQLite would look at each row of an active check for it."""
    helps = "sessions.revoked_at IS NULL OR sessions.expires_at >"

    assert helps in statement.text(POSTGRESQL)
    assert helps not in statement.text(SQLITE)
