"""Which failures of a database may pass by themselves."""

import sqlite3

from domain.errors import Unavailable


def unavailable(error: sqlite3.OperationalError) -> Exception:
    """Unavailable for what may pass by itself (a lock, a full disk); the error itself for what will not."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    passing = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return Unavailable() if code in (*passing, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL) else error
