"""Counting events into rollups (`sojourn.storage.queries.rollups`), each once, a tenant after the other.

What some events add and up to which of them was counted is written in one transaction: a process that dies in between
loses nothing, and another one that goes on counts nothing twice. At first the rows say how many sessions are active
(`_anchor`): from then on every change is one of an event.
"""

from collections import Counter
from datetime import datetime

from sojourn.domain import series
from sojourn.domain.clock import Instant, to_text
from sojourn.domain.series import Suspended
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import feed, rollups, tenants
from sojourn.storage.queries.rollups import Position
from sojourn.storage.unit_of_work import UnitOfWork

BATCH = 500
"""Events counted in one write: some ten milliseconds."""
_NOTHING = Position(0, is_anchored=False, as_of=None)


async def count_events(database: Database, *, now: datetime, as_of: Instant) -> int:
    """Count the events of all tenants that were committed until now; how many.

    All that ended by itself until `as_of` was settled: then nothing more is to come that happened until then. Safe in
    several processes at once. Raises Unavailable; what was counted stays.
    """
    await database.number_events()
    newest = (await database.read(feed.EVERYBODY, feed.ends)).newest
    before = await database.read(feed.EVERYBODY, rollups.position)
    counted, is_whole = 0, True
    for tenant in await _tenants(database, before, newest=newest):
        counted += await _count_tenant(database, tenant, until=newest, now=to_text(now))
        is_whole &= await _anchor(database, tenant)
    if is_whole:
        place = {"position": newest, "is_anchored": True, "as_of": as_of}

        async def note(unit: UnitOfWork) -> None:
            await unit.run(rollups.PLACE, **place)

        await database.write(feed.EVERYBODY, note)
    return counted


async def forget_counted(database: Database, tenant: Tenant, *, now: datetime) -> None:
    """Delete a tenant's steps that are kept no longer. Raises Unavailable."""
    if await database.read(tenant, lambda unit: rollups.is_any_old(unit, to_text(now))):
        await database.write(tenant, lambda unit: rollups.forget(unit, to_text(now)))


async def anchor_again(database: Database) -> None:
    """Find out again, with the next count, how many sessions are active in every tenant. Raises Unavailable.

    For sessions that were written without events.
    """

    async def loosen(unit: UnitOfWork) -> None:
        await unit.run(rollups.UNANCHOR, no=False)

    async def begin_anew(unit: UnitOfWork) -> None:
        await unit.run(rollups.BEGIN_ANEW)

    for tenant in await _tenants(database, None, newest=0):
        await database.write(tenant, loosen)
    await database.write(feed.EVERYBODY, begin_anew)


async def _tenants(database: Database, before: Position | None, *, newest: int) -> list[Tenant]:
    """The tenants with events that were not counted; every one where nothing was counted before."""
    if before is None:
        async with database.system() as unit:
            return [Tenant(row.id) for row in await tenants.all_tenants(unit)]
    since = before.position
    if since >= newest:
        return []
    found = await database.read(feed.EVERYBODY, lambda unit: feed.tenants_between(unit, after=since, until=newest))
    return [Tenant(tenant_id) for tenant_id in sorted(found)]


async def _count_tenant(database: Database, tenant: Tenant, *, until: int, now: Instant) -> int:
    async def some(unit: UnitOfWork) -> int:
        return await _count_some(unit, until, now=now)

    total, count = 0, BATCH
    while count == BATCH:
        count = await database.write(tenant, some)
        total += count
    return total


async def _count_some(unit: UnitOfWork, until: int, *, now: Instant) -> int:
    """Count up to `BATCH` events of the tenant; how many. None where another process has counted them meanwhile."""
    before = await rollups.position(unit)
    if before is None:
        before = _NOTHING
        await unit.run(rollups.BEGIN, **before._asdict())
    events = await rollups.uncounted(unit, before.position, until=until, limit=BATCH)
    reached = events[-1][0] if len(events) == BATCH else max(until, before.position)
    if not await unit.run(rollups.ADVANCE, seen=before.position, reached=reached):
        return 0
    happened = [event for _, event in events if event.session_id is not None]
    facts, suspended = await rollups.known_of(unit, [event.session_id for event in happened])
    were_suspended = set(suspended)
    changes = series.count(happened, facts, suspended=suspended)
    if changes:
        await rollups.note_suspended(unit, before=were_suspended, after=suspended)
        await rollups.add(unit, changes, now=now)
    return len(events)


async def _anchor(database: Database, tenant: Tenant) -> bool:
    """Find out, once, how many sessions were active before the first event; False when that must be tried again."""
    before = await database.read(tenant, rollups.position)
    if before is None or before.is_anchored:
        return before is not None
    found = await database.read_long(tenant, _before_what_is_uncounted)
    if found is None:
        return False
    seen, active, suspended = found

    async def write(unit: UnitOfWork) -> bool:
        if not await unit.run(rollups.ANCHOR, seen=seen, yes=True):
            return False
        await rollups.set_active(unit, active)
        await rollups.note_suspended(unit, before=set(), after=suspended)
        return True

    return await database.write(tenant, write)


async def _before_what_is_uncounted(
    unit: UnitOfWork,
) -> tuple[int, dict[tuple[str, str], int], Suspended] | None:
    """How many are active, and which are suspended, as of the last event that was counted; and its number.

    That is what the rows say, less what the events say that were not counted yet. None when those are many.
    """
    with unit.snapshot():
        before = await rollups.position(unit)
        active, suspended = await rollups.active_by_rows(unit)
        if before is None:
            return None
        events = await rollups.uncounted(unit, before.position, until=2**62, limit=BATCH)
        events += await rollups.waiting(unit, limit=BATCH)
        if len(events) >= BATCH:
            return None
        happened = [event for _, event in events if event.session_id is not None]
        facts, were_suspended = await rollups.known_of(unit, [event.session_id for event in happened])
    newly = {event.session_id for event in happened if event.type == "session.suspended"}
    were_suspended |= suspended - newly
    at_first = Suspended(were_suspended)
    by_value: Counter[tuple[str, str]] = Counter(active)
    for bucket, change in series.count(happened, facts, suspended=were_suspended).items():
        by_value[bucket.dimension, bucket.value] -= change.opened
    return before.position, dict(by_value), at_first
