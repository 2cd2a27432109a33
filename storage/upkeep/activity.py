"""Activity, written in batches: hundreds of touches cost one durable write.

A touch waits at most `interval`, and only while the deadline in its session's row is far off, so that no session
expires because its touch was not written yet. A process that is killed loses what waited, which is at most
`interval` of activity and never a fact. A touch that cannot be written before its session's deadline is lost: it never
brings a session back.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from sojourn.domain.clock import Clock, Instant, to_text
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import sessions
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork

FAR = 20
"""A touch waits only if the deadline is at least this many intervals ahead; so many flushes may fail without effect."""
MOST = 100_000
"""More sessions than this do not wait; their touches are written at once, or refused as any write is."""

logger = logging.getLogger("sojourn.storage")


class Activity:
    """The touches of one process on their way to `database`. An `interval` of zero lets none wait."""

    def __init__(self, database: Database, interval: timedelta, *, batch: int, clock: Clock) -> None:
        self._database = database
        self._touches = database.touches
        self._interval = interval
        self._batch = batch
        self._clock = clock
        self._flushing = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._closing = False

    async def touch(self, unit: UnitOfWork, key: SessionKey, *, at: datetime, touch: Touch) -> bool:
        """Record an activity of an active session; False when it is not active any more. Raises Unavailable.

        `unit` is where the session was read; it gives its connection back before anything is written.
        """
        if self._may_wait(unit.tenant, key, at=at, touch=touch):
            unit.after_commit(partial(self._let_wait, unit.tenant.id, key, touch=touch))
            return True
        await unit.pause()
        return await self._database.write(unit.tenant, lambda writing: sessions.touch(writing, key, touch=touch))

    async def flush(self) -> int:
        """Write what waits; how many touches were written. Touches that fail wait for the next flush."""
        async with self._flushing:
            now, written = to_text(self._clock()), 0
            for tenant_id, touches in self._touches.take().items():
                entries = sorted(touches.items())  # in one order everywhere: two processes never wait for each other
                for start in range(0, len(entries), self._batch):
                    written += await self._write(Tenant(tenant_id), entries[start : start + self._batch], now=now)
            return written

    async def close(self) -> None:
        """Write what waits before the database is closed."""
        self._closing = True
        self._hurry.set()
        if self._later is not None:
            await self._later
        await self.flush()
        if self._touches:
            logger.warning("%d touches could not be written", len(self._touches))

    def _may_wait(self, tenant: Tenant, key: SessionKey, *, at: datetime, touch: Touch) -> bool:
        waiting = self._touches.waiting(tenant.id, key)
        written_until = touch.written_until if waiting is None else waiting.written_until
        return bool(self._interval) and len(self._touches) < MOST and to_text(at + FAR * self._interval) < written_until

    async def _let_wait(self, tenant_id: TenantId, key: SessionKey, *, touch: Touch) -> None:
        self._touches.add(tenant_id, key, touch=touch)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._later is None:
            self._later = asyncio.create_task(self._flush_later())
        if len(self._touches) >= self._batch:
            self._hurry.set()

    async def _flush_later(self) -> None:
        """Flush after the interval, or when a batch is full; go on while touches wait."""
        while self._touches and not self._closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._interval.total_seconds())
            self._hurry.clear()
            await self.flush()
        self._later = None

    async def _write(self, tenant: Tenant, entries: list[tuple[SessionKey, Touch]], *, now: Instant) -> int:
        try:
            await self._database.write(tenant, lambda unit: sessions.touch_many(unit, entries, now=now))
        except Unavailable:
            logger.warning("%d touches wait for the database", len(entries))
        except Exception:
            logger.exception("%d touches could not be written", len(entries))
        else:
            return len(entries)
        for key, touch in entries:
            if touch.written_until > now:  # else its session has ended meanwhile
                self._touches.add(tenant.id, key, touch=touch)
        return 0
