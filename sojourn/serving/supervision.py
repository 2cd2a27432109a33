"""A worker ends when its supervisor is gone: nobody would restart it, reload it or stop it any more."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger("sojourn")


class Lifeline:
    """A pipe whose one end only the supervisor holds, so that the other can be read once the supervisor has ended.

    The pipe that each process gets from Python will not do: workers that are forked later hold its end, too.
    """

    kept: "Lifeline | None" = None
    """The one of this process, where it was forked as a worker."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.sentinel, self._held = os.pipe()

    def keep(self) -> None:
        """This process is a worker of the one that made the pipe."""
        os.close(self._held)
        Lifeline.kept = self

    def close(self) -> None:
        """The supervisor has no workers any more."""
        os.close(self.sentinel)
        os.close(self._held)


@contextmanager
def end_with_supervisor() -> Iterator[None]:
    """Meanwhile, end this process in good order once the one that started it as a worker is gone.

    Does nothing in a process that serves alone.
    """
    supervisor: Any = Lifeline.kept or multiprocessing.parent_process()
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
