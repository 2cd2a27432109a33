"""Events on their way to endpoints: each at least once, those of one session in their order.

Whether a process sends for an endpoint is decided by a lease, so that one does at a time. What is to be sent stands in
the database: a process that is killed leaves it to the others, and at worst something is sent twice under one id.
Nothing here runs inside a request, and nothing that a receiver does reaches one.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sojourn.domain.clock import Clock, to_text
from sojourn.domain.egress import Allowed, Fault, fault
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import TenantId, mint, uuid7
from sojourn.domain.values import Tenant
from sojourn.domain.webhooks import LONGEST_WAIT, Attempt
from sojourn.observability import metrics
from sojourn.sending.egress import Resolve
from sojourn.sending.logout import FINAL, Sign, logout_claims, logout_form
from sojourn.sending.outcomes import after_attempt, given_up, is_held, pause_after
from sojourn.sending.posting import Post, message, test_message
from sojourn.sending.secrets import Seals, Secrets
from sojourn.storage.database import Database
from sojourn.storage.queries import deliveries, sending, webhooks
from sojourn.storage.queries.deliveries import DeliveryRow
from sojourn.storage.queries.feed import EVERYBODY, EventRow
from sojourn.storage.queries.sending import Endpoint
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import leases

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often work is looked for that this process has not heard of."""
REST_SECONDS = 0.05
AT_ONCE = 8
"""How many events are on their way to one endpoint at a time, each of another session."""
ENDPOINTS_AT_ONCE = 16
LEASE = timedelta(seconds=30)
"""Longer than a round of attempts takes, with the writes after it."""

logger = logging.getLogger("sojourn")


class Sender:
    """Sends, from `run` on, until `close`."""

    def __init__(
        self,
        database: Callable[[], Database],
        clock: Clock,
        *,
        seals: Seals,
        allowed: Allowed,
        number: Callable[[], Awaitable[object]],
        resolve: Resolve | None = None,
        sign: Sign | None = None,
    ) -> None:
        """`number` gives their numbers to the events that were committed; `sign` signs logout tokens."""
        self._database = database
        self._clock = clock
        self._allowed = allowed
        self._number = number
        self._sign = sign
        self._secrets = Secrets(seals)
        self._post = Post(allowed, clock, resolve=resolve)
        self._holder = ""
        self._heard = asyncio.Event()
        self._began = asyncio.Event()
        self._is_anybody_told = False
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}

    async def follow(self, database: Database) -> None:
        """Listen to a database that was opened. Raises Unavailable."""
        await self._secrets.reseal(database)
        database.listeners.add(self._heard.set)
        self.look()

    def look(self) -> None:
        """There may be something to be sent, also to an endpoint that was just made."""
        self._began.set()
        self._heard.set()

    def fault(self, url: str) -> Fault | None:
        """Why a URL is refused; None where nothing is wrong with it."""
        return fault(url, self._allowed)

    def seal(self, webhook_id: str, secret: str) -> str:
        """A secret as it is stored."""
        return self._secrets.seal(webhook_id, secret)

    async def write(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """A write that sees the number of each event that was committed before it began. Raises what `work` raises."""
        database = self._database()
        await database.number_events()
        try:
            return await database.write(tenant, work)
        finally:
            self.look()

    async def test(self, row: WebhookRow) -> Attempt:
        """Send a test to an endpoint now. What becomes of it is written nowhere."""
        now = self._clock()
        secrets = self._secrets.of(row, to_text(now))
        if not secrets:
            return Attempt(to_text(now), "secret_unreadable", None, 0)
        message_id = mint("evt_test", now)
        return await self._post.send(row.url, message_id, body=test_message(row, to_text(now)), secrets=secrets)

    async def run(self) -> None:
        """Look for work again and again, until cancelled. No failure ends it."""
        self._holder = uuid7(self._clock())
        while True:
            await self._hear()
            try:
                await self._look()
            except Unavailable:
                logger.debug("the sender of webhooks found the database busy")
            except Exception:
                logger.exception("the sender of webhooks failed; it goes on")
            await asyncio.sleep(REST_SECONDS)

    async def close(self) -> None:
        """Send nothing more. What was under way is sent again by whoever comes next."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._post.close()

    async def _hear(self) -> None:
        """Wait until something was committed here; where nobody is told of events, until an endpoint is made."""
        event = self._heard if self._is_anybody_told else self._began
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await event.wait()
        event.clear()

    async def _look(self) -> None:
        database = self._database()
        self._is_anybody_told = await database.read(EVERYBODY, sending.is_anybody_told)
        if not self._is_anybody_told:
            return
        await self._number()
        now = self._clock()
        text, latest = to_text(now), to_text(now + LONGEST_WAIT)
        for endpoint in await database.read(EVERYBODY, lambda unit: sending.work(unit, now=text, latest=latest)):
            if endpoint.id not in self._serving and len(self._serving) < ENDPOINTS_AT_ONCE:
                task = asyncio.create_task(self._serve(endpoint))
                self._serving[endpoint.id] = task
                task.add_done_callback(lambda _, name=endpoint.id: self._served(name))  # type: ignore[misc]

    def _served(self, name: str) -> None:
        self._serving.pop(name, None)
        self._heard.set()

    async def _serve(self, endpoint: Endpoint) -> None:
        """Send what is to be sent to one endpoint, unless another process does."""
        database, tenant = self._database(), Tenant(TenantId(endpoint.tenant_id))
        lease = f"webhook:{endpoint.id}"
        try:
            if not await self._take(database, lease):
                return
            try:
                while await self._send_some(database, tenant, webhook_id=endpoint.id):
                    if not await self._take(database, lease):
                        return
            finally:
                with suppress(Unavailable):
                    await leases.give_back(database, lease, holder=self._holder)
        except Unavailable:
            logger.debug("the sender of webhooks found the database busy")
        except Exception:
            logger.exception("the sender of webhooks failed; it goes on")

    async def _take(self, database: Database, lease: str) -> bool:
        now = self._clock()
        return await leases.take(database, lease, holder=self._holder, now=to_text(now), until=to_text(now + LEASE))

    async def _send_some(self, database: Database, tenant: Tenant, *, webhook_id: str) -> bool:
        """Hand over the next events and send what is due; False where nothing is to be done now."""
        row = await database.read(tenant, lambda unit: webhooks.find(unit, webhook_id))
        if row is None or row.disabled_at is not None:
            return False
        row = await self._hand_over(database, tenant, row=row)
        now = self._clock()
        text, latest = to_text(now), to_text(now + LONGEST_WAIT)
        if is_held(row, now=text, latest=latest):
            return False
        due = await database.read(
            tenant, lambda unit: deliveries.due(unit, webhook_id, now=text, latest=latest, limit=AT_ONCE)
        )
        if not due:
            return False
        attempts = await asyncio.gather(
            *(self._deliver(database, tenant, row=row, delivery=delivery) for delivery in due)
        )
        await self._judge(database, tenant, row=row, attempts=attempts)
        return True

    async def _hand_over(self, database: Database, tenant: Tenant, *, row: WebhookRow) -> WebhookRow:
        """Decide on each event behind the endpoint's position; the endpoint with its new one."""
        while await database.read(tenant, partial(deliveries.has_new, webhook=row)):
            now = to_text(self._clock())
            moved = await database.write(tenant, partial(deliveries.hand_over, webhook=row, now=now))
            if moved.position == row.position:
                break
            row = moved
        return row

    async def _deliver(
        self, database: Database, tenant: Tenant, *, row: WebhookRow, delivery: DeliveryRow
    ) -> Attempt | None:
        """Send one event once, and write down what came of it; None for one that is not kept any more."""
        event = await database.read(tenant, lambda unit: deliveries.event(unit, delivery.number))
        if event is None:
            gone = given_up(delivery)
            await database.write(tenant, lambda unit: deliveries.note(unit, row.id, row=gone))
            return None
        attempt = await (self._send if row.client is None else self._log_out)(row, delivery.id, event=event)
        metrics.count("sojourn_webhook_attempts", attempt.outcome)
        draw, final = random.random(), () if row.client is None else FINAL  # noqa: S311
        noted, because = after_attempt(delivery, attempt, now=self._clock(), draw=draw, final=final)
        ended = to_text(self._clock())

        async def note(unit: UnitOfWork) -> bool:
            await deliveries.note(unit, row.id, row=noted)
            return because is not None and await webhooks.disable(unit, row.id, because=because, now=ended)

        if await database.write(tenant, note):
            logger.warning("the webhook %s of the tenant %s is disabled: %s", row.id, tenant.id, because)
        return attempt

    async def _send(self, row: WebhookRow, message_id: str, *, event: EventRow) -> Attempt:
        """Send an event to an endpoint once."""
        now = to_text(self._clock())
        secrets = self._secrets.of(row, now)
        if not secrets:
            return Attempt(now, "secret_unreadable", None, 0)
        return await self._post.send(row.url, message_id, body=message(event), secrets=secrets)

    async def _log_out(self, row: WebhookRow, _: str, *, event: EventRow) -> Attempt:
        """Send an application the logout token of an ended session once. Raises Unavailable."""
        now = self._clock()
        if self._sign is None:
            return Attempt(to_text(now), "secret_unreadable", None, 0)
        token = await self._sign(logout_claims(row, event, now=now), now=now)
        return await self._post.send_form(row.url, logout_form(token))

    async def _judge(
        self, database: Database, tenant: Tenant, *, row: WebhookRow, attempts: list[Attempt | None]
    ) -> None:
        """Leave an endpoint alone for a while to which nothing could be delivered, or that asked for it."""
        made = [attempt for attempt in attempts if attempt is not None]
        if not made or any(attempt.was_delivered for attempt in made):
            self._failures.pop(row.id, None)
            pause = timedelta(0)
        else:
            self._failures[row.id] = self._failures.get(row.id, 0) + 1
            pause = pause_after(self._failures[row.id])
        pause = max(pause, *(attempt.asked or timedelta(0) for attempt in made), timedelta(0))
        until = to_text(self._clock() + pause) if pause else None
        if until is not None or row.held_until is not None:
            await database.write(tenant, lambda unit: webhooks.hold(unit, row.id, until=until))
