"""Housekeeping over all tenants, a little at a time: expired sessions are settled, what is kept no longer is purged.

Results are right without it: the status of a session is computed when it is read. It keeps reads cheap and the data
small. One process at a time does it, by a lease; done twice it would do no harm.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.values import NO_TENANT, Tenant
from sojourn.storage.database import AHEAD, Database
from sojourn.storage.queries import feed, sending, statistics, tenants
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import leases, overdue
from sojourn.storage.upkeep.counting import count_events, forget_counted
from sojourn.storage.upkeep.purging import purge_remembered, purge_tenant

BATCH = 200
"""Rows settled in one write: a few milliseconds, so that other writes hardly wait."""
SETTLED_AFTER = timedelta(seconds=30)
"""How long a session is over before that is settled for good: processes whose clocks differ by less agree on it.

Whoever follows the events hears of it then.
"""
EXPIRY_LEASE = timedelta(minutes=1)
FORGOTTEN_AT_ONCE = 1000
"""Events deleted in one write."""
LEASE = timedelta(minutes=5)
"""Lifetime of the lease: how long after a process died no other process takes over."""


class Round(NamedTuple):
    """What a round did: sessions settled and purged; for how long the oldest that is left is overdue."""

    settled: int
    purged: int
    oldest_overdue: timedelta


async def run_housekeeping(database: Database, holder: str, *, now: datetime, retention: timedelta) -> Round | None:
    """Run one round; None if another process holds the lease. Raises Unavailable; finished batches stay done.

    `holder` names the process, `retention` is how long ended sessions are kept.
    """
    text, before = to_text(now), now - retention
    if not await leases.take(database, "housekeeping", holder=holder, now=text, until=to_text(now + LEASE)):
        return None
    settled = await settle_all(database, to_text(now - SETTLED_AFTER), told_at=text)
    await count_events(database, now=now, as_of=to_text(now - SETTLED_AFTER))
    await database.create_partitions(now, now + AHEAD)
    purged = await database.drop_partitions(before)
    purged += await purge_all(database, to_text(before - database.purge_grace), now=text)
    for tenant in await all_tenants(database):
        await forget_counted(database, tenant, now=now)
    return Round(settled, purged, await oldest_overdue(database, before))


async def settle_expired(database: Database, holder: str, *, now: datetime) -> int | None:
    """Settle what has expired, so that it is told; how many sessions. None if another process holds the lease.

    What was told is counted. Asked for much more often than housekeeping. Raises Unavailable; what was settled stays.
    """
    text = to_text(now)
    if not await leases.take(database, "expiry", holder=holder, now=text, until=to_text(now + EXPIRY_LEASE)):
        return None
    settled = await settle_all(database, to_text(now - SETTLED_AFTER), told_at=text)
    await count_events(database, now=now, as_of=to_text(now - SETTLED_AFTER))
    return settled


async def forget_events(database: Database, before: datetime, *, now: datetime) -> int:
    """Delete the events recorded before an instant, in order and some at a time; how many went. Raises Unavailable.

    Those stay that a verifier of tokens must still know or that an endpoint is still to be sent, all behind them, and
    the newest of all.
    """

    async def some(unit: UnitOfWork) -> int:
        unsent = await sending.first_unsent(unit)
        gone = await feed.forget(unit, to_text(before), now=to_text(now), limit=FORGOTTEN_AT_ONCE, unsent=unsent)
        if gone:
            await sending.forget(unit)
        return gone

    gone = 0
    while count := await database.write(feed.EVERYBODY, some):
        gone += count
    return gone


async def settle_all(database: Database, now: Instant, *, told_at: Instant | None = None) -> int:
    """Settle what is due at `now` in every tenant; how many sessions were looked at.

    `told_at` is when the ends are told, `now` unless it is given. Safe in several processes at once. Raises
    Unavailable when the database does not answer; what was settled stays.
    """
    return sum(
        [
            await _settle_tenant(database, tenant, now=now, told_at=told_at or now)
            for tenant in await all_tenants(database)
        ]
    )


async def reopen_all(database: Database, now: Instant) -> int:
    """Open again, in every tenant, what was settled as expired by a clock that was ahead of `now`; how many sessions.

    Safe in several processes at once. Raises Unavailable; what was opened stays open.
    """

    async def work(unit: UnitOfWork) -> int:
        return await statistics.reopen(unit, now, limit=BATCH)

    opened = 0
    for tenant in await all_tenants(database):
        while count := await database.write(tenant, work):
            opened += count
    return opened


async def purge_all(database: Database, before: Instant, *, now: Instant) -> int:
    """Purge every tenant of what ended at `before` or earlier; how many sessions went. Raises Unavailable likewise."""
    await purge_remembered(database, NO_TENANT, now=now)
    return sum([await purge_tenant(database, tenant, before=before, now=now) for tenant in await all_tenants(database)])


async def oldest_overdue(database: Database, before: datetime) -> timedelta:
    """For how long the oldest session that ended by `before` is kept too long; zero when there is none."""

    async def work(unit: UnitOfWork) -> str | None:
        return await overdue.oldest(unit, to_text(before))

    found = [await database.read(tenant, work) for tenant in await all_tenants(database)]
    ended = min((instant for instant in found if instant is not None), default=None)
    return timedelta(0) if ended is None else before - from_text(ended)


async def active_sessions(database: Database, now: Instant) -> int:
    """How many sessions of all tenants are active at `now`. Raises Unavailable."""
    counted = [
        await database.read(tenant, lambda unit: statistics.session_stats(unit, now))
        for tenant in await all_tenants(database)
    ]
    return sum(stats.active for stats in counted)


async def all_tenants(database: Database) -> list[Tenant]:
    """Every tenant there is."""
    async with database.system() as unit:
        return [Tenant(row.id) for row in await tenants.all_tenants(unit)]


async def _settle_tenant(database: Database, tenant: Tenant, *, now: Instant, told_at: Instant) -> int:
    async def work(unit: UnitOfWork) -> int:
        return await statistics.settle(unit, now, limit=BATCH, told_at=told_at)

    looked_at = 0
    while await database.read(tenant, lambda unit: statistics.is_anything_due(unit, now)):
        settled = await database.write(tenant, work)
        looked_at += settled
        if not settled:  # another process is at it
            break
    return looked_at
