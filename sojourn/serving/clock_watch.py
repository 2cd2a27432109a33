"""The time of a worker: the wall clock, unless the clock was set while the worker ran.

A machine's clock may be set wrong and corrected within seconds. If the wrong time were used at once, sessions would
end and requests would be refused because of it. So a step is logged as an error and counted, and the new time is
accepted only when the clock of the database agrees or when it is still there a minute later. Until then nothing is
settled or purged, nor for an hour after an accepted step forward; after a step back, sessions that were settled too
early are opened again.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from sojourn.domain.clock import SECOND_LOOK_SECONDS, Reading, TrustedTime, read_clocks, to_text
from sojourn.domain.errors import Unavailable
from sojourn.observability import metrics
from sojourn.serving.recurring import recur
from sojourn.storage.database import Database
from sojourn.storage.upkeep.housekeeping import reopen_all

LOOK_SECONDS = 1.0
_ASK_SECONDS = 10.0
"""While the clock is in doubt the database is asked this often; else once in `_COMPARE_SECONDS`."""
_COMPARE_SECONDS = 60.0
_HELD_SECONDS = 3600.0
"""For so long after a step ahead nothing is settled or purged: longer than it takes an operator to see the error."""

logger = logging.getLogger("sojourn")


class WatchedClock:
    """Tells the trusted time; `look` decides what is to be believed."""

    def __init__(self, read: Callable[[], Reading] = read_clocks) -> None:
        self._read = read
        self.begin()

    def begin(self) -> None:
        """Believe the wall clock as it is now: steps of before are not this worker's."""
        self._time = TrustedTime(self._read())
        self._told = 0
        self._is_told = False
        self._database_offset: float | None = None
        self._asked_at = float("-inf")
        self._verdict: bool | None = None
        self._held_until = float("-inf")

    def __call__(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.fromtimestamp(self._time.at(self._read()), UTC)

    @property
    def is_in_doubt(self) -> bool:
        """Whether the wall clock was set and is not believed yet."""
        return self._time.doubt is not None

    @property
    def may_settle(self) -> bool:
        """Whether what has ended by this clock may be settled and purged for good."""
        return not self.is_in_doubt and self._read().steady >= self._held_until

    async def watch(self, database: Callable[[], Database]) -> None:
        """Look again and again, until cancelled."""
        await recur("the look at the clock", lambda: self.look(database()), seconds=LOOK_SECONDS)

    async def look(self, database: Database) -> None:
        """Notice a step, also when nobody asks for the time, and believe it when there is reason to."""
        self()
        self._tell_steps()
        steady = self._read().steady
        if steady - self._asked_at >= (_ASK_SECONDS if self.is_in_doubt else _COMPARE_SECONDS):
            self._asked_at = steady
            await self._compare(database)
        if not self.is_in_doubt:
            self._tell_return()
        elif self._verdict or (self._verdict is None and self._time.has_lasted(steady)):
            await self._believe(database)

    async def _compare(self, database: Database) -> None:
        """Ask the database for its time: it confirms a step, denies it, or cannot tell."""
        theirs = await _time_of(database)
        if theirs is None:
            self._verdict = None
            return
        offset = theirs - self._read().steady
        self._verdict = self._time.confirmed_by(offset, before=self._database_offset)
        if not self.is_in_doubt:
            self._database_offset = offset

    def _tell_steps(self) -> None:
        steps = self._time.steps - self._told
        if not steps:
            return
        self._told += steps
        self._is_told = True
        self._verdict, self._asked_at = None, float("-inf")
        metrics.count("sojourn_clock_steps", by=steps)
        logger.error(
            "the wall clock was set by %+.0f s: not believed until the database's clock agrees, or for %g s",
            self._time.latest_step,
            SECOND_LOOK_SECONDS,
        )

    def _tell_return(self) -> None:
        if self._is_told:
            self._is_told = False
            logger.warning("the wall clock agrees with the steady one again: the step was never believed")

    async def _believe(self, database: Database) -> None:
        step = self._time.believe()
        self._is_told, self._verdict, self._database_offset = False, None, None
        logger.error("the wall clock is believed: the time of this process steps by %+.0f s", step)
        if step > 0:
            self._held_until = self._read().steady + _HELD_SECONDS
        else:
            opened = await reopen_all(database, to_text(self()))
            logger.warning("%d sessions had been settled too early and are open again", opened)


async def _time_of(database: Database) -> float | None:
    """The database's own time, in seconds since 1970; None where it has none, or does not tell it now."""
    try:
        return await asyncio.wait_for(database.time(), LOOK_SECONDS)
    except (Unavailable, TimeoutError):
        return None
