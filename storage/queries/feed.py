"""Events, read in the one order that they have: after a number, up to another.

A cursor is such a number in the database's present epoch. It grows with every event, and nothing ever appears behind
it. A unit for a tenant reads what concerns the tenant; a unit for `EVERY_TENANT` reads everything.
"""

import hashlib
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from sojourn.domain.clock import Instant
from sojourn.domain.cursors import EPOCH_DIGITS
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.storage.queries import epochs
from sojourn.storage.queries.epochs import present_epoch
from sojourn.storage.queries.events import EVENT_TYPES, EVERY_TENANT
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

EVERYBODY = Tenant(TenantId(EVERY_TENANT))
"""Whose unit reads the events of all tenants. It finds no row of any other table."""
_E = EventTable.__table__
_TENANT: Any = bindparam("tenant")


class EventRow(NamedTuple):
    """An event as it is stored. `data` is a JSON text, instants are in text form."""

    number: int
    id: str
    tenant_id: str
    type: str
    occurred_at: str
    session_id: str | None
    user_id: str | None
    app_id: str | None
    reason_code: str | None
    reason: str | None
    initiated_by: str | None
    actor: str | None
    forget_at: str | None
    data: str | None


class LiveRow(NamedTuple):
    """What a verifier of tokens must know of an event."""

    number: int
    tenant_id: str
    type: str
    forget_at: str
    session_id: str | None
    user_id: str | None
    data: str | None
    occurred_at: str
    reason_code: str | None


class Ends(NamedTuple):
    """The oldest event that is kept and the newest, by number; 0 where there is none. `as_of` is the newest's instant.

    `epoch` is the part of a cursor that tells this database from others. `is_any_waiting`: events that were committed
    have no number yet.
    """

    oldest: int
    newest: int
    as_of: str | None
    epoch: str
    is_any_waiting: bool


_COLUMNS = [_E.c[name] for name in EventRow._fields]
_BETWEEN = and_(_E.c.number > bindparam("after"), _E.c.number <= bindparam("until"))
_TYPES = [f"type_{number}" for number in range(len(EVENT_TYPES))]
_OF_TYPES = or_(*(_E.c.type == bindparam(name) for name in _TYPES))
_EVERYBODYS = _E.c.tenant_id == literal_column(f"'{EVERY_TENANT}'")


def _first(rows: Any, number: Any) -> Any:
    return rows.order_by(number).limit(bindparam("limit")).offset(literal_column("0"))


def in_order(columns: list[Any], *wanted: ColumnElement[bool]) -> Statement:
    """The first `:limit` events for `:tenant`, in their order. `columns` has the number.

    Its own and those of all tenants are each read in order, up to the limit: one index cannot do both, and whatever
    sorts them reads all that there are.
    """
    parts = [
        _first(select(*columns).where(whose, *wanted), _E.c.number).subquery(name)
        for name, whose in (("own", _E.c.tenant_id == _TENANT), ("everybodys", _EVERYBODYS))
    ]
    return Statement(_first(union_all(*map(select, parts)), literal_column("number")))


READ = in_order(_COLUMNS, _BETWEEN, _OF_TYPES)
READ_ALL = Statement(_first(select(*_COLUMNS).where(_BETWEEN, _OF_TYPES), _E.c.number))
_newest = select(func.max(_E.c.number)).scalar_subquery()
ENDS = Statement(
    select(
        select(func.min(_E.c.number)).scalar_subquery(),
        _newest,
        select(_E.c.recorded_at).where(_E.c.number == _newest).scalar_subquery(),
        present_epoch(),
        epochs.first_epoch(),
        select(literal_column("1")).select_from(_E).where(_E.c.number.is_(None)).exists(),
    )
)
NEXT = Statement(
    select(_E.c.recorded_at)
    .where(_E.c.number > bindparam("after"))
    .order_by(_E.c.number)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
FIRST_SINCE = Statement(
    select(_E.c.number)
    .where(_E.c.number > literal_column("0"), _E.c.recorded_at >= bindparam("since"))
    .order_by(_E.c.number)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
# Found by when it may be forgotten, never by tenant or number: those indexes have all that was ever told.
_LIVE = _E.c.forget_at > bindparam("instant")
_CONCERNS_BESIDES = func.coalesce(_E.c.tenant_id, literal_column("''")).in_(
    [_TENANT, literal_column(f"'{EVERY_TENANT}'")]
)
OF_LIVE = and_(_LIVE, _CONCERNS_BESIDES)
"""The events for a tenant that are not to be forgotten at the instant `:instant`."""
_LIVE_COLUMNS = [_E.c[name] for name in LiveRow._fields]
LIVE = Statement(select(*_LIVE_COLUMNS).where(OF_LIVE), plans_anew=True)
LIVE_OF_ALL = Statement(select(*_LIVE_COLUMNS).where(_LIVE), plans_anew=True)
OLDEST = Statement(
    select(_E.c.number, _E.c.recorded_at, _E.c.forget_at)
    .where(_E.c.number > literal_column("0"))
    .order_by(_E.c.number)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
TENANTS = Statement(select(_E.c.tenant_id).distinct().where(_BETWEEN))
FORGET = Statement(delete(_E).where(_E.c.number <= bindparam("until")))


async def ends(unit: UnitOfWork) -> Ends:
    """Where the events that are kept begin and end; the unit is everybody's."""
    row = await unit.one(ENDS)
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    oldest, newest, as_of, present, first, waiting = row
    epoch = hashlib.sha256(f"{first}\0{present}".encode()).hexdigest()[:EPOCH_DIGITS]
    return Ends(oldest=oldest or 0, newest=newest or 0, as_of=as_of, epoch=epoch, is_any_waiting=bool(waiting))


async def is_kept(unit: UnitOfWork, after: int, *, since: Instant) -> bool:
    """Whether all events after a number were recorded at `since` or later; the unit is everybody's."""
    recorded_at = await unit.value(NEXT, after=after)
    return recorded_at is None or recorded_at >= since


async def before_first(unit: UnitOfWork, since: Instant) -> int | None:
    """The number before the first event recorded at `since` or later; None where there is no such event."""
    first = await unit.value(FIRST_SINCE, since=since)
    return None if first is None else first - 1


async def read(unit: UnitOfWork, types: frozenset[str], *, after: int, until: int, limit: int) -> list[EventRow]:
    """Up to `limit` events of some types with numbers after one and up to another, in their order."""
    wanted = sorted(types) or list(EVENT_TYPES)
    named = {name: wanted[min(number, len(wanted) - 1)] for number, name in enumerate(_TYPES)}
    statement = READ_ALL if unit.tenant == EVERYBODY else READ
    return [EventRow._make(row) for row in await unit.all(statement, after=after, until=until, limit=limit, **named)]


async def tenants_between(unit: UnitOfWork, *, after: int, until: int) -> list[TenantId]:
    """The tenants of the events with numbers after one and up to another; the unit is everybody's."""
    return [TenantId(row[0]) for row in await unit.all(TENANTS, after=after, until=until) if row[0] != EVERY_TENANT]


async def live(unit: UnitOfWork, *, until: int, instant: str) -> list[LiveRow]:
    """The events up to a number that a verifier of tokens must still know at an instant, in their order."""
    statement = LIVE_OF_ALL if unit.tenant == EVERYBODY else LIVE
    found = [row for row in await unit.all(statement, instant=instant) if row[0] is not None and row[0] <= until]
    found.sort(key=itemgetter(0))
    return list(map(LiveRow._make, found))


async def forget(unit: UnitOfWork, before: str, *, now: str, limit: int, unsent: int | None = None) -> int:
    """Delete up to `limit` of the oldest events, all recorded before an instant; how many went.

    What a verifier must still know is kept with all that came after it, and so is `unsent`, an event by its number. The
    newest stays: numbers go on from it.
    The unit is everybody's.
    """
    gone = 0
    for number, recorded_at, forget_at in (await unit.all(OLDEST, limit=limit + 1))[:-1]:
        if recorded_at > before or (forget_at is not None and forget_at > now) or number == unsent:
            break
        gone = number
    return await unit.run(FORGET, until=gone) if gone else 0


def ends_not_told(rows: Iterable[Row], *, number: int, instant: Instant) -> list[LiveRow]:
    """Sessions whose end was not told yet, as if it had been told under a number.

    A row has the tenant, the session, its user, when it ended, the reason code, and until when tokens of it are good.
    Those are left out that have none good after `instant`.
    """
    return [
        LiveRow(
            number=number,
            tenant_id=of,
            type="session.ended",
            forget_at=until,
            session_id=key,
            user_id=user_id,
            data=None,
            occurred_at=since,
            reason_code=code,
        )
        for of, key, user_id, since, code, until in rows
        if until is not None and until > instant
    ]
