"""An empty database for an earlier release, and its rows as somebody who may see everything reads them."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import REFRESH_SECRET
from tests.postgres import Cluster
from tests.upgrade.beside.earlier import EarlierServer
from tests.upgrade.questions import QUIET

Rows = list[tuple[Any, ...]]
_COLUMNS = {
    "sqlite": "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    " AND table_name NOT IN (SELECT inhrelid::regclass::text FROM pg_inherits)",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The database that is upgraded."""

    engine: str
    url: str
    sql: Callable[[str], Rows]

    @property
    def settings(self) -> dict[str, str]:
        """How programs of any release find it."""
        return {"SOJOURN_DATABASE_URL": self.url, "SOJOURN_REFRESH_SECRET": REFRESH_SECRET}

    def rows(self, like: dict[str, Rows] | None = None) -> dict[str, Rows]:
        """The quiet tenant's rows, table by table, in the columns that `like` was read with."""
        if like is not None:
            return {select: sorted(self.sql(select), key=repr) for select in like}
        tables: dict[str, list[str]] = {}
        for table, column in self.sql(_COLUMNS[self.engine]):
            tables.setdefault(table, []).append(f'"{column}"')
        selects = [
            f"SELECT {', '.join(columns)} FROM {table} WHERE tenant_id = '{QUIET}'"
            for table, columns in sorted(tables.items())
            if '"tenant_id"' in columns
        ]
        return {select: sorted(self.sql(select), key=repr) for select in selects}

    def sojourn(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the present program."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command of the present program."""
        return subprocess.Popen(
            [*EarlierServer.program, *arguments],
            env={**os.environ, **self.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def subject(engine: str, folder: Path, cluster: Callable[[], Cluster]) -> Iterator[Subject]:
    """A database without tables."""
    if engine == "sqlite":
        path = folder / "upgraded.db"

        def on_file(statement: str) -> Rows:
            with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
                return connection.execute(statement).fetchall()

        yield Subject(engine, f"sqlite:///{path}", on_file)
        return
    server = cluster()
    name = server.create(empty=True)
    yield Subject(engine, server.url(name), lambda statement: server.command(statement, name))
    server.drop(name)
