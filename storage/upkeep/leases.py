"""Leases: locks with an end, for work that one process at a time does."""

from sqlalchemy import bindparam, delete, or_
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.storage.database import Database
from sojourn.storage.schema.tables import LeaseTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit

_L = LeaseTable.__table__

_offer = insert(_L).values(name=bindparam("name"), holder=bindparam("holder"), held_until=bindparam("until"))
TAKE = Statement(
    _offer.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": _offer.excluded.holder, "held_until": _offer.excluded.held_until},
        where=or_(
            _L.c.held_until <= bindparam("now"),
            _L.c.holder == _offer.excluded.holder,
            _L.c.held_until > bindparam("latest"),
        ),
    )
)

GIVE_BACK = Statement(delete(_L).where(_L.c.name == bindparam("name"), _L.c.holder == bindparam("holder")))


async def take(database: Database, name: str, *, holder: str, now: Instant, until: Instant) -> bool:
    """Take a lease, or keep it longer; False while another process holds it. Raises Unavailable.

    A holder that is gone loses it at `until`. If clocks differ two holders are possible, so the work must be safe to
    do twice. A lease that ends later than any could was given by a clock that was ahead: it counts as over.
    """
    latest = to_text(from_text(until) + (from_text(until) - from_text(now)))

    async def work(unit: SystemUnit) -> bool:
        return await unit.run(TAKE, name=name, holder=holder, until=until, now=now, latest=latest) == 1

    return await database.write_system(work)


async def give_back(database: Database, name: str, *, holder: str) -> None:
    """End a lease before its time, so that another process need not wait. Raises Unavailable."""

    async def work(unit: SystemUnit) -> None:
        await unit.run(GIVE_BACK, name=name, holder=holder)

    await database.write_system(work)
