"""The database files of a run: filled once from the dataset, then copied for each server."""

import sqlite3
from collections import Counter
from pathlib import Path

from benchmarks import dataset
from benchmarks.dataset import Session

_SCHEMA = Path(__file__).parent / "peers" / "database.sql"
_COLUMNS = (*Session._fields, "due_at")


def fill_peers_database(path: Path) -> None:
    """Write the peers' database to a new file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(_SCHEMA.read_text("utf-8"))
    marks = ", ".join("?" * len(_COLUMNS))
    counters: Counter[tuple[str, str, str]] = Counter()
    with connection:
        insert = f"INSERT INTO sessions ({', '.join(_COLUMNS)}) VALUES ({marks})"
        for session in dataset.all_sessions():
            connection.execute(insert, (*session, session.due_at))
            _count(counters, session)
        connection.executemany(
            "INSERT INTO session_counters (tenant_id, kind, device_type, value) VALUES (?, ?, ?, ?)",
            [(*key, value) for key, value in counters.items()],
        )
    settle(connection)


def settle(connection: sqlite3.Connection) -> None:
    """Bring everything into the main file, so that it can be copied alone, and close it."""
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _count(counters: Counter[tuple[str, str, str]], session: Session) -> None:
    counters[session.tenant_id, "created", session.device_type] += 1
    if session.revoked_at is not None:
        counters[session.tenant_id, "revoked", ""] += 1
    elif not session.active:
        counters[session.tenant_id, "expired", ""] += 1
