"""Ending every session of a tenant at once: after a backup was restored, or when tokens may have leaked.

A restored backup knows nothing of what was revoked since it was made. Every token that was issued so far is refused by
one row a type; the sessions follow in batches.
"""

from sqlalchemy import and_, bindparam, literal_column, select, update

from domain.values import Tenant
from storage import statistics, token_configs
from storage.database import Database
from storage.session_states import ACTIVE, NOW
from storage.statements import Statement
from storage.tables import SessionTable
from storage.unit_of_work import UnitOfWork

BATCH = 500

_S = SessionTable.__table__
_ACTIVE_HERE = and_(_S.c.tenant_id == bindparam("tenant"), ACTIVE)
REVOKE_SOME = Statement(
    update(_S)
    .where(
        _ACTIVE_HERE,
        _S.c.id.in_(
            select(_S.c.id).where(_ACTIVE_HERE).order_by(_S.c.id).limit(bindparam("limit")).offset(literal_column("0"))
        ),
    )
    .values(revoked_at=NOW, revoked_by=bindparam("by"), revoke_reason=bindparam("reason"), due_at=bindparam("nothing"))
)


async def end_all(database: Database, tenant: Tenant, now: str, by: str, reason: str) -> int:
    """End every session of a tenant and refuse every token issued up to `now`; how many sessions were active.

    Tokens are refused from the first write on. Raises Unavailable; what was ended stays ended.
    """

    async def refuse(unit: UnitOfWork) -> None:
        for token_type in ("access", "refresh"):
            await token_configs.refuse_issued(unit, None, token_type, reason, now)

    async def revoke_some(unit: UnitOfWork) -> int:
        ended = await unit.run(REVOKE_SOME, now=now, by=by, reason=reason, nothing=None, limit=BATCH)
        await statistics.count_ended(unit, "revoked", ended)
        return ended

    await database.write(tenant, refuse)
    total = 0
    while ended := await database.write(tenant, revoke_some):
        total += ended
    return total
