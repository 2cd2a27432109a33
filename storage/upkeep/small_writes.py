"""Many sessions that a job changes: a few in each write, with rests, so that requests hardly wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.unit_of_work import UnitOfWork

AT_ONCE = 15
"""Rows changed in one write: a few milliseconds. SQLite has one writer, and 100 rows kept it from others too long."""
RESTS = 2
"""How many times as long as a write took the job rests after it."""
_LONGEST_REST_SECONDS = 0.2


class Change(Protocol):
    """Changes some sessions at an instant; how many."""

    def __call__(self, unit: UnitOfWork, keys: list[SessionKey], *, now: Instant) -> Awaitable[int]: ...


async def change_few_at_once(
    database: Database, tenant: Tenant, *, keys: list[SessionKey], change: Change, clock: Callable[[], datetime]
) -> int:
    """Change sessions in several writes; how many were changed. Raises Unavailable; what was changed stays so."""
    time, total = asyncio.get_running_loop().time, 0
    for begin in range(0, len(keys), AT_ONCE):
        some, now, began = keys[begin : begin + AT_ONCE], to_text(clock()), time()

        async def write(unit: UnitOfWork, *, some: list[SessionKey] = some, now: Instant = now) -> int:
            return await change(unit, some, now=now)

        total += await database.write(tenant, write)
        is_last = begin + AT_ONCE >= len(keys)
        await asyncio.sleep(0 if is_last else min(RESTS * (time() - began), _LONGEST_REST_SECONDS))
    return total
