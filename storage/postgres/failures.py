"""Which failures of PostgreSQL may pass by themselves, and which are worth another attempt at once.

SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import ssl

import asyncpg

from sojourn.domain.errors import Unavailable

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Everything that goes wrong between the driver and the server. A time-out is an OSError too."""

CONFLICT_RETRIES = 4
_CONFLICTS = ("40001", "40P01")  # serialization failure, deadlock
_MOVED = ("XX000", "could not find valid entry for shard")
"""What Citus says to a statement whose tenant moved to another shard or node meanwhile."""
_SHUTDOWNS = ("57P01", "57P02", "57P03")
_PASSING = ("57014", "55P03", "25006", "25P03", "25P02")  # cancelled, lock not available, read-only, idle, aborted
_PASSING_CLASSES = ("08", "40", "53", "57", "58")  # connection, rollback, resources, operator, system
_OPERATORS = ("3D000", "3F000", "42P01")  # no such database, schema, table: renamed, or a restore is under way
_NO_LOGIN = "28"
_NO_PRIVILEGE = "42501"
_OF_ROW_SECURITY = "ExecWithCheckOptions"
"""The server's function that refuses a row of another tenant: a mistake of ours, which nobody else can put right."""
_OF_CONNECTING = "CheckMyDatabase"


def retries(error: Exception) -> int:
    """How often a transaction that failed so, and was not committed, may be run again."""
    if is_conflict(error):
        return CONFLICT_RETRIES
    # A plan is refused once after a migration has changed what its statement returns; the driver then forgets it.
    return 1 if is_dropped(error) or isinstance(error, asyncpg.InvalidCachedStatementError) else 0


def is_conflict(error: Exception) -> bool:
    """Whether another transaction was in the way, or a cluster has moved the tenant.

    The server has rolled back, even if it says so at the COMMIT.
    """
    code, words = _MOVED
    return _sqlstate(error) in _CONFLICTS or (_sqlstate(error) == code and str(error).startswith(words))


def is_dropped(error: Exception) -> bool:
    """Whether the connection is gone: nothing of its transaction is left."""
    if isinstance(error, asyncpg.InternalClientError):  # the server's farewell came while nothing was asked
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released" in str(error)
    return (isinstance(error, OSError) and not isinstance(error, TimeoutError)) or (
        _sqlstate(error)[:2] == "08" or _sqlstate(error) in _SHUTDOWNS
    )


def unavailable(error: Exception) -> Exception:
    """Unavailable for what passes, by itself (a lock, a restart) or by an operator's hand; else the error itself."""
    passing = _sqlstate(error) in _PASSING or _sqlstate(error)[:2] in _PASSING_CLASSES or is_operators(error)
    return Unavailable() if passing or is_conflict(error) or isinstance(error, OSError) or is_dropped(error) else error


def is_operators(error: Exception) -> bool:
    """Whether only an operator can end it: a missing grant or table, a role that may not log in, a certificate."""
    if is_of_certificate(error):
        return True
    code, place = _sqlstate(error), getattr(error, "server_source_function", None)
    if code == _NO_PRIVILEGE:
        return place != _OF_ROW_SECURITY
    return code in _OPERATORS or code[:2] == _NO_LOGIN or place == _OF_CONNECTING


def is_of_certificate(error: Exception) -> bool:
    """Whether the server showed a certificate that `sslmode=verify-full` or `verify-ca` does not accept."""
    return isinstance(error, ssl.SSLCertVerificationError)


def _sqlstate(error: Exception) -> str:
    return getattr(error, "sqlstate", None) or ""
