"""The events of one session, of those that are kept."""

from typing import Any

from sqlalchemy import bindparam, func, literal_column, select

from sojourn.domain.ids import SessionKey
from sojourn.storage.queries.feed import EventRow
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

MOST = 500
"""How many events are shown, at most."""

_E = EventTable.__table__
_TENANT: Any = bindparam("tenant")
# An event that has no number yet was written last.
_NUMBER = func.coalesce(_E.c.number, literal_column(str(2**63 - 1)))
# Found by their user: the session's own would have no index, and each event of a session names its user.
OF_SESSION = Statement(
    select(*(_E.c[name] for name in EventRow._fields))
    .where(_E.c.tenant_id == _TENANT, _E.c.user_id == bindparam("user_id"), _E.c.session_id == bindparam("key"))
    .order_by(_E.c.occurred_at.desc(), _NUMBER.desc(), _E.c.place.desc())
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)


async def of_session(
    unit: UnitOfWork, key: SessionKey, *, user_id: str, most: int = MOST
) -> tuple[list[EventRow], bool]:
    """The newest events of a session of the user, the newest last, and whether older ones were left out."""
    rows = await unit.all(OF_SESSION, key=key, user_id=user_id, limit=most + 1)
    return [EventRow._make(row) for row in rows[most - 1 :: -1]], len(rows) > most
