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


_FILE_LOST = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def is_file_lost(error: BaseException | None) -> bool:
    """Whether the file system under the open file failed: once it is whole again, the file must be opened anew."""
    return _code(error) in _FILE_LOST


def writing_failed(error: sqlite3.OperationalError) -> Exception:
    """As `unavailable`, for writes: a file that is read-only now may be so no longer."""
    return Unavailable() if _code(error) == sqlite3.SQLITE_READONLY else unavailable(error)


def unavailable(error: sqlite3.OperationalError) -> Exception:
    """Unavailable for what may pass by itself (a lock, a full disk); the error itself for what will not."""
    return Unavailable() if is_in_the_way(error) or _code(error) == sqlite3.SQLITE_CANTOPEN else error


def is_locked(error: BaseException | None) -> bool:
    """Whether another connection holds the lock."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_in_the_way(error: BaseException | None) -> bool:
    """Whether a lock or a full disk is the reason why the file cannot be used now."""
    return _code(error) in _IN_THE_WAY


def _code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
