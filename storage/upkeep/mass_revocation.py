"""Ending every session of a tenant at once: after a backup was restored, or when tokens may have leaked.

A restored backup knows nothing of what was revoked since it was made. Every token that was issued so far is refused by
one row a type; the sessions follow in batches.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import bindparam, func, literal_column, or_, select

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.endings import Ending
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import events, session_revocation, sign_ins, token_configs
from sojourn.storage.queries.session_states import FEW_ACTIVE, OPEN, SETTLED_AHEAD
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

BATCH = 500
LONG = timedelta(days=30)
"""Longer than access tokens live that verifiers elsewhere still have."""

_S = SessionTable.__table__
LOCK_SOME = Statement(
    select(_S.c.id, _S.c.due_at)
    .where(_S.c.tenant_id == bindparam("tenant"), or_(OPEN, SETTLED_AHEAD))
    .order_by(_S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
    .with_for_update()
)
COUNT = Statement(
    select(func.count(), func.count(_S.c.user_id.distinct())).where(_S.c.tenant_id == bindparam("tenant"), FEW_ACTIVE),
    plans_anew=True,
)


async def count_active(database: Database, tenants: Iterable[Tenant], *, now: Instant) -> tuple[int, int]:
    """How many sessions of some tenants are active, and of how many users. Raises Unavailable."""
    found = [await database.read(tenant, lambda unit: unit.one(COUNT, now=now)) for tenant in tenants]
    numbers = [row or (0, 0) for row in found]
    return sum(row[0] for row in numbers), sum(row[1] for row in numbers)


async def end_all(database: Database, tenant: Tenant, *, now: Instant, ending: Ending) -> int:
    """End every session of a tenant, refuse every token issued and every sign-in of before; how many were active.

    Tokens are refused from the first write on. Raises Unavailable; what was ended stays ended.
    """

    async def refuse(unit: UnitOfWork) -> None:
        await sign_ins.stop(unit)
        for token_type in ("access", "refresh", sign_ins.SIGN_IN):
            await token_configs.refuse_issued(unit, None, token_type=token_type, reason=ending.reason, now=now)
        await events.tell_refused(unit, ["access", "refresh"], at=now, forget_at=to_text(from_text(now) + LONG))

    async def revoke_some(unit: UnitOfWork) -> int:
        locked = await unit.all(LOCK_SOME, now=now, limit=BATCH)
        return await session_revocation.revoke_locked(unit, locked, now=now, ending=ending)

    await database.write(tenant, refuse)
    total = 0
    while ended := await database.write(tenant, revoke_some):
        total += ended
    return total
