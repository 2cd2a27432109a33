"""A server whose limits are wide, and how much of the processor it has used."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sojourn.conformance.wire import Raw
from tests.live import LiveServer
from tests.strictness.conftest import Prepared
from tests.strictness.requests import exchange

SETTLED_SECONDS = 0.0005


class Meter:
    """What a server spends on a request, in seconds of processor time: waiting and other processes do not count."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._tasks = Path(f"/proc/{server.process.pid}/task")
        self.statuses: set[int] = set()

    def cost(self, request: Raw | bytes) -> float:
        """Send a request, wait for the end of its answer; the seconds it took. `statuses` collects the answers'."""
        before = self._settled()
        self.statuses.add(exchange(self._server.port, request).status)
        return (self._settled() - before) / 1e9

    def _settled(self) -> int:
        """The nanoseconds used so far, once they grow no longer and no thread has anything left to do."""
        used = self._used()
        while True:
            time.sleep(SETTLED_SECONDS)
            if (now := self._used()) == used and self._rests():
                return now
            used = now

    def _rests(self) -> bool:
        """Whether all threads wait for something: one that has work to do, but no processor just now, is in state R."""
        states = ((task / "stat").read_text().rpartition(")")[2].split()[0] for task in self._tasks.iterdir())
        return "R" not in states

    def _used(self) -> int:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self._tasks.iterdir())


@pytest.fixture(scope="package")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A server that reads much more than it should, so that nothing is refused for its size alone."""
    server = LiveServer(
        tmp_path_factory.mktemp("wide"),
        SOJOURN_MAX_BODY_BYTES="2000000",
        SOJOURN_MAX_HEADER_BYTES="500000",
        SOJOURN_MAX_URI_BYTES="60000",
        SOJOURN_BODY_TIMEOUT="200ms",
        SOJOURN_TOUCH_INTERVAL="0s",
    )
    yield Prepared(server)
    assert server.stop() in (0, -signal.SIGTERM)


@pytest.fixture(scope="package")
def meter(wide: Prepared) -> Meter:
    return Meter(wide.server)
