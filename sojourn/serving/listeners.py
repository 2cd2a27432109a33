"""Runs uvicorn: in this process or in several, on one port or, with an internal one, on two."""

import os
import signal
import socket
import sys
from contextlib import ExitStack
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.importer import import_from_string
from uvicorn.supervisors import Multiprocess

from sojourn.serving.collection import uncollected
from sojourn.serving.forking import CAN_FORK, forked_workers

APPLICATION = "sojourn.app:create_app_from_env"
PREPARED = "sojourn.app:prepare_app_from_env"
"""Gives what is called in each worker, where workers are forked."""


class Workers(Multiprocess):
    """The worker processes. SIGHUP goes on to each of them: they read keys again and serve on."""

    def handle_hup(self) -> None:
        """Tell every worker."""
        for process in self.processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)


def bound(host: str, port: int) -> socket.socket:
    """A socket that may listen there; port 0 takes a free one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.set_inheritable(True)
    except OSError:
        found.close()
        raise
    return found


def serve(workers: int, internal: socket.socket | None, **options: Any) -> None:
    """Serve until interrupted, at the internal port too where there is one.

    Leaves the process with a status when the only worker could not start.
    """
    others = [] if internal is None else [internal]
    config = uvicorn.Config(APPLICATION, factory=True, workers=workers, **options)
    try:
        if workers > 1:
            with ExitStack() as stack:
                if CAN_FORK:
                    with uncollected():
                        config.app = import_from_string(PREPARED)()
                    stack.enter_context(forked_workers())
                Workers(config, sockets=[config.bind_socket(), *others]).run()
            return
        with uncollected():
            config.load_app()
        server = uvicorn.Server(config)
        server.run([config.bind_socket(), *others] if others else None)
    except KeyboardInterrupt:
        return
    if not server.started:
        sys.exit(STARTUP_FAILURE)
