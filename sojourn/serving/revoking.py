"""Carries plans out in a worker: at once where it was applied here, within seconds where another process left it."""

import asyncio
import logging
from collections.abc import Callable

from sojourn.domain.clock import Clock
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import revocation_plans
from sojourn.storage.queries.feed import EVERYBODY
from sojourn.storage.upkeep.revoking import carry_out

LOOK_SECONDS = 10
"""How often plans are looked for that nobody carries out."""

logger = logging.getLogger("sojourn")


class Revoker:
    """Ends the rows of applied plans, one tenant after the other."""

    def __init__(self, database: Callable[[], Database], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tenants: dict[Tenant, None] = {}
        self._heard = asyncio.Event()

    def look(self, tenant: Tenant) -> None:
        """A plan of the tenant was applied."""
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
            found = await self._database().read(EVERYBODY, revocation_plans.tenants_with_open_ones)
            self._tenants |= dict.fromkeys(map(Tenant, found))
        except Unavailable:
            logger.debug("no plans were looked for: the database is busy")

    async def _carry_out(self, tenant: Tenant, holder: str) -> None:
        """What fails is looked for again with everything else."""
        self._tenants.pop(tenant, None)
        try:
            await carry_out(self._database(), tenant, holder=holder, clock=self._clock)
        except Unavailable:
            logger.warning("the plans of a tenant found the database busy; they go on in %d s", LOOK_SECONDS)
        except Exception:
            logger.exception("a plan was not carried out; it is tried again in %d s", LOOK_SECONDS)
