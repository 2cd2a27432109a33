"""The hot operations, as storage runs them, on users and sessions drawn at random from what is there."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.ids import uuid7
from sojourn.domain.paging import Page
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import sessions, statistics
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.session_search import page_of
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import UnitOfWork

SAMPLE = 2000
HOURS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Known:
    """Sessions that are there, and the instant the data ends: `(tenant, user, session)` drawn from the newest."""

    drawn: list[tuple[Tenant, str, str]]
    now: str


Operation = Callable[[Database, Known, random.Random], Awaitable[Any]]


async def find(database: Database, tenants: int, until: datetime) -> Known:
    """Draw sessions of every tenant: its newest ones, active or not."""
    drawn: list[tuple[Tenant, str, str]] = []
    for number in range(tenants):
        tenant = Tenant(f"tnt_{number + 1:04d}")
        page = Page(1, SAMPLE // tenants)
        rows = await database.read(tenant, lambda unit, page=page: _newest(unit, until, page))
        drawn += [(tenant, row.user_id, row.id) for row in rows]
    return Known(drawn, to_text(until))


async def _newest(unit: UnitOfWork, until: datetime, page: Page) -> Any:
    return (await page_of(unit, SessionFilter(), now=to_text(until), page=page)).rows


async def active_check(database: Database, known: Known, chance: random.Random) -> None:
    """Has this user an active session?"""
    tenant, user, _ = chance.choice(known.drawn)
    await database.read(tenant, lambda unit: sessions.count_active_of_user(unit, user, now=known.now))


async def list_of_10(database: Database, known: Known, chance: random.Random) -> None:
    """A user's active sessions, the first page."""
    tenant, user, _ = chance.choice(known.drawn)
    await database.read(tenant, lambda unit: sessions.list_active_of_user(unit, user, now=known.now, page=Page(1, 10)))


async def get(database: Database, known: Known, chance: random.Random) -> None:
    """One session by its id."""
    tenant, _, key = chance.choice(known.drawn)
    await database.read(tenant, lambda unit: sessions.get(unit, key))


async def create(database: Database, known: Known, chance: random.Random) -> None:
    """A sign-in of a user who is known."""
    tenant, user, _ = chance.choice(known.drawn)
    now = utc_now()
    end, began = to_text(now + HOURS), to_text(now)
    session = NewSession(
        uuid7(now), user, began, began, began, end, end, device_type="desktop", user_agent="Mozilla/5.0"
    )
    await database.write(tenant, lambda unit: sessions.add(unit, session))


async def touch(database: Database, known: Known, chance: random.Random) -> None:
    """An activity, written at once."""
    tenant, _, key = chance.choice(known.drawn)
    await database.write(tenant, lambda unit: sessions.touch(unit, key, touch=Touch(known.now, known.now, known.now)))


async def stats(database: Database, known: Known, chance: random.Random) -> None:
    """The tenant's numbers."""
    tenant, _, _ = chance.choice(known.drawn)
    await database.read(tenant, lambda unit: statistics.session_stats(unit, known.now))


OPERATIONS: dict[str, Operation] = {
    "active check": active_check,
    "list of 10": list_of_10,
    "get": get,
    "create (durable)": create,
    "touch (durable)": touch,
    "stats": stats,
}
