"""The SQL conditions for "active" and "ended" at the instant `:now`, defined once for all statements.

A session that was settled as expired (`sojourn.storage.queries.statistics`) is over for every clock, also for one that
is behind.
"""

from typing import Any

from sqlalchemy import BindParameter, String, and_, bindparam, case, literal_column, not_, or_, select
from sqlalchemy.sql.util import ClauseAdapter

from sojourn.storage.queries.open_revocations import SPARED, being_revoked
from sojourn.storage.queries.session_deadlines import (
    EXPIRES_AT,
    IDLE_EXPIRES_AT,
    IS_ANY_OPEN,
    IS_ANY_TIGHTER,
    is_cut,
)
from sojourn.storage.schema.sql_functions import earliest, for_postgresql
from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__

NOW: BindParameter[Any] = bindparam("now")
NOT_REVOKED = _S.c.revoked_at.is_(None)
_ROW_IS_AHEAD = and_(_S.c.expires_at > NOW, _S.c.idle_expires_at > NOW)
_AHEAD = and_(_ROW_IS_AHEAD, not_(is_cut()))
_ENDS: Any = literal_column("'revoke'")
_UNTIL = _S.c.suspended_until
_NOT_SUSPENDED = or_(_UNTIL.is_(None), and_(_UNTIL <= NOW, _S.c.suspended_then != _ENDS))
# Said so that planners do not take the index of what is due: it finds a tenant's sessions and not a user's.
_NOT_SETTLED = literal_column("0") == case((_S.c.due_at.is_(None), literal_column("1")), else_=literal_column("0"))
ACTIVE = and_(NOT_REVOKED, _NOT_SETTLED, _AHEAD, _NOT_SUSPENDED, SPARED)
# What is said to PostgreSQL follows from `NOT_REVOKED`, so it has it for nothing by the index of what is not revoked.
# It then takes that one, and not the index of all that a user ever had, which looks as cheap in a plan for any user.
ALL_ACTIVE = and_(ACTIVE, for_postgresql(or_(NOT_REVOKED, _S.c.expires_at > NOW)))
"""The active ones, for a statement that goes through all of a user's."""
# That it is not revoked is said likewise: its index would be read beside that of what is due, to ask fewer rows more.
_STANDS = literal_column("0") == case((NOT_REVOKED, literal_column("0")), else_=literal_column("1"))
FEW_ACTIVE = and_(_S.c.due_at.is_not(None), _STANDS, _NOT_SETTLED, _AHEAD, _NOT_SUSPENDED, SPARED)
"""The same rows by that index: where few of a tenant's many sessions are active. A user's have their own on SQLite."""
SETTLED_AHEAD = and_(NOT_REVOKED, _S.c.due_at.is_(None), _AHEAD)
"""Settled as expired by a clock that was ahead of this one."""
DEADLINE = earliest(EXPIRES_AT, IDLE_EXPIRES_AT)
LAPSED = and_(NOT_REVOKED, _S.c.due_at.is_not(None), _S.c.suspended_then == _ENDS, _UNTIL <= NOW, _UNTIL < DEADLINE)
"""The session ended with its suspension, and its row does not say so yet."""
_NOT_LAPSED = or_(_UNTIL.is_(None), _S.c.suspended_then != _ENDS, _UNTIL > NOW, _UNTIL >= DEADLINE)
OVER = and_(or_(_S.c.expires_at <= NOW, _S.c.idle_expires_at <= NOW, is_cut()), _NOT_LAPSED)
"""A deadline has passed; the session may have been revoked before."""
EXPIRED = and_(NOT_REVOKED, or_(_S.c.due_at.is_(None), OVER), SPARED)
# A suspension that ended the session did so before its deadline: where that is ahead, it need not be compared.
_NOT_OVER_WITH_SUSPENSION = or_(_UNTIL.is_(None), _S.c.suspended_then != _ENDS, _UNTIL > NOW)
OPEN = and_(NOT_REVOKED, _NOT_SETTLED, _AHEAD, _NOT_OVER_WITH_SUSPENSION, SPARED)
"""Active or suspended: what can be ended."""
ALL_OPEN = and_(OPEN, for_postgresql(or_(NOT_REVOKED, _S.c.expires_at > NOW)))
"""The open ones, for a statement that goes through all of a user's."""
FEW_OPEN = and_(_S.c.due_at.is_not(None), _STANDS, _NOT_SETTLED, _AHEAD, _NOT_OVER_WITH_SUSPENSION, SPARED)
"""The same rows by the index of what is open."""
SUSPENDED = and_(NOT_REVOKED, _S.c.due_at.is_not(None), _AHEAD, _UNTIL > NOW, SPARED)
FEW_SUSPENDED = and_(_S.c.due_at <= NOW, _STANDS, _S.c.due_at.is_not(None), _AHEAD, _UNTIL > NOW, SPARED)
"""The same rows by the index of what is due: `due_at` is not later than the beginning of the suspension."""
ENDED_BY_HAND = or_(_S.c.revoked_at.is_not(None), LAPSED, being_revoked())
"""What is shown as revoked."""
OUT_OF_ORDER = _S.c.id.op("||", return_type=String())(literal_column("''"))
"""The id, for the order of what `FEW_ACTIVE` finds: no planner walks all ids of a tenant or a user for it."""
BEFORE: BindParameter[Any] = bindparam("before")
ENDED = or_(
    _S.c.revoked_at <= BEFORE,
    and_(_S.c.revoked_at.is_(None), or_(_S.c.expires_at <= BEFORE, _S.c.idle_expires_at <= BEFORE)),
)
"""The session ended at the instant `:before` or earlier."""
_ROW = _S.alias("its_row")
_ROW_IS_ACTIVE = ClauseAdapter(_ROW).traverse(and_(NOT_REVOKED, _ROW_IS_AHEAD, _NOT_SUSPENDED))
_ROW_IS_BEING_REVOKED = being_revoked(_ROW)
_its_row: Any = select(literal_column("1")).where(_ROW.c.tenant_id == bindparam("tenant"), _ROW.c.id == _S.c.id)
_ROW_IS_OPEN = ClauseAdapter(_ROW).traverse(and_(NOT_REVOKED, _ROW_IS_AHEAD, _NOT_OVER_WITH_SUSPENSION))
_ROW_IS_SPARED = and_(
    not_(and_(IS_ANY_OPEN, _its_row.where(_ROW_IS_BEING_REVOKED).correlate(_S).exists())),
    not_(and_(IS_ANY_TIGHTER, _its_row.where(is_cut(_ROW)).correlate(_S).exists())),
)
ACTIVE_BY_INDEX = and_(
    _S.c.due_at.is_not(None),
    or_(_S.c.due_at > NOW, _its_row.where(_ROW_IS_ACTIVE).correlate(_S).exists()),
    _ROW_IS_SPARED,
)
"""The active ones, to be counted by SQLite's index of open sessions.

A session whose `due_at` is ahead is active: `due_at` is never later than a deadline or the beginning of a suspension,
and null once it ended. A row is read only for one that is due and not settled yet, or where a time-out became shorter.
"""
OPEN_BY_INDEX = and_(
    _S.c.due_at.is_not(None),
    or_(_S.c.due_at > NOW, _its_row.where(_ROW_IS_OPEN).correlate(_S).exists()),
    _ROW_IS_SPARED,
)
"""The open ones likewise: one that is suspended is due, so its row is read."""
