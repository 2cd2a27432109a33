"""What is to be sent to the endpoints of a tenant, and what became of it.

Who is told of an event is decided in the order of events, by the endpoint's row alone: a delivery is written for each
event behind the endpoint's position, and the position moves on with it. A delivery names the event and copies nothing
of it, so that what is taken out of an event is not sent later.
"""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, literal_column, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from sojourn.domain.clock import Instant
from sojourn.storage.queries import webhooks
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.queries.feed import EventRow, in_order
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.webhook_tables import DeliveryTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

AT_ONCE = 500
"""So many events are handed to an endpoint in one write."""

_D = DeliveryTable.__table__
_E = EventTable.__table__
_OTHER = DeliveryTable.__table__.alias("other")
_TENANT: Any = bindparam("tenant")


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


_DELIVERY = [_D.c[name] for name in DeliveryRow._fields]
_ITS = and_(_D.c.tenant_id == _TENANT, _D.c.webhook_id == bindparam("webhook_id"))
_CONCERNS = or_(_E.c.tenant_id == _TENANT, _E.c.tenant_id == literal_column(f"'{EVERY_TENANT}'"))


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


_TO_HAND_OVER = [_E.c.number, _E.c.id, _E.c.type, _E.c.session_id, _E.c.app_id]
NEW_EVENTS = in_order(_TO_HAND_OVER, _E.c.number > bindparam("after"))
SINCE = in_order(
    _TO_HAND_OVER,
    _E.c.number > bindparam("after"),
    _E.c.number <= bindparam("position"),
    _E.c.recorded_at >= bindparam("since"),
    _E.c.recorded_at <= bindparam("until"),
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


def _due(when: ColumnElement[bool]) -> Statement:
    rows = select(*_DELIVERY).where(_ITS, when, unblocked(_D, _OTHER)).order_by(_D.c.due_at, _D.c.number)
    return Statement(rows.limit(bindparam("limit")).offset(literal_column("0")))


DUE, DUE_TOO_LATE = _due(_D.c.due_at <= bindparam("now")), _due(_D.c.due_at > bindparam("latest"))
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


async def has_new(unit: UnitOfWork, webhook: WebhookRow) -> bool:
    """Whether events are behind the endpoint's position."""
    return bool(await unit.all(NEW_EVENTS, after=webhook.position, limit=1))


async def hand_over(unit: UnitOfWork, webhook: WebhookRow, *, now: Instant) -> WebhookRow:
    """Hand the next events to an endpoint, up to `AT_ONCE`; the endpoint with its new position.

    Where another process has just done it, or the endpoint was disabled, nothing is done.
    """
    rows = await unit.all(NEW_EVENTS, after=webhook.position, limit=AT_ONCE)
    if not rows:
        return webhook
    last = rows[-1][0]
    if not await webhooks.advance(unit, webhook, after=last):
        return webhook
    await _hand(unit, webhook, rows=rows, now=now)
    return webhook._replace(position=last)


async def decided(unit: UnitOfWork, webhook: WebhookRow, *, now: Instant) -> WebhookRow:
    """Hand over every event that there is, to an endpoint that is not disabled; the endpoint with its new position."""
    while webhook.disabled_at is None:
        moved = await hand_over(unit, webhook, now=now)
        if moved.position == webhook.position:
            break
        webhook = moved
    return webhook


async def replay(unit: UnitOfWork, webhook: WebhookRow, *, since: Instant, until: Instant, now: Instant) -> int:
    """Send events again that were recorded within a period; how many."""
    count, after = 0, 0
    while rows := await unit.all(
        SINCE, after=after, position=webhook.position, since=since, until=until, limit=AT_ONCE
    ):
        wanted = await _hand(unit, webhook, rows=rows, now=now)
        await unit.run_many(AGAIN, [{"webhook_id": webhook.id, "number": number, "now": now} for number in wanted])
        count, after = count + len(wanted), rows[-1][0]
    return count


async def replay_one(unit: UnitOfWork, webhook_id: str, *, delivery_id: str, now: Instant) -> bool:
    """Send one event again; False where the endpoint was never told of it."""
    row = await unit.one(DELIVERY, webhook_id=webhook_id, id=delivery_id)
    if row is None:
        return False
    await unit.run(AGAIN, webhook_id=webhook_id, number=DeliveryRow._make(row).number, now=now)
    return True


async def due(unit: UnitOfWork, webhook_id: str, *, now: Instant, latest: Instant, limit: int) -> list[DeliveryRow]:
    """What is to be sent now: of each session the oldest event alone.

    What waits beyond `latest` was put there by a clock that was ahead: it is due, too.
    """
    rows = await unit.all(DUE, webhook_id=webhook_id, now=now, limit=limit)
    rows = rows or await unit.all(DUE_TOO_LATE, webhook_id=webhook_id, latest=latest, limit=limit)
    return [DeliveryRow._make(row) for row in rows]


async def resume(unit: UnitOfWork, webhook_id: str, *, now: Instant) -> None:
    """What waits is due now, with all of its tries."""
    await unit.run(RESUME, webhook_id=webhook_id, now=now)


async def switched(unit: UnitOfWork, webhook: WebhookRow, *, is_wanted: bool | None, now: Instant) -> WebhookRow:
    """The endpoint as an administrator wants it, enabled or disabled; None leaves it. It is still to be stored.

    Where it is enabled, what waits is due now, and what happened while it was disabled is not sent.
    """
    if is_wanted is True and webhook.disabled_at is not None:
        await resume(unit, webhook.id, now=now)
        position = await webhooks.newest(unit)
        return webhook._replace(disabled_at=None, disabled_because=None, held_until=None, position=position)
    if is_wanted is False and webhook.disabled_at is None:
        return webhook._replace(disabled_at=now, disabled_because="administrator")
    return webhook


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


async def listed(unit: UnitOfWork, webhook_id: str, *, state: str | None, before: int, limit: int) -> list[DeliveryRow]:
    """Deliveries of an endpoint below a number, newest first: all of them, or those in one state."""
    rows = await unit.all(_LISTS[state], webhook_id=webhook_id, before=before, limit=limit)
    return [DeliveryRow._make(row) for row in rows]


async def _hand(unit: UnitOfWork, webhook: WebhookRow, *, rows: list[Any], now: Instant) -> list[int]:
    """Write a delivery for each event of a type and an application that the endpoint wants; their numbers."""
    types, apps = webhook.types, webhook.wanted_apps
    wanted = [row for row in rows if row[2] in types and (apps is None or row[4] in apps)]
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
        for number, event_id, kind, session_id, _ in wanted
    ]
    if values:
        await unit.run_many(HAND_OVER, values)
    return [row[0] for row in wanted]
