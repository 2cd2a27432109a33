"""Suspension: a session is refused for a while. Its deadlines go on; what becomes of it is decided when it is read.

While it lasts, `due_at` is not later than its beginning: a search for what is active by `due_at` looks at the row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, null, update

from sojourn.domain.clock import Instant
from sojourn.domain.endings import SUSPENSION_OVER
from sojourn.domain.ids import SessionKey
from sojourn.domain.sessions import FOREVER, Then
from sojourn.storage.queries import session_ends
from sojourn.storage.queries.events import Event
from sojourn.storage.queries.session_states import DEADLINE, NOW, OPEN, SUSPENDED
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_ONE = (_S.c.tenant_id == bindparam("tenant"), _S.c.id == bindparam("key"))
_instant: Any = bindparam("until", type_=_S.c.suspended_until.type)

SUSPEND = Statement(
    update(_S).where(*_ONE, OPEN).values(suspended_until=_instant, suspended_then=bindparam("then"), due_at=NOW)
)
REACTIVATE = Statement(
    update(_S).where(*_ONE, SUSPENDED).values(suspended_until=null(), suspended_then=null(), due_at=DEADLINE)
)
RESUME = Statement(update(_S).where(*_ONE).values(suspended_until=null(), suspended_then=null(), due_at=DEADLINE))
LAPSE = Statement(
    update(_S)
    .where(*_ONE)
    .values(
        revoked_at=_S.c.suspended_until,
        revoked_by=bindparam("by"),
        revoke_reason=bindparam("reason"),
        reason_code=bindparam("code"),
        due_at=null(),
    )
)


class Over(NamedTuple):
    """A locked session whose suspension is over while its `deadline` is ahead; `lapsed`: it ended with it, 0 or 1."""

    key: SessionKey
    deadline: Instant
    lapsed: int
    until: Instant
    user_id: str


async def suspend(
    unit: UnitOfWork,
    key: SessionKey,
    *,
    user_id: str,
    now: Instant,
    until: Instant | None,
    then: Then,
    actor: str,
) -> bool:
    """Suspend a session that has not ended, until an instant or until it is reactivated; False for any other.

    For one that is suspended already, what is given here holds.
    """
    if not await unit.run(SUSPEND, key=key, now=now, until=until or FOREVER, then=then):
        return False
    await session_ends.tell_suspended(unit, key, user_id=user_id, at=now, actor=actor, until=until, then=then)
    return True


async def reactivate(unit: UnitOfWork, key: SessionKey, *, user_id: str, now: Instant, actor: str) -> bool:
    """End the suspension of a session; False when it is not suspended."""
    if not await unit.run(REACTIVATE, key=key, now=now):
        return False
    told = Event("session.reactivated", now, session_id=key, user_id=user_id, initiated_by="admin", actor=actor)
    await session_ends.tell_reactivated(unit, [told])
    return True


async def settle(unit: UnitOfWork, over: Sequence[Over], *, told_at: Instant) -> int:
    """Write down, and tell, what became of sessions when their suspension was over; how many of them ended."""
    lapsed = [row for row in over if row.lapsed]
    ending = SUSPENSION_OVER
    facts = {"by": ending.by, "reason": ending.reason, "code": ending.code}
    await unit.run_many(LAPSE, [{"key": row.key, **facts} for row in lapsed])
    await session_ends.tell_ended_at(unit, [(row.key, row.until) for row in lapsed], at=told_at, ending=ending)
    active = [row for row in over if not row.lapsed]
    await unit.run_many(RESUME, [{"key": row.key} for row in active])
    await session_ends.tell_reactivated(
        unit,
        [
            Event(
                "session.reactivated",
                row.until,
                session_id=row.key,
                user_id=row.user_id,
                initiated_by="policy",
                recorded_at=told_at,
            )
            for row in active
        ],
    )
    return len(lapsed)
