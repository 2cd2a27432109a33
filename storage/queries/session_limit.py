"""The most sessions that one user may have: the ones idle longest end for a new one."""

from sqlalchemy import bindparam, literal_column, select

from sojourn.domain.clock import Instant
from sojourn.domain.endings import Ending
from sojourn.storage.queries import session_revocation, sessions
from sojourn.storage.queries.session_states import ALL_ACTIVE, FEW_ACTIVE
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

SIDE_BY_SIDE = 256
"""So many sign-ins of one user may be under way at once; nearer to the limit than this, each waits for the others."""

_S = SessionTable.__table__
_idlest = (
    select(_S.c.id)
    .where(_S.c.tenant_id == bindparam("tenant"), _S.c.user_id == bindparam("user_id"))
    .order_by(_S.c.last_active_at, _S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
IDLEST = Statement(_idlest.where(ALL_ACTIVE), on_sqlite=_idlest.where(FEW_ACTIVE))


def is_near(active: int, limit: int) -> bool:
    """Whether a user with so many sessions may exceed the limit by sign-ins side by side."""
    return active + SIDE_BY_SIDE >= limit


def name_of(unit: UnitOfWork, user_id: str) -> str:
    """The name that a sign-in of a user holds alone where it may meet a limit."""
    return f"sessions {unit.tenant.id} {user_id}"


async def end_idlest(unit: UnitOfWork, user_id: str, *, limit: int, now: Instant, ending: Ending) -> int:
    """End as many of a user's sessions as there must be fewer for one more; how many were ended.

    Asked where `is_near` says so, the user never has more than `limit` with sign-ins side by side, once all are
    committed.
    """
    await unit.alone(name_of(unit, user_id))
    count = await sessions.count_active_of_user(unit, user_id, now=now)
    if count < limit:
        return 0
    found = await unit.all(IDLEST, user_id=user_id, now=now, limit=count - limit + 1)
    return len(await session_revocation.revoke_many(unit, [key for (key,) in found], now=now, ending=ending))
