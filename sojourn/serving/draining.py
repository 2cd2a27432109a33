"""Graceful shutdown: report not ready first, stop accepting connections later.

A load balancer sees at `/health/ready` that an instance is about to stop. During `SOJOURN_DRAIN_TIME` the instance
reports not ready and still serves every request, closing each connection after the response; then the server receives
the signal.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any


def _nothing() -> None:
    """Nobody else is told."""


class Draining:
    """Stands between the signal to stop and the server's own handler of it. `begun` says whether the signal came."""

    def __init__(self, drain_time: timedelta) -> None:
        self._seconds = drain_time.total_seconds()
        self._server_stops: Any = None
        self._server_is_interrupted: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._also: Callable[[], None] = _nothing
        self.begun = False

    def watch(self, also: Callable[[], None] = _nothing) -> None:
        """From now on SIGTERM drains first. Called in the server's loop, once the server has its own handler in place.

        `also` is called in the loop as soon as the signal comes: no request waits for events then.
        Without such a handler (the application is embedded), or outside the main thread, signals are not ours.
        """
        handler = signal.getsignal(signal.SIGTERM)
        if not callable(handler) or threading.current_thread() is not threading.main_thread():
            return
        self._server_stops = handler
        self._loop = asyncio.get_running_loop()
        self._also = also
        signal.signal(signal.SIGTERM, self._drain)
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt) and interrupt is not signal.default_int_handler:
            self._server_is_interrupted = interrupt
            signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The server stops at once: it waits for what is being answered, and nobody who follows is to be waited for."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._also)
        self._server_is_interrupted(number, frame)

    def _drain(self, number: int, frame: FrameType | None) -> None:
        """A second signal, or no time to drain, stops the server at once."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._also)
        if self.begun or not self._seconds or self._loop is None:
            self._server_stops(number, frame)
            return
        self.begun = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._seconds, self._server_stops, number, frame)
