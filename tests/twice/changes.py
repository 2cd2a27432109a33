"""What a request changed in the database: rows that came, went or differ, and by how much numbers moved."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from sqlalchemy import Integer

from sojourn.storage.schema import (
    audit_tables,
    event_tables,
    plan_tables,
    policy_tables,
    status_tables,
    tables,
    token_tables,
    webhook_tables,
)
from tests.postgres import Cluster

assert audit_tables is not None
assert event_tables is not None  # these modules put their tables into the one catalogue
assert plan_tables is not None
assert policy_tables is not None
assert status_tables is not None
assert token_tables is not None
assert webhook_tables is not None
TABLES = {table.name: table for table in tables.SessionTable.metadata.sorted_tables}
OF_THE_HOUSE = {"leases", "signing_keys", "api_keys", "epochs", "status_lists", "status_positions"}
"""Tables that no request writes but those that manage keys, and the note that a key was used."""
DRAWN = {
    ("users", "key"),
    ("session_counters", "shard"),
    ("audit_records", "position"),
    ("webhooks", "position"),
    ("events", "place"),
    ("events", "number"),
    ("session_policies", "version"),
    ("session_tightenings", "version"),
}
"""Numbers that are drawn at random, or go on from one request to the next."""
LATER = {("events", "number"), ("session_tightenings", "walked_at")}
"""What PostgreSQL, or a job of ours, sets a moment after the request."""
JOBS = {"revocation_plans": "open_since"}
"""Tables of jobs that a request begins and that go on after its response; this column is null in what is done."""

Row = Mapping[str, Any]
Rows = dict[tuple[Any, ...], Row]
Contents = dict[str, list[Row]]


def contents_of_file(path: str) -> Contents:
    """Every row of a SQLite file."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        found = {name: list(map(dict, connection.execute(f"SELECT * FROM {name}"))) for name in _written()}
    connection.close()
    return found


def contents_of_database(cluster: Cluster, name: str) -> Contents:
    """Every row of a database of PostgreSQL."""
    parts = [f"SELECT '{table}', to_jsonb(t)::text FROM {table} t" for table in _written()]
    found: Contents = {table: [] for table in _written()}
    for table, row in cluster.command(" UNION ALL ".join(parts), name):
        found[table].append(orjson.loads(row))
    return found


def is_at_work(contents: Contents) -> bool:
    """Whether a job that a request began goes on: it will change rows, however long it rests."""
    return any(row[column] is not None for table, column in JOBS.items() for row in contents[table])


def _written() -> list[str]:
    return sorted(TABLES.keys() - OF_THE_HOUSE)


def changes(before: Contents, after: Contents) -> dict[str, int]:
    """How many rows of each table came, went and differ in a column, and the sum by which each number moved."""
    found: Counter[str] = Counter()
    for table in _written():
        old, new = _different(_by_key(table, before[table]), _by_key(table, after[table]))
        if table != "session_counters":  # which of a counter's rows is written is drawn
            found[f"{table}: rows added"] = len(new.keys() - old.keys())
            found[f"{table}: rows removed"] = len(old.keys() - new.keys())
            for key in old.keys() & new.keys():
                names = [name for name in new[key] if (table, name) not in LATER]
                found.update(f"{table}.{name}: changed" for name in names if old[key][name] != new[key][name])
        for label, of in _numbers(table):
            moved = sum(map(of, new.values())) - sum(map(of, old.values()))
            found[f"{table}.{label}: moved by"] = moved
    return {what: count for what, count in found.items() if count}


def _by_key(table: str, rows: list[Row]) -> Rows:
    names = [column.name for column in TABLES[table].primary_key]
    return {tuple(row[name] for name in names): row for row in rows}


def _different(old: Rows, new: Rows) -> tuple[Rows, Rows]:
    """Without the rows that are the same in both: most are, and more with every test."""
    same = {key for key, row in old.items() if new.get(key) == row}
    return _without(old, same), _without(new, same)


def _without(rows: Rows, same: set[tuple[Any, ...]]) -> Rows:
    return {key: row for key, row in rows.items() if key not in same}


def _numbers(table: str) -> list[tuple[str, Callable[[Row], int]]]:
    names = [c.name for c in TABLES[table].columns if isinstance(c.type, Integer) and (table, c.name) not in DRAWN]
    return [(name, lambda row, name=name: row[name] or 0) for name in names]
