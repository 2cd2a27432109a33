"""Recurring work of a worker besides its requests. No failure stops it permanently."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sojourn.domain.errors import Unavailable

logger = logging.getLogger("sojourn")


async def recur(name: str, work: Callable[[], Awaitable[None]], *, seconds: float) -> None:
    """Wait for `seconds`, do `work`, and so on until cancelled.

    A database that does not answer is a warning. Any other failure is logged as an error with its traceback: nobody
    waits for this work, so nobody else would notice that it is not done any more.
    """
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Unavailable:
            logger.warning("%s found the database busy; it goes on in %g s", name, seconds)
        except Exception:
            logger.exception("%s failed; it is tried again in %g s", name, seconds)
