"""The service under test: `sojourn serve` with several worker processes, on either engine."""

import os
import signal
import time
from pathlib import Path

from tests.live import LiveServer

REFRESH_SECRET = "a-refresh-secret-of-at-least-thirty-two-bytes"
_BEGINS = b"Application startup complete"
_RESTART_SECONDS = 180


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
                "SOJOURN_REFRESH_LIMIT": "100000",
                **settings,
            },
        )
        self.wait_for_starts(workers)

    def starts(self) -> int:
        """How many workers have begun to serve so far."""
        return self.log.read_bytes().count(_BEGINS)

    def wait_for_starts(self, count: int) -> None:
        """Wait until so many workers have begun to serve, those that ended counted."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while self.starts() < count:
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def kill_workers(self) -> None:
        """SIGKILL to every worker at once; returns when their successors serve, ready or not."""
        before, victims = self.starts(), self.workers()
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        self.wait_for_starts(before + len(victims))
