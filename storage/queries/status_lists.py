"""Status lists: which there are, who stands where in them, and which of those are refused."""

import secrets
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.queries.feed import OF_LIVE
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.status_tables import StatusListTable, StatusPositionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

_L = StatusListTable.__table__
_P = StatusPositionTable.__table__
_E = EventTable.__table__
_NAME = "sessions"


class StatusList(NamedTuple):
    """A list as it is stored. `secret` are hexadecimal digits."""

    id: str
    of_tenant: str
    week: str
    block: int
    secret: str


class Refusal(NamedTuple):
    """An event that refuses a session which stands in a list. `status_index` has the block before the place.

    `data` is the JSON text of the event.
    """

    session_id: str
    type: str
    status_index: int
    data: str | None


_COLUMNS = [_L.c[name] for name in StatusList._fields]
_take = insert(_P).values(name=bindparam("name"), next=bindparam("count"))
TAKE = Statement(
    _take.on_conflict_do_update(index_elements=["name"], set_={"next": _P.c.next + bindparam("count")}).returning(
        _P.c.next
    )
)
MAKE = Statement(
    insert(_L)
    .values(created_at=bindparam("created_at"), **{name: bindparam(name) for name in StatusList._fields})
    .on_conflict_do_nothing()
)
FIND = Statement(
    select(*_COLUMNS).where(
        _L.c.of_tenant == bindparam("of_tenant"), _L.c.week == bindparam("week"), _L.c.block == bindparam("block")
    )
)
GET = Statement(select(*_COLUMNS).where(_L.c.id == bindparam("id")))
ALL = Statement(select(_L.c.id, _L.c.week).order_by(_L.c.id))
RETIRE = Statement(delete(_L).where(_L.c.week < bindparam("week")))
REFUSED = Statement(
    select(*[_E.c[name] for name in Refusal._fields]).where(OF_LIVE, _E.c.status_index.is_not(None)), plans_anew=True
)


async def take_positions(unit: SystemUnit, count: int) -> int:
    """Take `count` positions that nobody else has or will have; the first of them."""
    row = await unit.one(TAKE, name=_NAME, count=count)
    if row is None:
        raise RuntimeError("an insertion that returns a row returned none")
    return int(row[0]) - count


async def ensure(unit: SystemUnit, tenant: str, *, week: str, block: int, now: Instant) -> StatusList:
    """The list of a tenant for a week, made when it is new."""
    found = await find(unit, tenant, week=week, block=block)
    if found is not None:
        return found
    new = StatusList(
        id=secrets.token_urlsafe(16), of_tenant=tenant, week=week, block=block, secret=secrets.token_hex(16)
    )
    await unit.run(MAKE, created_at=now, **new._asdict())
    return await find(unit, tenant, week=week, block=block) or new


async def find(unit: SystemUnit, tenant: str, *, week: str, block: int) -> StatusList | None:
    """That list, or None."""
    row = await unit.one(FIND, of_tenant=tenant, week=week, block=block)
    return None if row is None else StatusList._make(row)


async def get(unit: SystemUnit, key: str) -> StatusList | None:
    """A list by its id, or None."""
    row = await unit.one(GET, id=key)
    return None if row is None else StatusList._make(row)


async def weeks_of_all(unit: SystemUnit) -> list[tuple[str, str]]:
    """Every list: its id and its week."""
    return [(row[0], row[1]) for row in await unit.all(ALL)]


async def retire(unit: SystemUnit, before: str) -> int:
    """Delete the lists of weeks before one; how many went."""
    return await unit.run(RETIRE, week=before)


async def refused(unit: UnitOfWork, instant: Instant) -> list[Refusal]:
    """What refuses sessions of the tenant whose tokens may not have expired at an instant."""
    return [Refusal._make(row) for row in await unit.all(REFUSED, instant=instant)]
