"""Tenants: created on first use or by an operator, never removed."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy import exists as any_row
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.errors import TenantLimitReached
from sojourn.domain.ids import TenantId
from sojourn.storage.schema.tables import TenantTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

_T = TenantTable.__table__


class TenantRow(NamedTuple):
    """A tenant as it is stored."""

    id: TenantId
    name: str | None
    created_at: Instant


EXISTS = Statement(select(literal_column("1")).select_from(_T).where(_T.c.id == bindparam("tenant")))
ENSURE = Statement(insert(_T).values(id=bindparam("tenant"), created_at=bindparam("now")).on_conflict_do_nothing())
ADD = Statement(
    insert(_T).values(id=bindparam("id"), name=bindparam("name"), created_at=bindparam("now")).on_conflict_do_nothing()
)
ALL = Statement(select(_T.c.id, _T.c.name, _T.c.created_at).order_by(_T.c.id))
AFTER = Statement(
    select(_T.c.id, _T.c.name, _T.c.created_at)
    .where(_T.c.id > bindparam("after"))
    .order_by(_T.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
FIND = Statement(select(_T.c.id, _T.c.name, _T.c.created_at).where(_T.c.id == bindparam("id")))
COUNT = Statement(select(func.count()).select_from(_T))
ANY = Statement(select(any_row(_T.c.id)))


async def exists(unit: UnitOfWork) -> bool:
    """Whether the unit's tenant has a row."""
    return await unit.one(EXISTS) is not None


async def ensure(unit: UnitOfWork, now: Instant, *, limit: int | None = None) -> None:
    """Make the unit's tenant if it is new. Raises TenantLimitReached when there are then more than `limit`.

    Only a transaction that makes a tenant waits for others that do: concurrent first writes never make more.
    """
    if not await unit.run(ENSURE, now=now) or limit is None:
        return
    await unit.alone("tenants")
    found = await unit.system().one(COUNT)
    if found is not None and found[0] > limit:
        raise TenantLimitReached(limit=limit, tenant=unit.tenant.id)


async def add(unit: SystemUnit, tenant_id: TenantId, *, name: str | None, now: Instant) -> bool:
    """Make a tenant; False when it exists already."""
    return await unit.run(ADD, id=tenant_id, name=name, now=now) == 1


async def all_tenants(unit: SystemUnit) -> list[TenantRow]:
    """Every tenant, by id."""
    return [TenantRow._make(row) for row in await unit.all(ALL)]


async def tenants_after(unit: SystemUnit, after: str, *, limit: int) -> list[TenantRow]:
    """The tenants behind the id `after`, by id."""
    return [TenantRow._make(row) for row in await unit.all(AFTER, after=after, limit=limit)]


async def find(unit: SystemUnit, tenant_id: str) -> TenantRow | None:
    """A tenant, or None."""
    row = await unit.one(FIND, id=tenant_id)
    return None if row is None else TenantRow._make(row)
