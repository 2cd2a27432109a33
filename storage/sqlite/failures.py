"""Which failures of a database may pass by themselves."""

import sqlite3

from sojourn.domain.errors import Unavailable

_IN_THE_WAY = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PROTOCOL,
)


def unavailable(error: sqlite3.OperationalError) -> Exception:
    """Unavailable for what may pass by itself (a lock, a full disk); the error itself for what will not."""
    return Unavailable() if is_in_the_way(error) or _code(error) == sqlite3.SQLITE_CANTOPEN else error


def is_in_the_way(error: BaseException | None) -> bool:
    """Whether a lock or a full disk is the reason why the file cannot be used now."""
    return _code(error) in _IN_THE_WAY


def _code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
