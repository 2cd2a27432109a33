"""The service under test: `sojourn serve` with several worker processes, on either engine."""

import os
import signal
import time
import urllib.request
from pathlib import Path

from tests.live import LiveServer

REFRESH_SECRET = "a-refresh-secret-of-at-least-thirty-two-bytes"
_WORKER = b"spawn_main"
_RESTART_SECONDS = 60


class Service(LiveServer):
    """A running service. Its settings make waiting short, so that a run shows more."""

    def __init__(self, folder: Path, database_url: str, workers: int = 2, **settings: str) -> None:
        super().__init__(
            folder,
            "--workers",
            str(workers),
            **{
                "SOJOURN_DATABASE_URL": database_url,
                "SOJOURN_REFRESH_SECRET": REFRESH_SECRET,
                "SOJOURN_BUSY_TIMEOUT": "2s",
                "SOJOURN_LOG_LEVEL": "warning",
                "SOJOURN_REFRESH_LIMIT": "100000",
                **settings,
            },
        )

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(child) for child in children if _WORKER in _command(child)]

    def kill_workers(self) -> None:
        """SIGKILL to every worker at once; returns when their successors have begun to start."""
        victims = self.workers()
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + _RESTART_SECONDS
        while set(victims) & set(self.workers()):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        self.wait_for_workers(len(victims))

    def wait_until_it_lives(self) -> None:
        """Wait until a process answers, ready or not."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health/live", timeout=5):
                    return
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many processes serve again."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while len(self.workers()) < count:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""
