"""Lets rows follow in a worker, where many end at once: by plans that were applied, and time-outs that became shorter.

At once where that was asked for here, within seconds where another process left it.
"""

import asyncio
import logging
from collections.abc import Callable

from sojourn.domain.clock import Clock
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import revocation_plans, tightenings
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.upkeep import revoking, tightening

LOOK_SECONDS = 10
"""How often it is looked for what nobody carries out."""

logger = logging.getLogger("sojourn")


class Revoker:
    """Ends the rows of applied plans, and rewrites those of shorter time-outs, one tenant after the other."""

    def __init__(self, database: Callable[[], Database], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tenants: dict[Tenant, None] = {}
        self._heard = asyncio.Event()

    def look(self, tenant: Tenant) -> None:
        """A plan of the tenant was applied, or a time-out of it became shorter."""
        self._tenants[tenant] = None
        self._heard.set()

    async def run(self) -> None:
        """Carry out what was applied here, and now and then what is left anywhere, until cancelled."""
        holder, time = uuid7(self._clock()), asyncio.get_running_loop().time
        next_look = time() + LOOK_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(next_look):
                    await self._heard.wait()
            except TimeoutError:
                await self._look_everywhere()
                next_look = time() + LOOK_SECONDS
            self._heard.clear()
            while self._tenants:
                await self._carry_out(next(iter(self._tenants)), holder)

    async def _look_everywhere(self) -> None:
        try:
            for tenants_of in (revocation_plans.tenants_with_open_ones, tightenings.tenants_with_open_ones):
                found = await self._database().read(EVERYBODY, tenants_of)
                self._tenants |= dict.fromkeys(map(Tenant, found))
        except Unavailable:
            logger.debug("no plans and time-outs were looked for: the database is busy")

    async def _carry_out(self, tenant: Tenant, holder: str) -> None:
        """What fails is looked for again with everything else."""
        self._tenants.pop(tenant, None)
        try:
            await tightening.carry_out(self._database(), tenant, holder=holder, clock=self._clock)
            await revoking.carry_out(self._database(), tenant, holder=holder, clock=self._clock)
        except Unavailable:
            logger.warning("what is to end in a tenant found the database busy; it goes on in %d s", LOOK_SECONDS)
        except Exception:
            logger.exception("a plan or time-out was not carried out; it is tried again in %d s", LOOK_SECONDS)
