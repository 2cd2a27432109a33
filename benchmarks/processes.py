"""Server processes: started on their own core, asked for what they cost, stopped by their own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_LIMIT_SECONDS = 60.0
_STOP_LIMIT_SECONDS = 10.0


class ServerFailed(Exception):
    """A server ended, or did not begin to answer in time; the message has the end of its output."""


class RunningServer:
    """A server that is alive, with every process it has started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        core: int,
        port: int,
        log: Path,
    ) -> None:
        self.port = port
        self._log = log
        self._started_at = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                cwd=folder,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_answer(self, request: bytes) -> float:
        """Send `request` until it is answered with 200; the seconds since the process was started.

        Raises ServerFailed when the process ends or the time is up.
        """
        while (passed := time.perf_counter() - self._started_at) < _START_LIMIT_SECONDS:
            if self._process.poll() is not None:
                raise ServerFailed(f"ended with {self._process.returncode}:\n{self._tail()}")
            if _answers(self.port, request):
                return time.perf_counter() - self._started_at
            time.sleep(0.003)
        raise ServerFailed(f"no good answer within {passed:.0f} s:\n{self._tail()}")

    def cpu_seconds(self) -> float:
        """Processor time, user and system, of all its processes so far."""
        return sum(map(cpu_seconds, self._processes()))

    def memory_bytes(self) -> tuple[int, int]:
        """Resident memory of all its processes: everything, and what is no file's page."""
        everything = own = 0
        for process in self._processes():
            for line in Path(f"/proc/{process}/status").read_text("ascii", "replace").splitlines():
                name, _, value = line.partition(":")
                if name == "VmRSS":
                    everything += int(value.split()[0]) * 1024
                elif name == "RssAnon":
                    own += int(value.split()[0]) * 1024
        return everything, own

    def stop(self) -> None:
        """End it, politely first."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _processes(self) -> list[int]:
        found, waiting = [], [self._process.pid]
        while waiting:
            process = waiting.pop()
            found.append(process)
            for task in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (task / "children").read_text("ascii").split())
        return found

    def _tail(self) -> str:
        return self._log.read_text("utf-8", "replace")[-3000:]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int, request: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def cpu_seconds(process: int) -> float:
    """Processor time, user and system, of one process so far."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
