"""Citus: each tenant with all of its rows on one node of a cluster.

Tables with a tenant are distributed by it and co-located, so that a statement that names its tenant runs on one node.
Tables without a tenant that statements read beside a tenant's tables are reference tables, with a copy on every node.
What has no tenant and stands alone (API keys, leases) stays on the coordinator: a write to a reference table needs
every node, and these are written while a node may be lost.

Which tables have a tenant says the database's catalogue: those in which nothing is unique beyond `tenant_id`. Events,
whose order goes over all tenants, stay on the coordinator, too, and with them what is sent of them.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

from sojourn.storage.schema.revisions import CannotDistribute

SETTINGS = {"citus.propagate_set_commands": "local", "plan_cache_mode": "auto"}
"""What a connection to a coordinator needs: `SET LOCAL` reaches the nodes, where row security compares the tenant; and
a statement is planned with its tenant, which says where it runs.
"""
IS_HERE = "SELECT count(*) FROM pg_extension WHERE extname = 'citus'"
REACH_NODES = "SET LOCAL citus.propagate_set_commands = 'local'"
REFERENCE_TABLES = ("epochs", "signing_keys", "tenants")
"""Tables without a tenant that statements read together with a tenant's tables."""

_IN_ORDER = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
_NODES = (
    "SELECT nodename || ':' || nodeport FROM pg_dist_node"
    " WHERE noderole = 'primary' AND isactive AND shouldhaveshards ORDER BY nodename, nodeport"
)
_OURS = """
    SELECT c.relname, EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) AND NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attname <> 'tenant_id') has_tenant
    FROM pg_class c
    WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('alembic_version'))
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
"""
_KINDS = """
    SELECT c.relname, CASE partmethod WHEN 'h' THEN column_to_column_name(logicalrelid, partkey) ELSE 'another' END kind
    FROM pg_dist_partition JOIN pg_class c ON c.oid = logicalrelid WHERE NOT c.relispartition
"""
_PARTITIONS = (
    "SELECT relid::regclass::text FROM pg_partition_tree(CAST(CAST(:table AS text) AS regclass))"
    " WHERE level > 0 ORDER BY 1"
)
_FIRST = "sessions"
"""The table that all others are co-located with."""


class Change(NamedTuple):
    """What becomes of a table."""

    table: str
    kind: str

    @property
    def line(self) -> str:
        """For an operator."""
        return f"distribution: {self.table}: {_WORDS[self.kind]}"


_DISTRIBUTE, _COPY = "distribute", "copy"
_WORDS = {_DISTRIBUTE: "by tenant_id, beside the other tables of the tenant", _COPY: "a copy on every node"}


def of_nodes(settings: dict[str, str]) -> dict[str, str]:
    """The settings that a transaction takes along to the nodes, which know nothing of the coordinator's connection."""
    return {"lock_timeout": settings["lock_timeout"]}


def is_here(connection: Connection) -> bool:
    """Whether the database is one of Citus. Decided once: a process that has seen it keeps to what works there."""
    return bool(connection.scalar(text(IS_HERE)))


def is_distributed(connection: Connection) -> bool:
    """Whether the sessions are spread over nodes."""
    return is_here(connection) and _FIRST in _kinds(connection)


def our_tables(connection: Connection) -> dict[str, bool]:
    """Our tables, without their partitions: whether each has a tenant."""
    return {row.relname: row.has_tenant for row in connection.execute(text(_OURS))}


def reach_nodes(connection: Connection) -> None:
    """From now on `SET LOCAL` in this transaction holds on the nodes too. Without Citus it changes nothing."""
    connection.execute(text(REACH_NODES))


def left(connection: Connection) -> list[Change]:
    """What is left to do, the sessions first. Raises CannotDistribute."""
    if not is_here(connection):
        raise CannotDistribute(
            "the database has no extension citus: as a superuser run `CREATE EXTENSION citus` in it,"
            " and in the database of the same name on every node (docs/guides/cluster.md)"
        )
    if not connection.execute(text(_NODES)).all():
        raise CannotDistribute(
            "the cluster has no node for tenants: as a superuser run `SELECT citus_add_node('host', 5432)` for each"
        )
    kinds = _kinds(connection)
    return sorted(_changes(connection, kinds), key=lambda change: (change.table != _FIRST, change.kind, change.table))


def _changes(connection: Connection, kinds: dict[str, str]) -> Iterator[Change]:
    for table, has_tenant in our_tables(connection).items():
        kind = kinds.get(table)
        if has_tenant and kind is None:
            yield Change(table, _DISTRIBUTE)
        elif has_tenant and kind != "tenant_id":
            raise CannotDistribute(
                f"the table {table} is distributed otherwise than by tenant_id:"
                f" run `SELECT undistribute_table('{table}')` first"
            )
        elif table in REFERENCE_TABLES and kind is None:
            yield Change(table, _COPY)
        elif not has_tenant and table not in REFERENCE_TABLES and kind is not None:
            raise CannotDistribute(
                f"the table {table} has a copy on every node, so that nobody could write it while a node is lost:"
                f" run `SELECT undistribute_table('{table}')` first"
            )


def distribute(connection: Connection, tell: Callable[[str], None]) -> None:
    """Do what is left, in the connection's transaction: all of it or nothing. Raises CannotDistribute.

    The tables are locked meanwhile. Rows are copied to the nodes, counted on both sides, and taken off the coordinator.
    """
    changes = left(connection)
    connection.execute(text(_IN_ORDER))
    for change in changes:
        connection.execute(text(f"LOCK TABLE {change.table} IN ACCESS EXCLUSIVE MODE"))
    for change in changes:
        count = _spread(connection, change.table) if change.kind == _DISTRIBUTE else _copy(connection, change.table)
        tell(f"{change.line} ({count:,} rows)")


def _spread(connection: Connection, table: str) -> int:
    """Distribute a table; how many rows it has. Its owner steps over row security for the time of the copy."""
    parts = [table, *connection.scalars(text(_PARTITIONS), {"table": table})]
    for part in parts:
        connection.execute(text(f"ALTER TABLE {part} NO FORCE ROW LEVEL SECURITY"))
    before = _count(connection, table)
    beside = "none" if table == _FIRST else _FIRST
    connection.execute(text(f"SELECT create_distributed_table('{table}', 'tenant_id', colocate_with => '{beside}')"))
    _require_all(connection, table, before=before)
    for part in parts:
        connection.execute(text(f"ALTER TABLE {part} FORCE ROW LEVEL SECURITY"))
    return before


def _copy(connection: Connection, table: str) -> int:
    """Put a copy of a table on every node; how many rows it has."""
    before = _count(connection, table)
    connection.execute(text(f"SELECT create_reference_table('{table}')"))
    _require_all(connection, table, before=before)
    return before


def _require_all(connection: Connection, table: str, *, before: int) -> None:
    """Take the copied rows off the coordinator. Raises CannotDistribute where one is missing, which undoes it all."""
    after = _count(connection, table)
    if after != before:
        raise CannotDistribute(f"{table} has {before:,} rows, and {after:,} came to the nodes: nothing is changed")
    if before:
        connection.execute(text(f"SELECT truncate_local_data_after_distributing_table('{table}')"))


def _count(connection: Connection, table: str) -> int:
    return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a name of the catalogue


def _kinds(connection: Connection) -> dict[str, str]:
    """The tables that Citus knows: the column that each is distributed by, or another of its kinds."""
    return {row.relname: row.kind for row in connection.execute(text(_KINDS))}
