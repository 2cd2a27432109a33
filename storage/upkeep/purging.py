"""Purging: deletes what is past its retention, in writes so small that other requests hardly notice.

Sessions are deleted with what hangs on them; the counters of `sojourn.storage.queries.statistics` follow, so that
numbers and lists agree before, during and after.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import first_uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import blacklist, kept_answers, revocation_plans, sign_ins, tokens
from sojourn.storage.queries.session_deletion import LEAVING, delete_sessions
from sojourn.storage.queries.session_states import ENDED
from sojourn.storage.schema.tables import SessionTable, TrustedDeviceTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

BATCH = 500
"""Rows deleted in one write: some ten milliseconds."""

_S = SessionTable.__table__
_D = TrustedDeviceTable.__table__
_TENANT: Any = bindparam("tenant")
_BEFORE: Any = bindparam("before")

# Ids sort by creation, and nothing ends before it began: the key's own range holds all there is to look at.
# Locked first, so that one and the same set of sessions leaves all tables; another purge takes the next ones.
LOCK_ENDED = Statement(
    select(*LEAVING)
    .where(_S.c.tenant_id == _TENANT, _S.c.id < bindparam("created_before"), ENDED)
    .order_by(_S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
    .with_for_update(skip_locked=True)
)
PURGE_DEVICES = Statement(
    delete(_D).where(
        _D.c.tenant_id == _TENANT,
        _D.c.id.in_(
            select(_D.c.id)
            .where(_D.c.tenant_id == _TENANT, _D.c.trusted_until <= _BEFORE)
            .order_by(_D.c.id)
            .limit(bindparam("limit"))
            .offset(literal_column("0"))
        ),
    )
)


async def purge_sessions(unit: UnitOfWork, before: Instant, *, limit: int, now: Instant | None = None) -> int:
    """Delete up to `limit` sessions of the tenant that ended at `before` or earlier; how many went.

    `now` is when the ends are told that nobody has settled, `before` unless it is given.
    """
    gone = await unit.all(LOCK_ENDED, before=before, created_before=first_uuid7(before), limit=limit)
    await delete_sessions(unit, gone, now=now or before)
    return len(gone)


async def purge_tenant(
    database: Database,
    tenant: Tenant,
    *,
    before: Instant,
    now: Instant,
    note: Callable[[UnitOfWork], Awaitable[None]] | None = None,
) -> int:
    """Delete everything of a tenant that is past its retention, one batch per write. Returns how many sessions.

    Sessions that ended at `before` or earlier; tokens, presented ones too, blacklist entries, kept answers and trust
    that are over `now`. Safe in several processes at once. Raises Unavailable; what was deleted stays deleted. `note`
    writes down who wanted it, last in the first of the transactions.
    """
    is_noted = note is None

    async def some_sessions(unit: UnitOfWork) -> int:
        gone = await purge_sessions(unit, before, limit=BATCH, now=now)
        if note is not None and not is_noted:
            await note(unit)
        return gone

    async def some_tokens(unit: UnitOfWork) -> int:
        return await tokens.purge(unit, before, limit=BATCH)

    async def some_entries(unit: UnitOfWork) -> int:
        return await blacklist.purge(unit, now, limit=BATCH)

    async def some_devices(unit: UnitOfWork) -> int:
        return await unit.run(PURGE_DEVICES, before=before, limit=BATCH)

    sessions = 0
    for some in (some_sessions, some_tokens, some_entries, some_devices):
        while gone := await database.write(tenant, some):
            is_noted = True
            sessions += gone if some is some_sessions else 0
            if gone < BATCH:
                break
    await purge_remembered(database, tenant, now=now)
    return sessions


async def purge_remembered(database: Database, tenant: Tenant, *, now: Instant) -> None:
    """Delete answers, presented tokens and plans that are remembered no longer, a batch per write.

    Raises Unavailable; what was deleted stays so.
    """

    async def some_answers(unit: UnitOfWork) -> int:
        return await kept_answers.purge(unit, now, limit=BATCH)

    async def some_presented(unit: UnitOfWork) -> int:
        return await sign_ins.purge(unit, now, limit=BATCH)

    async def old_plans(unit: UnitOfWork) -> int:
        return await revocation_plans.purge(unit, now)

    for some in (some_answers, some_presented, old_plans):
        while await database.write(tenant, some) == BATCH:
            pass
