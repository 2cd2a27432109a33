"""Sessions whose plan was applied and whose rows have not ended yet: they are revoked, in every view, all the same.

A plan that is being carried out holds its filters as columns. So one condition, the same for every plan, says whether
a session is meant: it compares the session's row with the plan's. It is asked only where the tenant has such a plan.

What it finds stays as it is until the rows end, whatever the time: the session was active or suspended when the plan
was applied, nothing touches, raises, suspends or reactivates it since, and none that began later fits.
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    String,
    and_,
    case,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.sql.visitors import replacement_traverse

from sojourn.storage.queries.filter_conditions import FACTS, TIMES
from sojourn.storage.queries.session_deadlines import IS_ANY_OPEN, IS_PLAN_OPEN, unless_by_rows, was_cut
from sojourn.storage.schema.plan_tables import RevocationPlanTable
from sojourn.storage.schema.sql_functions import contains
from sojourn.storage.schema.tables import SessionTable

_S = SessionTable.__table__
_P = RevocationPlanTable.__table__
_ID: ColumnElement[str] = _S.c.id.op("||", return_type=String())(literal_column("''"))


def _against_plan(name: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition of a filter with the plan's column in place of the parameter; true where the plan has no such."""

    def column_of(element: Any, **_: Any) -> Any:
        return _P.c[name] if isinstance(element, BindParameter) else None

    compared: Any = replacement_traverse(condition, {}, column_of)
    return or_(_P.c[name].is_(None), compared)


_WAS_OPEN = and_(
    _S.c.revoked_at.is_(None),
    _S.c.due_at.is_not(None),
    _S.c.created_at <= _P.c.open_since,
    _S.c.expires_at > _P.c.open_since,
    _S.c.idle_expires_at > _P.c.open_since,
    not_(was_cut(_P.c.open_since)),
    or_(
        _S.c.suspended_until.is_(None),
        _S.c.suspended_then != literal_column("'revoke'"),
        _S.c.suspended_until > _P.c.open_since,
    ),
)
_IS_MEANT = and_(
    IS_PLAN_OPEN,
    unless_by_rows(
        and_(
            _WAS_OPEN,
            *(_against_plan(name, condition) for name, condition in {**FACTS, **TIMES}.items()),
            or_(_P.c.except_ids.is_(None), not_(contains(_P.c.except_ids, _ID))),
        )
    ),
)


def being_revoked(of: Any = _S) -> ColumnElement[bool]:
    """Whether a session (a row of the table or of an alias) is one that a plan ends whose rows have not all ended."""
    meant = _IS_MEANT if of is _S else ClauseAdapter(of).traverse(_IS_MEANT)
    found: Any = select(literal_column("1")).select_from(_P).where(meant).correlate_except(_P)
    return and_(IS_ANY_OPEN, found.exists())


def _from_plan(of: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A fact of an end: the session's own, or the plan's where the row has not ended yet."""
    meant = select(func.min(value)).select_from(_P).where(_IS_MEANT).correlate_except(_P)
    its: Any = case((IS_ANY_OPEN, meant.scalar_subquery()))
    return func.coalesce(of, its, type_=of.type).label(of.key)


SPARED = not_(being_revoked())
FACTS_OF_END: dict[str, ColumnElement[Any]] = {
    "revoked_at": _from_plan(_S.c.revoked_at, _P.c.open_since),
    "revoked_by": _from_plan(_S.c.revoked_by, _P.c.applied_by),
    "revoke_reason": _from_plan(_S.c.revoke_reason, _P.c.reason),
    "reason_code": _from_plan(_S.c.reason_code, _P.c.reason_code),
}
"""How and when a session ended, by the names of its columns, whether its row says so yet or not."""
REVOKED_AT = FACTS_OF_END["revoked_at"]
