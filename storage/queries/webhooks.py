"""Webhooks of a tenant, and what is to be sent to them.

Who is told of an event is decided in the order of events, by the endpoint's row alone: a delivery is written for each
event behind the endpoint's position, and the position moves on with it. A delivery names the event and copies nothing
of it, so that what is taken out of an event is not sent later.
"""

import json
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, func, literal_column, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from sojourn.domain.clock import Instant
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.queries.feed import EventRow
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.webhook_tables import DeliveryTable, WebhookTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

AT_ONCE = 500
"""So many events are handed to an endpoint in one write."""

_W = WebhookTable.__table__
_D = DeliveryTable.__table__
_E = EventTable.__table__
_OTHER = DeliveryTable.__table__.alias("other")
_TENANT: Any = bindparam("tenant")


class WebhookRow(NamedTuple):
    """An endpoint as it is stored. `events` is a JSON array of types, an empty one for all of them."""

    tenant_id: str
    id: str
    url: str
    events: str
    description: str | None
    created_at: str
    sealed_secret: str
    previous_secret: str | None
    previous_until: str | None
    position: int
    held_until: str | None
    disabled_at: str | None
    disabled_because: str | None

    @property
    def types(self) -> list[str]:
        """The types of events that are wanted; empty for all."""
        return list(json.loads(self.events))


class DeliveryRow(NamedTuple):
    """A delivery as it is stored. `attempts` is a JSON array."""

    id: str
    number: int
    type: str
    session_id: str | None
    created_at: str
    due_at: str | None
    tries: int
    delivered_at: str | None
    attempts: str | None


_COLUMNS = [_W.c[name] for name in WebhookRow._fields]
_DELIVERY = [_D.c[name] for name in DeliveryRow._fields]
_THIS = and_(_W.c.tenant_id == _TENANT, _W.c.id == bindparam("webhook_id"))
_ITS = and_(_D.c.tenant_id == _TENANT, _D.c.webhook_id == bindparam("webhook_id"))
_CONCERNS = or_(_E.c.tenant_id == _TENANT, _E.c.tenant_id == literal_column(f"'{EVERY_TENANT}'"))
_FIRST: dict[str, Any] = {"limit": bindparam("limit"), "offset": literal_column("0")}


def _given(name: str, column: Any) -> Any:
    return bindparam(name, type_=column.type)


def unblocked(delivery: Any, earlier: Any) -> ColumnElement[bool]:
    """No event of the same session that comes earlier waits for the same endpoint."""
    found: Any = select(literal_column("1")).select_from(earlier)
    blocking: ColumnElement[bool] = found.where(
        earlier.c.tenant_id == delivery.c.tenant_id,
        earlier.c.webhook_id == delivery.c.webhook_id,
        earlier.c.session_id == delivery.c.session_id,
        earlier.c.number < delivery.c.number,
        earlier.c.due_at.is_not(None),
    ).exists()
    return ~blocking


ADD = Statement(
    insert(_W).values(
        tenant_id=_TENANT, **{name: _given(name, _W.c[name]) for name in WebhookRow._fields if name != "tenant_id"}
    )
)
COUNT = Statement(select(func.count()).select_from(_W).where(_W.c.tenant_id == _TENANT))
FIND = Statement(select(*_COLUMNS).where(_THIS))
AFTER = Statement(
    select(*_COLUMNS)
    .where(_W.c.tenant_id == _TENANT, _W.c.id > bindparam("after"))
    .order_by(_W.c.id)
    .limit(_FIRST["limit"])
    .offset(_FIRST["offset"])
)
CHANGE = Statement(
    update(_W)
    .where(_THIS)
    .values(
        {
            name: _given(name, _W.c[name])
            for name in ("url", "events", "description", "position", "held_until", "disabled_at", "disabled_because")
        }
    )
)
DISABLE = Statement(
    update(_W)
    .where(_THIS, _W.c.disabled_at.is_(None))
    .values(disabled_at=_given("now", _W.c.disabled_at), disabled_because=bindparam("because"))
)
HOLD = Statement(update(_W).where(_THIS).values(held_until=_given("until", _W.c.held_until)))
ROTATE = Statement(
    update(_W)
    .where(_THIS)
    .values(
        previous_secret=_W.c.sealed_secret,
        sealed_secret=bindparam("sealed"),
        previous_until=_given("until", _W.c.previous_until),
    )
)
REMOVE = Statement(delete(_W).where(_THIS))
REMOVE_DELIVERIES = Statement(delete(_D).where(_ITS))
NEWEST = Statement(select(func.max(_E.c.number)).where(_E.c.tenant_id == _TENANT, _E.c.number > literal_column("0")))
NEWEST_OF_ALL = Statement(
    select(func.max(_E.c.number)).where(_E.c.tenant_id == bindparam("everybody"), _E.c.number > literal_column("0"))
)
NEW_EVENTS = Statement(
    select(_E.c.number, _E.c.id, _E.c.type, _E.c.session_id)
    .where(_CONCERNS, _E.c.number > bindparam("after"))
    .order_by(_E.c.number)
    .limit(_FIRST["limit"])
    .offset(_FIRST["offset"])
)
SINCE = Statement(
    select(_E.c.number, _E.c.id, _E.c.type, _E.c.session_id)
    .where(
        _CONCERNS,
        _E.c.number > bindparam("after"),
        _E.c.number <= bindparam("position"),
        _E.c.recorded_at >= bindparam("since"),
        _E.c.recorded_at <= bindparam("until"),
    )
    .order_by(_E.c.number)
    .limit(_FIRST["limit"])
    .offset(_FIRST["offset"])
)
ADVANCE = Statement(
    update(_W)
    .where(_THIS, _W.c.position == bindparam("before"), _W.c.disabled_at.is_(None))
    .values(position=bindparam("after"))
)
# A session whose end was told too early ends again, and its end has the same id: the second message is another one.
_taken: Any = select(literal_column("1")).select_from(_OTHER)
_is_taken = _taken.where(
    _OTHER.c.tenant_id == _TENANT,
    _OTHER.c.webhook_id == bindparam("webhook_id"),
    _OTHER.c.id == bindparam("id"),
    _OTHER.c.number != bindparam("number"),
).exists()
_values = {
    "tenant_id": _given("tenant", _D.c.tenant_id),
    "webhook_id": _given("webhook_id", _D.c.webhook_id),
    "id": case((_is_taken, _given("other_id", _D.c.id)), else_=_given("id", _D.c.id)),
    "number": _given("number", _D.c.number),
    "type": _given("type", _D.c.type),
    "session_id": _given("session_id", _D.c.session_id),
    "created_at": _given("now", _D.c.created_at),
    "due_at": _given("due_at", _D.c.due_at),
    "tries": literal_column("0"),
}
HAND_OVER = Statement(insert(_D).from_select(list(_values), select(*_values.values())).on_conflict_do_nothing())
AGAIN = Statement(
    update(_D)
    .where(_ITS, _D.c.number == bindparam("number"), _D.c.due_at.is_(None))
    .values(due_at=_given("now", _D.c.due_at), tries=literal_column("0"), delivered_at=null())
)
DUE = Statement(
    select(*_DELIVERY)
    .where(_ITS, _D.c.due_at <= bindparam("now"), unblocked(_D, _OTHER))
    .order_by(_D.c.due_at, _D.c.number)
    .limit(_FIRST["limit"])
    .offset(_FIRST["offset"])
)
RECALL = Statement(update(_D).where(_ITS, _D.c.due_at > bindparam("latest")).values(due_at=_given("now", _D.c.due_at)))
RESUME = Statement(
    update(_D)
    .where(_ITS, _D.c.due_at.is_not(None))
    .values(due_at=_given("now", _D.c.due_at), tries=literal_column("0"))
)
NOTE = Statement(
    update(_D)
    .where(_ITS, _D.c.id == bindparam("id"))
    .values(
        tries=bindparam("tries"),
        attempts=bindparam("attempts"),
        due_at=_given("due_at", _D.c.due_at),
        delivered_at=_given("delivered_at", _D.c.delivered_at),
    )
)
EVENT = Statement(
    select(*(_E.c[name] for name in EventRow._fields)).where(_CONCERNS, _E.c.number == bindparam("number"))
)
DELIVERY = Statement(select(*_DELIVERY).where(_ITS, _D.c.id == bindparam("id")))
_BEHIND = and_(_ITS, _D.c.number < bindparam("before"))
_STATES = {
    None: _BEHIND,
    "pending": and_(_BEHIND, _D.c.due_at.is_not(None)),
    "delivered": and_(_BEHIND, _D.c.delivered_at.is_not(None)),
    "failed": and_(_BEHIND, _D.c.due_at.is_(None), _D.c.delivered_at.is_(None)),
}


def _in_state(state: str | None) -> Statement:
    rows = select(*_DELIVERY).where(_STATES[state]).order_by(_D.c.number.desc())
    return Statement(rows.limit(bindparam("limit")).offset(literal_column("0")))


LIST, LIST_PENDING, LIST_DELIVERED, LIST_FAILED = map(_in_state, (None, "pending", "delivered", "failed"))
_LISTS = {None: LIST, "pending": LIST_PENDING, "delivered": LIST_DELIVERED, "failed": LIST_FAILED}


async def add(unit: UnitOfWork, row: WebhookRow) -> None:
    """Keep a new endpoint."""
    values = row._asdict()
    del values["tenant_id"]
    await unit.run(ADD, **values)


async def count(unit: UnitOfWork) -> int:
    """How many endpoints the tenant has."""
    return int(await unit.value(COUNT))


async def find(unit: UnitOfWork, webhook_id: str) -> WebhookRow | None:
    """An endpoint, or None."""
    row = await unit.one(FIND, webhook_id=webhook_id)
    return None if row is None else WebhookRow._make(row)


async def listed(unit: UnitOfWork, after: str, *, limit: int) -> list[WebhookRow]:
    """The endpoints behind an id, oldest first."""
    return [WebhookRow._make(row) for row in await unit.all(AFTER, after=after, limit=limit)]


async def change(unit: UnitOfWork, row: WebhookRow) -> None:
    """Store an endpoint that differs from what is stored in what may change."""
    await unit.run(
        CHANGE,
        webhook_id=row.id,
        url=row.url,
        events=row.events,
        description=row.description,
        position=row.position,
        held_until=row.held_until,
        disabled_at=row.disabled_at,
        disabled_because=row.disabled_because,
    )


async def disable(unit: UnitOfWork, webhook_id: str, *, because: str, now: Instant) -> bool:
    """Send nothing to an endpoint any more; False where nothing was sent before."""
    return await unit.run(DISABLE, webhook_id=webhook_id, because=because, now=now) == 1


async def hold(unit: UnitOfWork, webhook_id: str, *, until: Instant | None) -> None:
    """Send nothing to an endpoint before an instant."""
    await unit.run(HOLD, webhook_id=webhook_id, until=until)


async def rotate(unit: UnitOfWork, webhook_id: str, *, sealed: str, until: Instant) -> None:
    """Give an endpoint another secret; the present one signs beside it until an instant."""
    await unit.run(ROTATE, webhook_id=webhook_id, sealed=sealed, until=until)


async def remove(unit: UnitOfWork, webhook_id: str) -> bool:
    """Delete an endpoint with its deliveries; False where there is none."""
    gone = await unit.run(REMOVE, webhook_id=webhook_id) == 1
    await unit.run(REMOVE_DELIVERIES, webhook_id=webhook_id)
    return gone


async def newest(unit: UnitOfWork) -> int:
    """The number of the newest event that concerns the tenant; 0 where there is none."""
    found = [await unit.value(NEWEST), await unit.value(NEWEST_OF_ALL, everybody=EVERY_TENANT)]
    return max(number or 0 for number in found)


async def hand_over(unit: UnitOfWork, webhook: WebhookRow, *, now: Instant) -> WebhookRow:
    """Hand the next events to an endpoint, up to `AT_ONCE`; the endpoint with its new position.

    Where another process has just done it, or the endpoint was disabled, nothing is done.
    """
    rows = await unit.all(NEW_EVENTS, after=webhook.position, limit=AT_ONCE)
    if not rows:
        return webhook
    last = rows[-1][0]
    if not await unit.run(ADVANCE, webhook_id=webhook.id, before=webhook.position, after=last):
        return webhook
    await _hand(unit, webhook, rows=rows, now=now)
    return webhook._replace(position=last)


async def replay(
    unit: UnitOfWork, webhook: WebhookRow, *, since: Instant, until: Instant, now: Instant, after: int = 0
) -> tuple[int, int | None]:
    """Send events recorded within a period again, up to `AT_ONCE`; how many, and after which number to go on."""
    rows = await unit.all(SINCE, after=after, position=webhook.position, since=since, until=until, limit=AT_ONCE)
    wanted = await _hand(unit, webhook, rows=rows, now=now)
    for number in wanted:
        await unit.run(AGAIN, webhook_id=webhook.id, number=number, now=now)
    return len(wanted), rows[-1][0] if len(rows) == AT_ONCE else None


async def replay_one(unit: UnitOfWork, webhook_id: str, *, delivery_id: str, now: Instant) -> bool:
    """Send one event again; False where the endpoint was never told of it."""
    row = await unit.one(DELIVERY, webhook_id=webhook_id, id=delivery_id)
    if row is None:
        return False
    await unit.run(AGAIN, webhook_id=webhook_id, number=DeliveryRow._make(row).number, now=now)
    return True


async def due(unit: UnitOfWork, webhook_id: str, *, now: Instant, limit: int) -> list[DeliveryRow]:
    """What is to be sent now: of each session the oldest event alone."""
    rows = await unit.all(DUE, webhook_id=webhook_id, now=now, limit=limit)
    return [DeliveryRow._make(row) for row in rows]


async def recall(unit: UnitOfWork, webhook_id: str, *, now: Instant, latest: Instant) -> None:
    """What waits beyond `latest` was put there by a clock that was ahead: it is due now."""
    await unit.run(RECALL, webhook_id=webhook_id, now=now, latest=latest)


async def resume(unit: UnitOfWork, webhook_id: str, *, now: Instant) -> None:
    """What waits is due now, with all of its tries."""
    await unit.run(RESUME, webhook_id=webhook_id, now=now)


async def note(unit: UnitOfWork, webhook_id: str, *, row: DeliveryRow) -> None:
    """Write down what became of an attempt."""
    await unit.run(
        NOTE,
        webhook_id=webhook_id,
        id=row.id,
        tries=row.tries,
        attempts=row.attempts,
        due_at=row.due_at,
        delivered_at=row.delivered_at,
    )


async def event(unit: UnitOfWork, number: int) -> EventRow | None:
    """The event with a number, where it concerns the tenant; None when it is not kept any more."""
    row = await unit.one(EVENT, number=number)
    return None if row is None else EventRow._make(row)


async def deliveries(
    unit: UnitOfWork, webhook_id: str, *, state: str | None, before: int, limit: int
) -> list[DeliveryRow]:
    """Deliveries of an endpoint below a number, newest first: all of them, or those in one state."""
    rows = await unit.all(_LISTS[state], webhook_id=webhook_id, before=before, limit=limit)
    return [DeliveryRow._make(row) for row in rows]


async def _hand(unit: UnitOfWork, webhook: WebhookRow, *, rows: list[Any], now: Instant) -> list[int]:
    """Write a delivery for each event of a type that the endpoint wants; their numbers."""
    types = webhook.types
    wanted = [row for row in rows if not types or row[2] in types]
    values = [
        {
            "webhook_id": webhook.id,
            "number": number,
            "id": event_id,
            "other_id": f"{event_id}_{number}",
            "type": kind,
            "session_id": session_id,
            "now": now,
            "due_at": now,
        }
        for number, event_id, kind, session_id in wanted
    ]
    if values:
        await unit.run_many(HAND_OVER, values)
    return [row[0] for row in wanted]
