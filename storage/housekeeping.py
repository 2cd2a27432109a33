"""Housekeeping over all tenants, a little at a time: expired sessions are settled, what is kept no longer is purged.

Nothing depends on it for being right: status is decided when it is read. It keeps reads cheap and the file small.
"""

from domain.values import Tenant
from storage import statistics, tenants
from storage.database import Database
from storage.purging import purge_tenant
from storage.unit_of_work import UnitOfWork

BATCH = 200
"""Rows settled in one write: a few milliseconds, so that other writes hardly wait."""


async def settle_all(database: Database, now: str) -> int:
    """Settle what is due at `now` in every tenant; how many sessions were looked at.

    Safe in several processes at once. Raises Unavailable when the database does not answer; what was settled stays.
    """
    return sum([await _settle_tenant(database, tenant, now) for tenant in await _tenants(database)])


async def purge_all(database: Database, before: str, now: str) -> int:
    """Purge every tenant of what ended at `before` or earlier; how many sessions went. Raises Unavailable likewise."""
    return sum([await purge_tenant(database, tenant, before, now) for tenant in await _tenants(database)])


async def _tenants(database: Database) -> list[Tenant]:
    async with database.system() as unit:
        return [Tenant(row.id) for row in await tenants.all_tenants(unit)]


async def _settle_tenant(database: Database, tenant: Tenant, now: str) -> int:
    async def work(unit: UnitOfWork) -> int:
        return await statistics.settle(unit, now, BATCH)

    looked_at = 0
    while await database.read(tenant, lambda unit: statistics.is_anything_due(unit, now)):
        settled = await database.write(tenant, work)
        looked_at += settled
        if not settled:  # another process is at it
            break
    return looked_at
