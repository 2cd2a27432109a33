"""Purging: what ended longer ago than it is kept leaves, in small writes that other requests hardly notice.

Sessions are deleted with what hangs on them; the counters of `storage.statistics` follow, so that numbers and
lists agree before, during and after.
"""

from collections import Counter
from typing import Any

from sqlalchemy import and_, bindparam, delete, literal_column, or_, select

from domain.ids import first_uuid7
from domain.values import Tenant
from storage import blacklist, statistics, tokens
from storage.database import Database
from storage.statements import Statement
from storage.tables import SessionTable, TrustedDeviceTable
from storage.token_tables import SessionTokenTable, SessionUsageTable
from storage.unit_of_work import UnitOfWork

BATCH = 500
"""Rows deleted in one write: some ten milliseconds."""

_S = SessionTable.__table__
_D = TrustedDeviceTable.__table__
_TENANT: Any = bindparam("tenant")
_BEFORE: Any = bindparam("before")

ENDED = or_(
    _S.c.revoked_at <= _BEFORE,
    and_(_S.c.revoked_at.is_(None), or_(_S.c.expires_at <= _BEFORE, _S.c.idle_expires_at <= _BEFORE)),
)
# Ids sort by creation, and nothing ends before it began: the key's own range holds all there is to look at.
_ENDED_IDS = (
    select(_S.c.id)
    .where(_S.c.tenant_id == _TENANT, _S.c.id < bindparam("created_before"), ENDED)
    .order_by(_S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)


def _of_ended(table: Any) -> Statement:
    return Statement(delete(table).where(table.c.tenant_id == _TENANT, table.c.session_id.in_(_ENDED_IDS)))


PURGE_USAGE = _of_ended(SessionUsageTable.__table__)
PURGE_REFRESH_STATES = _of_ended(SessionTokenTable.__table__)
PURGE_SESSIONS = Statement(
    delete(_S)
    .where(_S.c.tenant_id == _TENANT, _S.c.id.in_(_ENDED_IDS))
    .returning(_S.c.device_type, _S.c.revoked_at, _S.c.due_at)
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


async def purge_sessions(unit: UnitOfWork, before: str, limit: int) -> int:
    """Delete up to `limit` sessions of the tenant that ended at `before` or earlier; how many went."""
    wanted = {"before": before, "created_before": first_uuid7(before), "limit": limit}
    await unit.run(PURGE_USAGE, **wanted)
    await unit.run(PURGE_REFRESH_STATES, **wanted)
    gone = await unit.all(PURGE_SESSIONS, **wanted)
    for device_type, count in Counter(device for device, _, _ in gone).items():
        await statistics.count_created(unit, device_type, -count)
    await statistics.count_ended(unit, "revoked", -sum(revoked_at is not None for _, revoked_at, _ in gone))
    settled = sum(revoked_at is None and due_at is None for _, revoked_at, due_at in gone)
    await statistics.count_ended(unit, "expired", -settled)
    return len(gone)


async def purge_tenant(database: Database, tenant: Tenant, before: str, now: str) -> int:
    """Delete all of a tenant that is kept no longer, a batch a write; how many sessions went.

    Sessions that ended at `before` or earlier; tokens, blacklist entries and trust that are over `now`.
    Safe in several processes at once. Raises Unavailable; what was deleted stays deleted.
    """

    async def some_sessions(unit: UnitOfWork) -> int:
        return await purge_sessions(unit, before, BATCH)

    async def some_tokens(unit: UnitOfWork) -> int:
        return await tokens.purge(unit, before, BATCH)

    async def some_entries(unit: UnitOfWork) -> int:
        return await blacklist.purge(unit, now, BATCH)

    async def some_devices(unit: UnitOfWork) -> int:
        return await unit.run(PURGE_DEVICES, before=before, limit=BATCH)

    sessions = 0
    for some in (some_sessions, some_tokens, some_entries, some_devices):
        while gone := await database.write(tenant, some):
            sessions += gone if some is some_sessions else 0
            if gone < BATCH:
                break
    return sessions
