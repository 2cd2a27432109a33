"""Events arrive at a real receiver, signed and in the order of their session, whoever sends and whoever is cut off."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from sojourn.authentication.vault import Vault
from sojourn.domain.clock import from_text, to_text
from sojourn.domain.egress import read_allowed
from sojourn.domain.endings import Ending
from sojourn.domain.webhooks import mint_secret
from sojourn.sending.secrets import Secrets
from sojourn.sending.sender import Sender
from sojourn.storage.queries import deliveries, session_revocation, webhooks
from sojourn.storage.queries.deliveries import DeliveryRow
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork
from tests.receiver import PATIENCE_SECONDS, Receiver, hang_up, status
from tests.storage.conftest import ACME, T0, T1, Store, new_session

HOOK = "whk_1"
ENDED = Ending("adm", "leak", "revoked_by_admin", "admin")


class Seals:
    """The vault, as a sender sees it."""

    def __init__(self) -> None:
        self._vault = Vault(b"a-secret-of-at-least-thirty-two-bytes!!!")

    def seal(self, name: str, plain: bytes) -> str:
        return self._vault.seal(name, plain)

    def unseal(self, name: str, sealed: str) -> bytes | None:
        return self._vault.unseal(name, sealed)

    def is_sealed_anew(self, name: str, sealed: str) -> bool:
        return self._vault.unseal_own(name, sealed) is not None


class Moved:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = from_text(T1)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Moved:
    return Moved()


def sender(store: Store, clock: Moved) -> Sender:
    return Sender(
        lambda: store.database,
        clock,
        seals=Seals(),
        allowed=read_allowed(["127.0.0.1"]),
        number=store.database.number_events,
    )


def hook(store: Store, url: str, secret: str) -> None:
    """An endpoint that is sent what happens from now on."""
    store.run(store.database.number_events())

    async def work(unit: UnitOfWork) -> None:
        await webhooks.add(
            unit,
            WebhookRow(
                tenant_id="acme",
                id=HOOK,
                url=url,
                events=json.dumps(["session.created", "session.ended"]),
                description=None,
                created_at=T0,
                sealed_secret=Secrets(Seals()).seal(HOOK, secret),
                previous_secret=None,
                previous_until=None,
                position=await webhooks.newest(unit),
                held_until=None,
                disabled_at=None,
                disabled_because=None,
            ),
            limit=10,
        )

    store.write(work)


def lives_and_ends(store: Store, user: str) -> str:
    key = store.add(new_session(user)).id
    store.write(lambda unit: session_revocation.revoke_many(unit, [key], now=T1, ending=ENDED))
    return f"sess_{key}"


def listed(store: Store) -> list[DeliveryRow]:
    return store.read(lambda unit: deliveries.listed(unit, HOOK, state=None, before=2**62, limit=1000))


def found(store: Store) -> WebhookRow:
    row = store.read(lambda unit: webhooks.find(unit, HOOK))
    assert row is not None
    return row


def while_sending(store: Store, is_done: Callable[[], Awaitable[Any]], *senders: Sender) -> None:
    """Let senders run until something is so, then cut them off. Fails when that takes too long."""

    async def run() -> None:
        tasks = []
        for one in senders:
            await one.follow(store.database)
            tasks.append(asyncio.create_task(one.run()))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await is_done():
                    await asyncio.sleep(0.05)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in senders:
                await one.close()

    store.run(run())


def none_due(store: Store, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether so many deliveries are there, and none of them waits."""

    async def is_so() -> bool:
        def read(unit: UnitOfWork) -> Awaitable[list[DeliveryRow]]:
            return deliveries.listed(unit, HOOK, state=None, before=2**62, limit=1000)

        rows = await store.database.read(ACME, read)
        return len(rows) >= count and all(row.due_at is None for row in rows)

    return is_so


def tried(store: Store, tries: int) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        def read(unit: UnitOfWork) -> Awaitable[list[DeliveryRow]]:
            return deliveries.listed(unit, HOOK, state=None, before=2**62, limit=1000)

        return any(row.tries >= tries for row in await store.database.read(ACME, read))

    return is_so


def told_of(receiver: Receiver, session: str) -> list[str]:
    return [one.said["type"] for one in receiver.received if one.said["data"]["session_id"] == session]


def test_each_event_arrives_once_signed_and_in_the_order_of_its_session(
    store: Store, receiver: Receiver, clock: Moved
) -> None:
    lives_and_ends(store, "before")
    secret = mint_secret()
    hook(store, receiver.url, secret)
    lived = [lives_and_ends(store, f"u{number}") for number in range(20)]

    while_sending(store, none_due(store, 40), sender(store, clock))

    assert len(receiver.ids) == len(set(receiver.ids)) == 40
    assert all(told_of(receiver, session) == ["session.created", "session.ended"] for session in lived)
    assert all(one.is_signed_with(secret) for one in receiver.received)
    assert not any(one.is_signed_with(mint_secret()) for one in receiver.received)


def test_two_senders_tell_each_event_and_none_under_another_id(store: Store, receiver: Receiver, clock: Moved) -> None:
    hook(store, receiver.url, mint_secret())
    lived = [lives_and_ends(store, f"u{number}") for number in range(20)]

    while_sending(store, none_due(store, 40), sender(store, clock), sender(store, clock))

    assert set(receiver.ids) == {row.id for row in listed(store)}
    assert len(set(receiver.ids)) == 40
    assert all(
        dict.fromkeys(told_of(receiver, one)) == {"session.created": None, "session.ended": None} for one in lived
    )


def test_a_sender_that_is_cut_off_loses_nothing_and_doubles_nothing_under_another_id(
    store: Store, receiver: Receiver, clock: Moved
) -> None:
    def never(handler: BaseHTTPRequestHandler) -> None:
        waiting.wait(PATIENCE_SECONDS)
        hang_up(handler)

    waiting = threading.Event()
    receiver.default = never
    hook(store, receiver.url, mint_secret())
    lives_and_ends(store, "ann")

    async def has_come() -> bool:
        return bool(receiver.ids)

    while_sending(store, has_come, sender(store, clock))
    waiting.set()
    receiver.default = status(204)
    clock.now += timedelta(minutes=1)
    while_sending(store, none_due(store, 2), sender(store, clock))

    assert set(receiver.ids) == {row.id for row in listed(store)}
    assert all(row.delivered_at is not None for row in listed(store))


def test_a_receiver_that_is_down_gets_everything_later(store: Store, receiver: Receiver, clock: Moved) -> None:
    receiver.default = status(500)
    hook(store, receiver.url, mint_secret())
    session = lives_and_ends(store, "ann")

    for tries in (1, 2, 3):
        while_sending(store, tried(store, tries), sender(store, clock))
        clock.now += timedelta(hours=1)
    receiver.default = status(204)
    while_sending(store, none_due(store, 2), sender(store, clock))

    assert dict.fromkeys(told_of(receiver, session)) == {"session.created": None, "session.ended": None}
    assert told_of(receiver, session)[-1] == "session.ended"
    assert len(set(receiver.ids)) == 2


def test_after_ten_tries_in_three_days_the_endpoint_is_disabled(store: Store, receiver: Receiver, clock: Moved) -> None:
    receiver.default = status(302, Location="http://127.0.0.1:1/")
    hook(store, receiver.url, mint_secret())
    store.add(new_session("ann"))
    began = clock.now

    for tries in range(1, 10):
        while_sending(store, tried(store, tries), sender(store, clock))
        (row,) = listed(store)
        assert row.due_at is not None
        clock.now = max(clock.now + timedelta(seconds=61), from_text(row.due_at))  # type: ignore[arg-type]
    while_sending(store, none_due(store, 1), sender(store, clock))

    assert (len(receiver.ids), len(set(receiver.ids))) == (10, 1)
    assert timedelta(hours=60) < clock.now - began < timedelta(hours=84)
    assert found(store).disabled_because == "failing"


def test_a_receiver_that_is_gone_is_sent_nothing_more(store: Store, receiver: Receiver, clock: Moved) -> None:
    receiver.default = status(410)
    hook(store, receiver.url, mint_secret())
    lives_and_ends(store, "ann")

    while_sending(store, tried(store, 1), sender(store, clock))

    assert (len(receiver.ids), found(store).disabled_because) == (1, "gone")


def test_a_receiver_that_asks_to_be_left_alone_is_left_alone(store: Store, receiver: Receiver, clock: Moved) -> None:
    receiver.answers = [status(503, Retry_After="3600")]
    hook(store, receiver.url, mint_secret())
    store.add(new_session("ann"))

    async def is_held() -> bool:
        row = await store.database.read(ACME, lambda unit: webhooks.find(unit, HOOK))
        return row is not None and row.held_until is not None

    while_sending(store, is_held, sender(store, clock))
    assert found(store).held_until == to_text(clock.now + timedelta(hours=1))
    clock.now += timedelta(minutes=61)
    while_sending(store, none_due(store, 1), sender(store, clock))

    assert len(receiver.ids) == 2


def test_a_clock_that_was_ahead_delays_nothing(store: Store, receiver: Receiver, clock: Moved) -> None:
    receiver.answers = [status(500)]
    hook(store, receiver.url, mint_secret())
    store.add(new_session("ann"))
    clock.now += timedelta(days=30)
    while_sending(store, tried(store, 1), sender(store, clock))

    clock.now -= timedelta(days=30)
    while_sending(store, none_due(store, 1), sender(store, clock))

    assert len(receiver.ids) == 2
