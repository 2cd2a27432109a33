"""Sessions that are revoked: one, several, or all of a user. What a plan revokes is in `revocation_plans`."""

from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update

from sojourn.domain.clock import Instant
from sojourn.domain.endings import Ending
from sojourn.domain.ids import SessionKey
from sojourn.storage.queries import session_ends, sessions, statistics
from sojourn.storage.queries.session_states import NOW, OPEN, SETTLED_AHEAD
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_S = SessionTable.__table__
_MINE = _S.c.tenant_id == bindparam("tenant")
_OF_USER = and_(_MINE, _S.c.user_id == bindparam("user_id"))
_ONE = and_(_MINE, _S.c.id == bindparam("id"))
_REVOCATION = {
    "revoked_at": NOW,
    "revoked_by": bindparam("by"),
    "revoke_reason": bindparam("reason"),
    "reason_code": bindparam("code"),
    "due_at": bindparam("nothing"),
}
_whose: Any = bindparam("of_user", type_=_S.c.user_id.type)
REVOKE = Statement(update(_S).where(_ONE, OPEN, or_(_whose.is_(None), _S.c.user_id == _whose)).values(**_REVOCATION))
REVOKE_LOCKED = Statement(update(_S).where(_ONE).values(**_REVOCATION))
REVOKE_SETTLED = Statement(update(_S).where(_ONE, SETTLED_AHEAD).values(**_REVOCATION))
# Locked in one order everywhere: two requests that end the same sessions wait for each other and never in a circle.
LOCK_ALL_OF_USER = Statement(
    select(_S.c.id, _S.c.due_at).where(_OF_USER, or_(OPEN, SETTLED_AHEAD)).order_by(_S.c.id).with_for_update(),
    plans_anew=True,
)


async def revoke(unit: UnitOfWork, key: SessionKey, *, now: Instant, ending: Ending) -> bool:
    """End an active session; False when it is not active."""
    return await revoke_many(unit, [key], now=now, ending=ending) == {key}


async def revoke_many(unit: UnitOfWork, keys: list[SessionKey], *, now: Instant, ending: Ending) -> set[str]:
    """End those of some sessions that are active; which were ended."""
    ended, unsettled = set[str](), 0
    await sessions.write_waiting_touches(unit, sorted(set(keys)), now=now)
    facts = {"now": now, "nothing": None, **ending._asdict()}
    for key in sorted(set(keys)):  # see `LOCK_ALL_OF_USER`
        if await unit.run(REVOKE, id=key, of_user=None, **facts):
            ended.add(key)
        elif await unit.run(REVOKE_SETTLED, id=key, **facts):
            ended.add(key)
            unsettled += 1
    await session_ends.tell_ended(unit, sorted(ended), at=now, ending=ending)
    await statistics.count_revoked(unit, len(ended), unsettled=unsettled)
    unit.tell("ended", ending.code, times=len(ended))
    return ended


async def revoke_all_of_user(
    unit: UnitOfWork, user_id: str, *, now: Instant, ending: Ending, but: str | None = None
) -> int:
    """End every active session of a user, perhaps all `but` one; how many were ended."""
    locked = await unit.all(LOCK_ALL_OF_USER, user_id=user_id, now=now)
    return await revoke_locked(unit, [row for row in locked if row[0] != but], now=now, ending=ending)


async def revoke_locked(unit: UnitOfWork, locked: list[Row], *, now: Instant, ending: Ending) -> int:
    """End sessions that this transaction has locked, each given by its id and its `due_at`; how many they are."""
    if locked:
        await sessions.write_waiting_touches(unit, [key for key, _ in locked], now=now)
        facts = {"now": now, "nothing": None, **ending._asdict()}
        await unit.run_many(REVOKE_LOCKED, [{"id": key, **facts} for key, _ in locked])
        await session_ends.tell_ended(unit, [key for key, _ in locked], at=now, ending=ending)
        await statistics.count_revoked(unit, len(locked), unsettled=sum(due_at is None for _, due_at in locked))
        unit.tell("ended", ending.code, times=len(locked))
    return len(locked)


async def revoke_since(
    unit: UnitOfWork, keys: list[SessionKey], *, since: Instant, now: Instant, ending: Ending
) -> None:
    """End sessions that this transaction has locked, and that a plan has revoked `since` an earlier instant."""
    if keys:
        facts = {"now": since, "nothing": None, **ending._asdict()}
        await unit.run_many(REVOKE_LOCKED, [{"id": key, **facts} for key in keys])
        await session_ends.tell_ended(unit, keys, at=since, ending=ending, recorded_at=now)
        await statistics.count_revoked(unit, len(keys), unsettled=0)
        unit.tell("ended", ending.code, times=len(keys))
