"""Time-outs that became shorter: the rows of the sessions follow, some at a time, in whichever process gets to it.

Every statement works out the deadlines already (`sojourn.storage.queries.session_deadlines`). What was rewritten stays
so when a process dies: another one begins the walk again, and finds what is left. A second walk comes later: a request
that had read the policy of before may still have been writing during the first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from sojourn.domain.clock import from_text, to_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import tightenings
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import leases
from sojourn.storage.upkeep.small_writes import change_few_at_once

LOOKED_FOR = 2_000
"""Rows looked for at once."""
LEASE = timedelta(seconds=15)
"""How long after a process died no other one goes on with its tenant."""
LATE = timedelta(minutes=2)
"""Longer than a request takes, and than an activity waits to be written: what comes later knows the new policy."""

_FIRST = SessionKey("00000000-0000-0000-0000-000000000000")


async def carry_out(database: Database, tenant: Tenant, *, holder: str, clock: Callable[[], datetime]) -> int:
    """Rewrite what is left of the tenant's sessions; how many. Raises Unavailable; what was rewritten stays so.

    `holder` names the process. Nothing is done where another process is at it: done twice it would do no harm.
    """
    found, began = await database.read(tenant, tightenings.open_ones), clock()
    if not any(row.walked_at is None or from_text(row.since) + LATE <= began for row in found):
        return 0
    lease = f"timeouts {sha256(tenant.id.encode()).hexdigest()[:40]}"
    total, after = 0, _FIRST
    while True:
        now = clock()
        if not await leases.take(database, lease, holder=holder, now=to_text(now), until=to_text(now + LEASE)):
            return total

        async def look(unit: UnitOfWork, after: SessionKey = after) -> list[SessionKey]:
            return await tightenings.next_keys(unit, after=after, limit=LOOKED_FOR)

        keys = await database.read_long(tenant, look)
        if not keys:
            break
        total += await change_few_at_once(database, tenant, keys=keys, change=tightenings.rewrite, clock=clock)
        after = keys[-1]

    async def end(unit: UnitOfWork) -> None:
        await tightenings.walked(unit, began=to_text(began), before=to_text(began - LATE))

    await database.write(tenant, end)
    await leases.give_back(database, lease, holder=holder)
    return total
