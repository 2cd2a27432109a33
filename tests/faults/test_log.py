"""The log goes into a pipe, and what is behind it stops reading."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.clients import RecordingClient
from tests.faults.conftest import Experiment
from tests.faults.history import History
from tests.faults.services import Service

WITHOUT_READER_SECONDS = 8
CALLS = 2_000
"""So many calls are answered meanwhile: their lines are several times what a pipe holds (64 KB)."""
PATIENCE_SECONDS = 120


class PipedService(Service):
    """A service whose log is a pipe. What is read of it is kept in the file `log`."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._kept = folder / "kept.log"
        self._kept.touch()
        os.mkfifo(folder / "server.log")
        self._pipe = os.open(folder / "server.log", os.O_RDONLY | os.O_NONBLOCK)
        self._reads, self._ends = threading.Event(), threading.Event()
        self._reads.set()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        super().__init__(folder, database_url)
        self.log = self._kept

    def starts(self) -> int:
        """How many workers have begun to serve so far."""
        self.log = self._kept
        return super().starts()

    def stop_reading(self) -> None:
        """Nobody reads the log."""
        self._reads.clear()

    def read_on(self) -> None:
        """Somebody does again."""
        self._reads.set()

    def close(self) -> None:
        """Stop the service, and then its reader."""
        self.read_on()
        self.stop()
        self._ends.set()
        self._reader.join()
        os.close(self._pipe)

    def _read(self) -> None:
        with self._kept.open("ab", buffering=0) as kept:
            while not self._ends.is_set():
                self._reads.wait()
                try:
                    kept.write(os.read(self._pipe, 1 << 16))
                except BlockingIOError:
                    time.sleep(0.01)


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[PipedService]:
    """A service whose log is read."""
    running = PipedService(tmp_path, database_url)
    yield running
    running.close()


def test_nobody_reads_the_log(service: PipedService, experiment: Experiment) -> None:
    """Requests go on as if it were read; nobody is refused, and no answer is missing."""
    prober = RecordingClient(service.port, "acme", "prober", History())

    def stop_reading() -> None:
        service.stop_reading()
        until = time.monotonic() + WITHOUT_READER_SECONDS
        deadline = time.monotonic() + PATIENCE_SECONDS
        calls = 0
        while time.monotonic() < until or calls < CALLS:
            assert prober.ask("GET", "/health/live", {}).status == 200
            calls += 1
            assert time.monotonic() < deadline, "too few calls are answered to fill a pipe"
        service.read_on()

    verdict = experiment(f"nobody reads the log for {WITHOUT_READER_SECONDS} s", service, stop_reading)
    prober.close()

    assert (verdict.refused, verdict.unknown) == (0, 0)
