"""PgBouncer between the program and a PostgreSQL of the tests' own."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgres import ROLE, Cluster

MODES = ("session", "transaction")
MISSING = "PgBouncer is not installed (Debian's package `pgbouncer`), and no wheel brings it"
_PORT = 6432
_START_SECONDS = 60


class Pooler:
    """A PgBouncer with the settings it comes with, and those given. `url` names a database behind it."""

    def __init__(self, folder: Path, server: Cluster, *, mode: str, connections: int, settings: str = "") -> None:
        self._folder = folder
        self._settings = folder / "pgbouncer.ini"
        self._settings.write_text(
            f"[databases]\n* = host={server.folder} user={ROLE}\n[pgbouncer]\nlisten_addr =\nlisten_port = {_PORT}\n"
            f"unix_socket_dir = {folder}\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {connections}\n"
            f"logfile = {folder}/log\n{settings}"
        )
        self.start()

    def url(self, database: str) -> str:
        """Where the program finds a database by way of the pooler."""
        return f"postgresql://{ROLE}@/{database}?host={self._folder}&port={_PORT}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        bouncer = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")  # Debian's is for root
        if bouncer is None:
            pytest.skip(MISSING)
        socket = self._folder / f".s.PGSQL.{_PORT}"
        socket.unlink(missing_ok=True)
        as_user = ["-u", "nobody"] if os.getuid() == 0 else []
        self._process = subprocess.Popen([bouncer, "-q", *as_user, self._settings], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_SECONDS
        while not socket.exists():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PgBouncer does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, and every connection with it."""
        self._process.kill()
        self._process.wait(60)


@contextmanager
def pooler(server: Cluster, mode: str, *, connections: int, settings: str = "") -> Iterator[Pooler]:
    """A PgBouncer in front of `server`, with so many connections for each database."""
    folder = Path(tempfile.mkdtemp(prefix="sojourn-pgb-"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    try:
        running = Pooler(folder, server, mode=mode, connections=connections, settings=settings)
        try:
            yield running
        finally:
            running.kill()
    finally:
        shutil.rmtree(folder)
