"""Events get their numbers once they are committed: densely, so that a reader who has seen one has seen all before it.

A number that a transaction took for itself would be passed by the numbers of transactions that end earlier, and a
reader who goes on from those would never see it. A waiting row has a place from a sequence instead. Whatever another
event follows was committed before that one was written: so places keep causes before effects, and nothing more is
asked of them.
"""

from sqlalchemy import and_, func, literal_column, select, update

from sojourn.storage.postgres.runner import PostgresRunner
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.statements import Statement

BATCH = 1000
_LOCK = 0x736F6A6576656E74  # a number of ours: one process at a time
_TRY = f"SELECT pg_try_advisory_xact_lock({_LOCK})::int"
_WAIT = f"SELECT (pg_advisory_xact_lock({_LOCK}) IS NOT NULL)::int"

_E = EventTable.__table__
_highest = select(func.coalesce(func.max(_E.c.number), literal_column("0"))).scalar_subquery()
_waiting = (
    select(
        _E.c.tenant_id,
        _E.c.id,
        (_highest + func.row_number().over(order_by=_E.c.place)).label("position"),
    )
    .where(_E.c.number.is_(None))
    .order_by(_E.c.place)
    .limit(literal_column(str(BATCH)))
    .offset(literal_column("0"))
    .subquery()
)
NUMBER = Statement(
    update(_E)
    .where(and_(_E.c.tenant_id == _waiting.c.tenant_id, _E.c.id == _waiting.c.id))
    .values(number=_waiting.c.position)
)


async def number(runner: PostgresRunner, *, wait: bool) -> int | None:
    """Number up to `BATCH` events; how many were. None while another process does it and this one is not to `wait`.

    The statement that numbers sees what was committed before it began: all that the other process numbered, too.
    """
    await runner.execute(f"SET LOCAL sojourn.tenant = '{EVERY_TENANT}'")
    ((is_alone,),) = await runner.fetch(_WAIT if wait else _TRY)
    return await runner.run(NUMBER, {}) if is_alone else None
