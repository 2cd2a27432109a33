"""How often sessions are used, by day."""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.ids import SessionKey
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.schema.token_tables import SessionUsageTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_U = SessionUsageTable.__table__
_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")


class DailyUsage(NamedTuple):
    """A day in UTC (`2026-04-15`) and how often the session was used on it."""

    day: str
    uses: int


_count = insert(_U).values(
    tenant_id=_TENANT,
    session_id=bindparam("session_id"),
    day=bindparam("day"),
    count=bindparam("by"),
)
COUNT = Statement(
    _count.on_conflict_do_update(
        index_elements=["tenant_id", "session_id", "day"],
        set_={"count": _U.c["count"] + _count.excluded["count"]},
    )
)
LIST = Statement(
    select(_U.c.day, _U.c["count"])
    .where(_U.c.tenant_id == _TENANT, _U.c.session_id == bindparam("session_id"))
    .order_by(_U.c.day.desc())
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
LIST_OF_USER = Statement(
    select(_U.c.session_id, _U.c.day, _U.c["count"])
    .select_from(_S.join(_U, and_(_U.c.tenant_id == _TENANT, _U.c.session_id == _S.c.id)))
    .where(_S.c.tenant_id == _TENANT, _S.c.user_id == bindparam("user_id"))
    .order_by(_U.c.session_id.desc(), _U.c.day.desc())
)


class UsageOfSession(NamedTuple):
    """A session by its key, a day in UTC and how often the session was used on it."""

    session_key: SessionKey
    day: str
    uses: int


async def count_use(unit: UnitOfWork, session_key: SessionKey, *, day: str) -> None:
    """Count one use of a session."""
    await unit.run(COUNT, session_id=session_key, day=day, by=1)


async def daily(unit: UnitOfWork, session_key: SessionKey, *, limit: int) -> list[DailyUsage]:
    """The last `limit` days on which a session was used, newest first."""
    return [DailyUsage._make(row) for row in await unit.all(LIST, session_id=session_key, limit=limit)]


async def list_of_user(unit: UnitOfWork, user_id: str) -> list[UsageOfSession]:
    """Every day on which a session of the user was used, the newest session first."""
    return [UsageOfSession._make(row) for row in await unit.all(LIST_OF_USER, user_id=user_id)]
