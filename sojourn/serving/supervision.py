"""A worker ends when its supervisor is gone: nobody would restart it, reload it or stop it any more."""

import asyncio
import logging
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger("sojourn")


@contextmanager
def end_with_supervisor() -> Iterator[None]:
    """Meanwhile, end this process in good order once the one that started it as a worker is gone.

    Does nothing in a process that serves alone.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(supervisor.sentinel)
        logger.error("the supervisor %s of this worker is gone: the worker ends, too", supervisor.pid)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(supervisor.sentinel, end)  # readable once the supervisor has ended, however it did
    try:
        yield
    finally:
        loop.remove_reader(supervisor.sentinel)
