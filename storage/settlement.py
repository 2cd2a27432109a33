"""Settling every tenant's expired sessions, a little at a time, so that asking for numbers stays cheap."""

from domain.values import Tenant
from storage import statistics, tenants
from storage.database import Database
from storage.unit_of_work import UnitOfWork

BATCH = 200
"""Rows settled in one write: a few milliseconds, so that other writes hardly wait."""


async def settle_all(database: Database, now: str) -> int:
    """Settle what is due at `now` in every tenant; how many sessions were looked at.

    Safe in several processes at once. Raises Unavailable when the database does not answer; what was settled stays.
    """
    async with database.system() as unit:
        known = await tenants.all_tenants(unit)
    return sum([await _settle_tenant(database, Tenant(row.id), now) for row in known])


async def _settle_tenant(database: Database, tenant: Tenant, now: str) -> int:
    async def work(unit: UnitOfWork) -> int:
        return await statistics.settle(unit, now, BATCH)

    looked_at = 0
    while await database.read(tenant, lambda unit: statistics.is_anything_due(unit, now)):
        looked_at += await database.write(tenant, work)
    return looked_at
