"""How a search looks at the rows of its window, of which it may show few.

Of a subquery SQLite copies every column of every row, which costs four times as much as to look at a row where it is.
So the window's rows are an id and whether it fits, and the other columns are read of the rows of the page alone.
PostgreSQL copies every row that it sorts, so in the order of activity it does the same.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, literal_column, or_, select, true
from sqlalchemy.sql.util import ClauseAdapter

from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__
_ONE: Any = literal_column("1")
_ZERO: Any = literal_column("0")
_FITS = "fits"


def as_number(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[Any]:
    """1 for a row that fits, 0 for others. No planner looks into it for an index to go by."""
    return case((and_(literal_column("1 = 1"), *conditions), _ONE), else_=_ZERO)


def window_of(
    bounds: Iterable[ColumnElement[bool]], *, left: Iterable[ColumnElement[bool]], order: ColumnElement[Any]
) -> Any:
    """The first `:window` rows within bounds: the id, the last activity and whether it fits what is left to ask."""
    looked = select(_S.c.id, _S.c.last_active_at, as_number(left).label(_FITS)).where(*bounds)
    return looked.order_by(order).limit(bindparam("window")).offset(_ZERO).subquery("looked_at")


def rows_of_window(columns: Iterable[Any], window: Any, *, by_activity: bool, begun: bool) -> Select[Any]:
    """A page of the rows that fit, in the order of the window or of their last activity."""
    found = select(window.c.id).where(window.c[_FITS] == _ONE)
    if by_activity:
        found = in_order_of_activity(found, window.c, begun=begun)
    page = found.limit(bindparam("limit")).offset(bindparam("offset")).subquery("page")
    # An outer join, though each has its row: SQLite takes the page first then, and keeps its order.
    its_row = and_(_S.c.tenant_id == bindparam("tenant"), _S.c.id == page.c.id)
    return select(*columns).select_from(page.outerjoin(_S, its_row))


def page_by_activity(
    columns: Iterable[Any], window: Any, *, fits: Iterable[ColumnElement[bool]], begun: bool
) -> Select[Any]:
    """A page of a window's rows in the order of their last activity, for PostgreSQL: ids are sorted, then rows read."""
    found = select(window.c.id, window.c.last_active_at).where(*fits)
    found = in_order_of_activity(found, window.c, begun=begun)
    page = found.limit(bindparam("limit")).offset(bindparam("offset")).subquery("page")
    row = _S.alias("its_row")
    its_row = select(*[row.c[column.name] for column in window.c]).where(
        row.c.tenant_id == bindparam("tenant"), row.c.id == page.c.id
    )
    # The limit keeps it apart: how long a page is, no planner knows, and it would join it with all sessions at once.
    read = its_row.limit(_ONE).lateral("of_page")
    rows: Select[Any] = select(*[ClauseAdapter(read).traverse(column) for column in columns])
    return rows.select_from(page.join(read, true())).order_by(page.c.last_active_at.desc(), page.c.id.desc())


def count_of_rows(window: Any, conditions: Iterable[ColumnElement[bool]]) -> Any:
    """How many rows of a window that holds whole rows fit, and how many there are."""
    return _count(as_number(map(ClauseAdapter(window).traverse, conditions)), window)


def count_of_window(window: Any) -> Any:
    """The same of a window that says of each row whether it fits."""
    return _count(window.c[_FITS], window)


def _count(fitting: ColumnElement[Any], window: Any) -> Any:
    return select(func.coalesce(func.sum(fitting), _ZERO), func.count()).select_from(window)


def in_order_of_activity(rows: Select[Any], columns: Any, *, begun: bool) -> Select[Any]:
    """Rows in the order of their last activity, `begun` behind a place."""
    at, key = columns.last_active_at, columns.id
    if begun:
        seen_at = bindparam("seen_at", type_=at.type)
        rows = rows.where(or_(at < seen_at, and_(at == seen_at, key < bindparam("place"))))
    return rows.order_by(at.desc(), key.desc())
