"""SIGHUP: keys are read again, without a restart and without an outage."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable

logger = logging.getLogger("sojourn.serving")


class Reloading:
    """What a worker does at SIGHUP: each of `steps`, which read something again and wait for nothing."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        self._steps = steps

    def watch(self) -> None:
        """From now on SIGHUP reloads. Called in the server's loop, once the server has its own handlers in place.

        Without those (the application is embedded), or outside the main thread, signals are not ours.
        """
        of_a_server = callable(signal.getsignal(signal.SIGTERM))
        if of_a_server and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        for step in self._steps:
            step()
        logger.info("SIGHUP: keys and key sets are read again")
