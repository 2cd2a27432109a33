"""The listener for Prometheus, separate from the one that serves the contract.

It runs in a thread of the process that starts the workers, and adds up their counts.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from sojourn.observability.metrics import FOLDER

CLIENT_SECONDS = 10
"""How long a client of this listener may take to send or to read before it is cut."""

PATH = "/metrics"

STILL = threading.Lock()
"""Held while a request is answered, and while the process forks: what a thread holds then is never given back."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Any]


@contextmanager
def exposed(host: str, port: int | None) -> Iterator[str | None]:
    """Serve the metrics while the block runs; their URL, or None when `port` is None and nothing listens.

    Port 0 takes a free one. Raises OSError when the port cannot be had.
    """
    if port is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="sojourn-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            from prometheus_client.exposition import ThreadingWSGIServer

            server = make_server(host, port, _application(Path(folder)), ThreadingWSGIServer, _Handler)
            thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
            thread.start()
            try:
                yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}{PATH}"
            finally:
                server.shutdown()
                server.server_close()
                thread.join()
        finally:
            del os.environ[FOLDER]


def _application(folder: Path) -> Wsgi:
    # The library reads `FOLDER` when it is loaded.
    from prometheus_client import CollectorRegistry, make_wsgi_app
    from prometheus_client.multiprocess import MultiProcessCollector

    class Workers(MultiProcessCollector):
        """What all workers have counted. A file that one of them is just making is empty, and cannot be read yet."""

        def collect(self) -> Any:
            files = [str(file) for file in folder.glob("*.db") if file.stat().st_size]
            return self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]  # the library

    registry = CollectorRegistry()
    Workers(registry, str(folder))  # type: ignore[no-untyped-call]  # the library
    answer = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"The metrics are at {PATH}.\n".encode()]
        with STILL:
            _forget_the_dead(folder)
            return answer(environ, start_response)

    return application


def _forget_the_dead(folder: Path) -> None:
    """Delete what workers that are gone had at the moment. What they counted stays: a sum never becomes smaller."""
    for file in folder.glob("gauge_live*_*.db"):
        if not Path(f"/proc/{file.stem.rpartition('_')[2]}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_SECONDS

    def log_message(self, *_: Any) -> None:
        """Not logged: the metrics are read every few seconds."""
