"""Workers and the process that started them: none stays behind."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from sojourn.settings.cores import usable_cores
from tests.live import LiveServer

SECONDS = 60


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_workers_end_when_their_supervisor_was_killed(tmp_path: Path) -> None:
    number = usable_cores()
    server = LiveServer(tmp_path, "--workers", "auto" if number > 1 else "2")
    try:
        assert until(lambda: len(server.workers()) == max(number, 2))
        workers = server.workers()

        server.process.send_signal(signal.SIGKILL)
        server.process.wait(SECONDS)

        assert until(lambda: all(map(is_gone, workers))), f"still there: {workers}"
        assert "the supervisor" in server.log.read_text("utf-8")
    finally:
        server.kill()
