"""Workers that are forked from a process which has loaded the program: they share its memory and start at once.

uvicorn's supervisor starts, watches, replaces and stops them; how a process is made is all that differs here. The
application is built once, before. Its lifespan begins in each worker, with a database, an event loop, threads, a clock
and keys of its own: a worker that replaces another one reads the keys as they are then.
"""

import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkProcess
from typing import Any

from uvicorn._subprocess import subprocess_started
from uvicorn.config import Config
from uvicorn.supervisors import multiprocess

from sojourn.observability.exposition import STILL
from sojourn.serving.collection import keep_what_is_there
from sojourn.serving.supervision import Lifeline

CAN_FORK = sys.platform == "linux"
"""Elsewhere workers are started anew: on macOS, libraries of the system do not survive a fork."""


class _Worker(ForkProcess):
    """A worker process. Its signals are its own before the first of them can come."""

    def __init__(self, lifeline: Lifeline, target: Callable[[], None]) -> None:
        super().__init__()
        self._lifeline = lifeline
        self._serve = target

    def start(self) -> None:
        """Fork. Signals that come meanwhile wait, for the supervisor."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, multiprocess.SIGNALS)
        try:
            with STILL:
                super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def run(self) -> None:
        """Serve, in the new process."""
        for number in multiprocess.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until keys can be read again
        signal.pthread_sigmask(signal.SIG_UNBLOCK, multiprocess.SIGNALS)
        self._lifeline.keep()
        self._serve()


@contextmanager
def forked_workers() -> Iterator[None]:
    """Meanwhile, uvicorn's supervisor forks its workers. Nothing that is there now is collected in them."""
    gc.collect()
    keep_what_is_there()  # a collection in a worker would touch, and so copy, what is shared
    module: Any = multiprocess
    spawned, lifeline = module.get_subprocess, Lifeline()

    def get_subprocess(config: Config, target: Callable[..., None], sockets: list[socket.socket]) -> Any:
        return _Worker(lifeline, lambda: subprocess_started(config, target, sockets, None))

    module.get_subprocess = get_subprocess
    try:
        yield
    finally:
        module.get_subprocess = spawned
        lifeline.close()


class _Enough(Exception):
    """The application asked whether it should start."""


async def warm(app: Callable[..., Any]) -> None:
    """Have an application build its layers, which it does at the first call, and start nothing."""

    async def receive() -> dict[str, Any]:
        raise _Enough()

    async def send(_: object) -> None:
        """Nothing is sent before something was received."""

    with suppress(_Enough):
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
