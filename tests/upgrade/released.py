"""Databases that released programs have filled, kept as SQL of SQLite, brought into either engine."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sojourn.storage import engines
from sojourn.storage.schema import revisions
from tests.postgres import Cluster

Sql = Callable[[str], list[tuple[Any, ...]]]
HERE = Path(__file__).parent
FIRST = Path(revisions.__file__).parent.parent / "migrations" / "versions" / "0001_first_schema.py"


def original(file: Path) -> sqlite3.Connection:
    """The database as the release left it."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(file.read_text("utf-8"))
    return connection


def tables(file: Path) -> dict[str, list[str]]:
    """Its tables that have rows, with their columns."""
    with closing(original(file)) as found:
        names = [name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [column[1] for column in found.execute(f"PRAGMA table_info({name})")]
            for name in names
            if name not in ("alembic_version", "sqlite_stat1")
            and found.execute(f"SELECT count(*) FROM {name}").fetchone() != (0,)
        }


def inserts(file: Path) -> Iterator[str]:
    """Its rows as PostgreSQL takes them: every value is a text that it reads as its column's kind."""
    with closing(original(file)) as found:
        for table, columns in tables(file).items():
            for row in found.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                values = ["NULL" if value is None else "'" + str(value).replace("'", "''") + "'" for value in row]
                yield f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"


@contextmanager
def filled(file: Path, folder: Path, *, cluster: Cluster | None) -> Iterator[tuple[str, Sql]]:
    """A database of the first release with these rows, in SQLite where there is no cluster.

    Its URL, and what runs SQL there as somebody who may see everything.
    """
    if cluster is None:
        path = folder / "first.db"
        with closing(sqlite3.connect(path)) as target, closing(original(file)) as found:
            found.backup(target)

        def on_file(statement: str) -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(path)) as connection, connection:
                return connection.execute(statement).fetchall()

        yield f"sqlite:///{path}", on_file
        return
    name = cluster.create(empty=True)
    (folder / "versions").mkdir()
    shutil.copy(FIRST, folder / "versions")
    asyncio.run(engines.migrate(cluster.url(name), folder=folder))
    cluster.script("DROP TABLE migration_steps; " + "; ".join(inserts(file)), name)
    yield cluster.url(name), lambda statement: cluster.command(statement, name)
    cluster.drop(name)
