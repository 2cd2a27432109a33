"""When sessions end by themselves, also where a policy shortened that and their rows do not say so yet.

A time-out that became shorter is kept as a row of its own until the tenant's sessions are rewritten
(`sojourn.storage.upkeep.tightening`). Until then each statement works out what their rows will say. It is asked only
where the tenant has such a row. A session that would have ended before the policy was set ends when it was set.

Statements that are run with every check are asked in another form first, `ByRows`: without what only a shorter time-out
or a plan that is being carried out (`sojourn.storage.queries.open_revocations`) changes.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, false, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.util import ClauseAdapter

from sojourn.storage.schema.plan_tables import RevocationPlanTable
from sojourn.storage.schema.policy_tables import SessionTighteningTable
from sojourn.storage.schema.sql_functions import earliest, later_by, latest
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_S = SessionTable.__table__
_T = SessionTighteningTable.__table__
_P = RevocationPlanTable.__table__
_NOW: Any = bindparam("now")
_HERE = _T.c.tenant_id == bindparam("tenant")
_counts_from = case((_T.c.rule == literal_column("'idle_timeout'"), _S.c.last_active_at), else_=_S.c.created_at)
_end: Any = latest(_T.c.since, later_by(_counts_from, _T.c.lasts))
_MEANT = (_HERE, _counts_from < _T.c.counts_until)
_BY_ROWS = "by_rows"


class unless_by_rows(Grouping[bool]):  # noqa: N801 - as the functions of SQL are named
    """A condition that can hold only in a tenant where rows of sessions lag behind: false in statements `ByRows`."""

    inherit_cache = True


@compiles(unless_by_rows)
def _write(element: unless_by_rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(false() if options.get(_BY_ROWS) else element.element, **options)})"


_ANY = exists(select(literal_column("1")).select_from(_T).where(_HERE))
IS_ANY_TIGHTER = unless_by_rows(_ANY)
"""Whether a time-out of the tenant became shorter. It depends on no session: a statement asks it once."""
IS_PLAN_OPEN = and_(_P.c.tenant_id == bindparam("tenant"), _P.c.open_since.is_not(None))
_ANY_PLAN = exists(select(literal_column("1")).select_from(_P).where(IS_PLAN_OPEN))
IS_ANY_OPEN = unless_by_rows(_ANY_PLAN)
"""Whether a plan of the tenant is being carried out: likewise."""


def was_cut(at: Any) -> ColumnElement[bool]:
    """Whether a session is over at an instant by a time-out that became shorter. It is looked for in any case."""
    found: Any = select(literal_column("1")).select_from(_T).where(*_MEANT, _end <= at).correlate_except(_T)
    return unless_by_rows(found.exists())


def is_cut(of: Any = _S) -> ColumnElement[bool]:
    """Whether a session (a row of the table or of an alias) is so at `:now`."""
    over = was_cut(_NOW)
    return and_(IS_ANY_TIGHTER, over if of is _S else ClauseAdapter(of).traverse(over))


def _shortened(deadline: Any, *which: ColumnElement[bool]) -> Any:
    ends: Any = select(func.min(_end)).select_from(_T).where(*_MEANT, *which).correlate_except(_T).scalar_subquery()
    sooner = func.coalesce(earliest(deadline, ends), deadline, type_=deadline.type)
    return case((and_(IS_ANY_TIGHTER, _S.c.revoked_at.is_(None)), sooner), else_=deadline)


EXPIRES_AT = _shortened(_S.c.expires_at, _T.c.rule == literal_column("'absolute_timeout'"))
IDLE_EXPIRES_AT = _shortened(_S.c.idle_expires_at)
"""Never later than `EXPIRES_AT`."""
DEADLINES: dict[str, ColumnElement[Any]] = {
    "expires_at": EXPIRES_AT.label("expires_at"),
    "idle_expires_at": IDLE_EXPIRES_AT.label("idle_expires_at"),
}
"""The deadlines of a session by the names of their columns."""


def _with_mark(clause: Any) -> Any:
    return clause.add_columns(or_(_ANY, _ANY_PLAN).label("do_rows_lag"))


class ByRows(Statement):
    """A statement as the rows of sessions say, which is right but where they lag behind.

    That is where a time-out of the tenant became shorter, or a plan is being carried out. `exact` is asked only there:
    what is read beside each session for it would cost every check more than a tenth, and twice as much for a plan. A
    session that the rows call ended has ended, so nothing is missed where no row is found.
    """

    __slots__ = ("exact",)

    def __init__(self, exact: Statement) -> None:
        super().__init__(
            _with_mark(exact.clause),
            plans_anew=exact.plans_anew,
            on_sqlite=None if exact.on_sqlite is None else _with_mark(exact.on_sqlite),
            options={_BY_ROWS: True},
        )
        self.exact = exact

    async def one(self, unit: UnitOfWork, **parameters: Any) -> Row | None:
        """The first row of the exact statement, or None."""
        row = await unit.one(self, **parameters)
        if row is None or not row[-1]:
            return row and row[:-1]
        return await unit.one(self.exact, **parameters)

    async def all(self, unit: UnitOfWork, **parameters: Any) -> list[Row]:
        """Every row of the exact statement."""
        rows = await unit.all(self, **parameters)
        if not rows or not rows[0][-1]:
            return [row[:-1] for row in rows]
        return await unit.all(self.exact, **parameters)
