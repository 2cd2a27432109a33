"""The lifecycle of a worker's database: open after the fork, housekeeping while serving, close at shutdown."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connexion.middleware.main import ConnexionMiddleware

from sojourn.authentication import Tokens
from sojourn.domain.clock import Clock, to_text
from sojourn.domain.egress import read_allowed
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import SessionKey, uuid7
from sojourn.domain.values import Tenant
from sojourn.observability import metrics, spans
from sojourn.sending.sender import Sender
from sojourn.serving.clock_watch import WatchedClock
from sojourn.serving.draining import Draining
from sojourn.serving.feed import Feed
from sojourn.serving.recurring import recur
from sojourn.serving.reloading import Reloading
from sojourn.serving.revoking import Revoker
from sojourn.serving.sampling import sample
from sojourn.serving.status_lists import StatusLists
from sojourn.serving.supervision import end_with_supervisor
from sojourn.settings import Settings
from sojourn.storage.database import AHEAD, Database
from sojourn.storage.engines import open_database
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.unreachable_database import UnreachableDatabase
from sojourn.storage.upkeep.activity import Activity
from sojourn.storage.upkeep.housekeeping import forget_events, run_housekeeping, settle_expired
from sojourn.storage.upkeep.purging import purge_tenant

HOUSEKEEPING_SECONDS = 60
EXPIRY_SECONDS = 10
"""How often what has expired is settled and told: well within a minute of the deadline."""
_REST, _LONGEST_REST_SECONDS = 9, 25
"""A round over very many tenants is followed by a rest, so that it takes a tenth of a worker's time at most."""
LEAVE_LISTS = timedelta(days=1)
"""So much longer than its sessions a status list is kept, for clocks that differ."""
START_SECONDS = 5
"""A start waits so long for a database that does not answer, and then serves refusals."""

T = TypeVar("T")

logger = logging.getLogger("sojourn")


class WorkerDatabase:
    """The database, opened when the server starts and not before: a worker opens its own after the fork.

    One that cannot be reached just then is tried again: a worker that replaces a dead one must not give up, because
    the supervisor would then stop the other workers too. Until then requests are refused.
    """

    def __init__(self, settings: Settings, service_tokens: Tokens, *, clock: Clock) -> None:
        self._settings = settings
        self._tokens = service_tokens
        self._clock = clock
        self._database: Database = UnreachableDatabase()
        self._activity = self._activity_of(self._database)
        self._draining = Draining(settings.drain_time)
        self._reloading = Reloading()
        self._first_steps: tuple[Callable[[], None], ...] = ()
        self.feed = Feed(self, clock, retention=settings.event_retention)
        self.status_lists = StatusLists(
            self,
            self.feed.end_of_all,
            sign=service_tokens.sign_status_list,
            clock=clock,
            url=None if settings.public_url is None else f"{settings.link_prefix}/status-lists",
            longest=settings.absolute_timeout + LEAVE_LISTS,
        )
        self.revoker = Revoker(self, clock)
        self.sender = Sender(
            self,
            clock,
            seals=service_tokens,
            allowed=read_allowed(settings.webhook_allow),
            number=self.feed.ends,
            sign=service_tokens.sign_logout_token,
        )

    def __call__(self) -> Database:
        return self._database

    def reloads(self, *steps: Callable[[], None]) -> None:
        """What SIGHUP does: each of these, which wait for nothing."""
        self._reloading = Reloading(*steps)

    def begins_with(self, *steps: Callable[[], None]) -> None:
        """What is read again when the server starts: the application may be older than a worker forked with it."""
        self._first_steps = steps

    async def is_ready(self) -> bool:
        """Whether requests should come here: the database answers, the issuers' keys were read once, no stop came."""
        return not self._draining.begun and self._tokens.have_issuer_keys and await self().is_reachable()

    async def purge(self, tenant: Tenant, now: datetime, *, note: Callable[[UnitOfWork], Awaitable[None]]) -> int:
        """Delete the tenant's sessions that ended longer ago than they are kept; how many went.

        `note` writes down who wanted it, in the first transaction.
        """
        kept_since = to_text(now - self._settings.session_retention)
        return await purge_tenant(self(), tenant, before=kept_since, now=to_text(now), note=note)

    async def touch(self, unit: UnitOfWork, key: SessionKey, *, at: datetime, touch: Touch) -> bool:
        """Record an activity of an active session; False when it is not active any more."""
        return await self._activity.touch(unit, key, at=at, touch=touch)

    async def write(self, tenant: Tenant, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run `work` in a transaction of its own. Raises Unavailable, and what `work` raises."""
        return await self().write(tenant, work)

    @asynccontextmanager
    async def lifespan(self, _: ConnexionMiddleware) -> AsyncIterator[dict[str, Any]]:
        """Open the database and start the tokens; close both when the server stops. The server sees what is yielded."""
        if isinstance(self._clock, WatchedClock):
            self._clock.begin()
        for step in self._first_steps:
            step()
        await self._tokens.open_vault()
        self._tokens.read_issuer_keys()
        tasks = []
        try:
            first = asyncio.create_task(self._open())
            await asyncio.wait({first}, timeout=START_SECONDS)
            if not first.done() or not first.result():
                tasks.append(asyncio.create_task(self._go_on_opening(first)))
            tasks.append(asyncio.create_task(self._run_housekeeping()))
            tasks.append(asyncio.create_task(self._settle_expired()))
            tasks.append(asyncio.create_task(self.feed.run()))
            tasks.append(asyncio.create_task(self.sender.run()))
            tasks.append(asyncio.create_task(self.revoker.run()))
            tasks.append(asyncio.create_task(sample(self, self._clock, feed=self.feed)))
            if isinstance(self._clock, WatchedClock):
                tasks.append(asyncio.create_task(self._clock.watch(self)))
            self._draining.watch(self.feed.end)
            self._reloading.watch()
            with end_with_supervisor():
                yield {"draining": self._draining}
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.sender.close()
            self._tokens.close()
            await self._activity.close()
            await self._database.close()
            self._database = UnreachableDatabase()
            await asyncio.to_thread(spans.flush)

    async def _open(self) -> bool:
        """Open the database and start the tokens; False when it cannot be reached.

        Raises SchemaMismatch, RowSecurityBypassed.
        """
        settings = self._settings
        try:
            database = await open_database(
                settings.database_url,
                settings.busy_timeout,
                pool_size=settings.database_pool,
                allow_bypass=settings.may_bypass_row_security,
            )
        except (OSError, Unavailable) as error:
            logger.warning("the database cannot be reached, requests are refused until it can: %s", error)
            return False
        try:
            now = self._clock()
            await database.create_partitions(now, now + AHEAD)
            await self._tokens.start(database, now)
            await self.feed.follow(database)
            await self.sender.follow(database)
        except Unavailable:
            await database.close()
            logger.warning("the database does not answer, requests are refused until it does")
            return False
        except BaseException:
            await database.close()
            raise
        if metrics.are_on():
            database.tally = metrics.tally
        database.watch = spans.watch()
        self._database, self._activity = database, self._activity_of(database)
        return True

    async def _go_on_opening(self, attempt: asyncio.Task[bool]) -> None:
        """Try again, once a second. What has gone wrong for good meanwhile (older tables) is logged each time."""
        while True:
            try:
                if await attempt:
                    return
            except Exception as error:
                logger.error("the database cannot be used: %s", error)
            await asyncio.sleep(1)
            attempt = asyncio.create_task(self._open())

    async def _run_housekeeping(self) -> None:
        """Settle and purge, once a minute, unless another process does."""
        holder = uuid7(self._clock())
        await recur("housekeeping", lambda: self._housekeeping_round(holder), seconds=HOUSEKEEPING_SECONDS)

    async def _settle_expired(self) -> None:
        """Settle what has expired and tell it, unless another process does."""
        holder, clock = uuid7(self._clock()), asyncio.get_running_loop().time
        rest_until = 0.0

        async def settle() -> None:
            nonlocal rest_until
            began = clock()
            if not self._may_settle or began < rest_until:
                return
            settled = await settle_expired(self(), holder, now=self._clock())
            rest_until = clock() + min(_REST * (clock() - began), _LONGEST_REST_SECONDS)
            metrics.count("sojourn_housekeeping_settled", by=settled or 0)

        await recur("the settlement of expired sessions", settle, seconds=EXPIRY_SECONDS)

    @property
    def _may_settle(self) -> bool:
        return not isinstance(self._clock, WatchedClock) or self._clock.may_settle

    async def _housekeeping_round(self, holder: str) -> None:
        if not self._may_settle:
            logger.warning("no housekeeping: the wall clock was set, and what it ends is not yet settled for good")
            return
        done = await run_housekeeping(self(), holder, now=self._clock(), retention=self._settings.session_retention)
        if done is None:
            return
        now = self._clock()
        forgotten = await forget_events(self(), now - self._settings.event_retention, now=now)
        await self.status_lists.retire()
        overdue_seconds = done.oldest_overdue.total_seconds()
        facts = {"settled": done.settled, "purged": done.purged, "oldest_overdue_seconds": overdue_seconds}
        facts["events_forgotten"] = forgotten
        logger.info("housekeeping", extra=facts)
        metrics.count("sojourn_housekeeping_rounds")
        metrics.count("sojourn_housekeeping_settled", by=done.settled)
        metrics.count("sojourn_housekeeping_purged", by=done.purged)
        metrics.show("sojourn_housekeeping_overdue_seconds", overdue_seconds)
        metrics.show("sojourn_housekeeping_last_round_timestamp_seconds", self._clock().timestamp())

    def _activity_of(self, database: Database) -> Activity:
        return Activity(database, self._settings.touch_interval, batch=self._settings.touch_batch, clock=self._clock)
