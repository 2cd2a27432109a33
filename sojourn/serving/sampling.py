"""What a worker looks at once in a while for the metrics: how busy it is, and how many sessions are active."""

import asyncio
import logging
import time
from collections.abc import Callable

from sojourn import __version__
from sojourn.domain.clock import Clock, to_text
from sojourn.domain.errors import Unavailable
from sojourn.observability import metrics
from sojourn.serving.feed import Feed
from sojourn.storage.database import Database
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.queries.sending import backlog
from sojourn.storage.upkeep.housekeeping import active_sessions

SECONDS = 1.0
ROUNDS_BETWEEN_COUNTS = 60

logger = logging.getLogger("sojourn")


async def sample(database: Callable[[], Database], clock: Clock, *, feed: Feed) -> None:
    """Look again and again, until cancelled. Returns at once where nothing is counted.

    The load is looked at beside the counts: they wait for the database, and most of all where the load matters.
    """
    async with asyncio.TaskGroup() as looks:
        looks.create_task(_loads(database, feed))
        looks.create_task(_counts(database, clock))


async def _loads(database: Callable[[], Database], feed: Feed) -> None:
    while metrics.are_on():
        _show_load(database())
        readers, age = feed.load()
        metrics.show("sojourn_feed_readers", readers)
        metrics.show("sojourn_feed_age_seconds", age)
        asked = time.perf_counter()
        await asyncio.sleep(SECONDS)
        metrics.observe("sojourn_event_loop_delay_seconds", max(0.0, time.perf_counter() - asked - SECONDS))


async def _counts(database: Callable[[], Database], clock: Clock) -> None:
    counted = None
    rounds = 0
    while metrics.are_on():
        opened = database()
        if opened is not counted or rounds % ROUNDS_BETWEEN_COUNTS == 0:
            counted = await _show_sessions(opened, clock)
        rounds += 1
        await asyncio.sleep(SECONDS)


def _show_load(database: Database) -> None:
    load = database.load()
    metrics.show("sojourn_writes_waiting", load.writes_waiting)
    metrics.show("sojourn_database_work", load.under_way)
    metrics.show("sojourn_database_connections_in_use", load.connections_in_use)
    metrics.show("sojourn_database_connections_max", load.connections_max)


async def _show_sessions(database: Database, clock: Clock) -> Database | None:
    """Count the active sessions; the database they were counted in, None when it did not answer."""
    try:
        metrics.show("sojourn_sessions_active", await active_sessions(database, to_text(clock())))
        metrics.show("sojourn_webhook_backlog", await database.read(EVERYBODY, backlog))
    except Unavailable:
        return None
    except Exception:  # the other numbers go on, and this one is tried again when it is due
        logger.exception("the active sessions could not be counted")
    metrics.show("sojourn_build", 1, __version__, database.engine)
    return database
