"""A real server process for tests: `sojourn serve` on a free port with a database of its own."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

API_KEY = "internal-key-for-the-tests-0123456789"
JWT_SECRET = "a-secret-of-at-least-thirty-two-bytes!"
REFRESH_SECRET = "another-secret-of-at-least-thirty-two-bytes"
START_SECONDS = 120


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LiveServer:
    """One running server. Ends with `stop`, or at once with `kill`. In a setting, `{url}` is the server's address."""

    program: tuple[str, ...] = (sys.executable, "-m", "sojourn")
    start_seconds: float = START_SECONDS

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        tls_authority: Path | None = None,
        awaits: str = "/health/ready",
        port: int | None = None,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}" if tls_authority is None else f"https://localhost:{self.port}"
        self._trust = None if tls_authority is None else ssl.create_default_context(cafile=str(tls_authority))
        self.log = folder / "server.log"
        self.environ = {
            **os.environ,
            "SOJOURN_DATABASE_URL": f"sqlite:///{folder}/sojourn.db",
            "SOJOURN_INTERNAL_API_KEYS": API_KEY,
            "SOJOURN_JWT_SECRET": JWT_SECRET,
            "SOJOURN_RESPONSE_VALIDATION": "enforce",
            "SOJOURN_DRAIN_TIME": "0s",
            "SOJOURN_STREAM_MAX_AGE": "1s",
            **{name: value.replace("{url}", self.url) for name, value in settings.items()},
        }
        self._arguments = arguments
        self._awaits = awaits
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [*self.program, "serve", "--port", str(self.port), *self._arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended at start:\n{self.log.read_text()}")
            try:
                with urllib.request.urlopen(f"{self.url}{self._awaits}", timeout=15, context=self._trust):
                    return process
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        process.kill()
        raise RuntimeError(f"the server did not become ready:\n{self.log.read_text()}")

    def workers(self) -> list[int]:
        """The processes that serve for this one, by id. Where they are spawned, Python keeps one beside them."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("utf-8").split()
        return [int(child) for child in children if b"resource_tracker" not in _command(child)]

    def kill(self) -> None:
        """End the process as a power cut would: SIGKILL, no goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def restart(self) -> None:
        """Start again on the same port and database."""
        self.process = self._start()

    def stop(self) -> int:
        """Ask the process to end; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(120)


def _command(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has gone meanwhile
        return b"resource_tracker"
