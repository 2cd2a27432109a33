"""Who is told of an event is decided in the order of events, once, and the event is kept until it was sent."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.errors import WebhookLimitReached
from sojourn.storage.queries import deliveries, sending, sessions, webhooks
from sojourn.storage.queries.deliveries import DeliveryRow
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.housekeeping import forget_events
from tests.storage.conftest import ACME, NOISE, T0, T1, Store, new_session

LONG_AFTER = Instant("2026-06-15T08:00:00.000Z")
FAR = Instant("2027-06-15T08:00:00.000Z")


def hook(store: Store, name: str = "whk_1", *types: str) -> WebhookRow:
    """An endpoint that is sent what happens from now on."""
    store.run(store.database.number_events())
    return store.run(added(store, name, *types))


def added(store: Store, name: str, *types: str, limit: int = 100) -> Awaitable[WebhookRow]:
    """An endpoint that is made where the tenant may have so many."""

    async def work(unit: UnitOfWork) -> WebhookRow:
        row = WebhookRow(
            tenant_id="acme",
            id=name,
            url="https://hooks.example.com/",
            events=json.dumps(types or ["session.created", "session.ended"]),
            description=None,
            created_at=T0,
            sealed_secret="sealed",
            previous_secret=None,
            previous_until=None,
            position=await webhooks.newest(unit),
            held_until=None,
            disabled_at=None,
            disabled_because=None,
        )
        await webhooks.add(unit, row, limit=limit)
        return row

    return store.database.write(ACME, work)


def handed(store: Store, row: WebhookRow) -> WebhookRow:
    store.run(store.database.number_events())
    return store.run(store.database.write(ACME, lambda unit: deliveries.hand_over(unit, row, now=T1)))


def due(store: Store, row: WebhookRow) -> list[DeliveryRow]:
    return store.read(lambda unit: deliveries.due(unit, row.id, now=T1, latest=FAR, limit=100))


def forgotten(store: Store) -> int:
    store.run(store.database.number_events())
    return store.run(forget_events(store.database, from_text(LONG_AFTER), now=from_text(LONG_AFTER)))


def test_an_endpoint_is_handed_each_event_behind_its_making_once(store: Store) -> None:
    store.add(new_session("before"))
    row = hook(store)
    keys = [store.add(new_session("ann")).id for _ in range(3)]

    moved = handed(store, row)
    handed(store, row)  # as another process would that has not seen the first one
    handed(store, moved)

    assert [delivery.session_id for delivery in due(store, row)] == keys


def test_an_endpoint_is_not_handed_events_of_others_or_of_types_that_it_does_not_want(store: Store) -> None:
    row = hook(store, "whk_1", "session.ended")
    store.add(new_session("ann"))
    store.run(store.database.write(NOISE, _begin))

    moved = handed(store, row)

    assert moved.position > row.position
    assert due(store, row) == []


def _begin(unit: UnitOfWork) -> Awaitable[Any]:
    return sessions.add(unit, new_session("bob"))


def test_an_event_stays_until_it_was_sent_and_its_delivery_goes_with_it(store: Store) -> None:
    store.add(new_session("old"))
    row = hook(store)
    store.add(new_session("ann"))
    store.add(new_session("newest"))
    old = forgotten(store)
    assert old >= 1
    assert forgotten(store) == 0, "what is not yet handed over stays"

    moved = handed(store, row)
    assert forgotten(store) == 0, "what is not yet sent stays"

    for delivery in due(store, moved):
        sent = delivery._replace(due_at=None, delivered_at=T1, tries=1)
        store.run(store.database.write(ACME, lambda unit, sent=sent: deliveries.note(unit, row.id, row=sent)))  # type: ignore[misc]
    assert forgotten(store) == 1
    left = store.read(lambda unit: deliveries.listed(unit, row.id, state=None, before=2**62, limit=10))
    assert len(left) == 1
    assert store.run(store.database.read(EVERYBODY, sending.backlog)) == 0


def test_what_a_disabled_endpoint_was_to_be_sent_keeps_no_event(store: Store) -> None:
    row = hook(store)
    store.add(new_session("ann"))
    store.add(new_session("newest"))
    handed(store, row)
    forgotten(store)
    assert forgotten(store) == 0

    store.run(store.database.write(ACME, lambda unit: webhooks.disable(unit, row.id, because="administrator", now=T1)))

    assert forgotten(store) == 1


def test_the_end_of_a_session_that_ended_twice_is_sent_under_another_id(store: Store) -> None:
    """A clock was ahead, and the end that it told was taken back."""
    row = hook(store)
    numbers = {"number": 10_001, "other": 10_002}

    async def twice(unit: UnitOfWork) -> None:
        for number in numbers.values():
            rows = [(number, "evt_ended_x", "session.ended", None, None)]
            await deliveries._hand(unit, row, rows=rows, now=T1)

    store.run(store.database.write(ACME, twice))

    assert [delivery.id for delivery in due(store, row)] == ["evt_ended_x", "evt_ended_x_10002"]


def test_a_tenant_never_has_more_endpoints_than_it_may_however_many_are_made_at_once(store: Store) -> None:
    async def race() -> list[object]:
        makes = (added(store, f"whk_{number}", limit=3) for number in range(8))
        return list(await asyncio.gather(*makes, return_exceptions=True))

    came = store.run(race())

    assert [type(one) for one in came if not isinstance(one, WebhookRow)] == [WebhookLimitReached] * 5
    assert len(store.read(lambda unit: webhooks.listed(unit, "~", limit=10))) == 3
