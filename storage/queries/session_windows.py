"""How SQLite looks at the first rows that an index gives in the order of the ids, where few of them may fit.

Of a subquery SQLite copies every column of every row, which costs four times as much as to look at a row where it is.
So the window is a range of ids here, and a column is read only when a condition or the page needs it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, case, func, literal_column, or_, select

from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__
_ONE, _ZERO = literal_column("1"), literal_column("0")
_WINDOW: Any = bindparam("window", type_=Integer)
_Conditions = Sequence[ColumnElement[bool]]


def as_number(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[Any]:
    """1 for a row that fits, 0 for others. No planner looks into it for an index to go by."""
    return case((and_(literal_column("1 = 1"), *conditions), _ONE), else_=_ZERO)


def rows_of_window(columns: Iterable[Any], bounds: _Conditions, *, left: _Conditions, ascending: bool) -> Select[Any]:
    """The rows that fit among the first `:window` within bounds."""
    fits = as_number(left) == _ONE
    return select(*columns).where(*bounds, _is_in_window(bounds, ascending=ascending), fits)


def count_of_window(bounds: _Conditions, *, left: _Conditions, ascending: bool) -> Select[Any]:
    """How many of these fit, and how many there are."""
    fitting = func.coalesce(func.sum(as_number(left)), _ZERO)
    return select(fitting, func.count()).select_from(_S).where(*bounds, _is_in_window(bounds, ascending=ascending))


def in_order_of_activity(rows: Select[Any], columns: Any, *, begun: bool) -> Select[Any]:
    """Rows in the order of their last activity, `begun` behind a place."""
    at, key = columns.last_active_at, columns.id
    if begun:
        seen_at = bindparam("seen_at", type_=at.type)
        rows = rows.where(or_(at < seen_at, and_(at == seen_at, key < bindparam("place"))))
    return rows.order_by(at.desc(), key.desc())


def _is_in_window(bounds: _Conditions, *, ascending: bool) -> ColumnElement[bool]:
    """Whether a row is not behind the last of the window. Where there are fewer rows than that, all are in it."""
    order = _S.c.id if ascending else _S.c.id.desc()
    last: Any = select(_S.c.id).where(*bounds).order_by(order).limit(_ONE).offset(_WINDOW - _ONE).correlate(None)
    edge = last.scalar_subquery()
    if ascending:
        return _S.c.id <= func.coalesce(edge, literal_column("'~'"))
    return _S.c.id >= func.coalesce(edge, literal_column("''"))
