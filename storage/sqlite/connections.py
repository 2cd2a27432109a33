"""Connections to a SQLite file."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sojourn.storage.sqlite.functions import add_functions

_CACHED_STATEMENTS = 512
_CACHE_KIB = 2048
"""Of pages, for each connection. The system keeps the file's pages too: more here was measured to save nothing."""


def connect(path: Path, wait_seconds: float) -> sqlite3.Connection:
    """A connection with our settings: WAL, an fsync per commit, no implicit transactions.

    A new file is its owner's only, and so are those that SQLite makes beside it: they take its mode.
    """
    with suppress(OSError):  # it is there, or SQLite says better why it cannot be made
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return connect_again(path, wait_seconds)


def connect_again(path: Path, wait_seconds: float) -> sqlite3.Connection:
    """The same for a file that is there. Raises OperationalError for one that is not, and makes none."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    for pragma in ("journal_mode = WAL", "synchronous = FULL", f"cache_size = -{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    add_functions(connection)
    return connection


class MissingFile:
    """Stands in for a connection while there is no file: whatever is asked of it fails as opening the file does."""

    in_transaction = False

    def execute(self, *_: object) -> Any:
        """Raises OperationalError."""
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    executemany = execute

    def close(self) -> None:
        """Nothing is open."""
