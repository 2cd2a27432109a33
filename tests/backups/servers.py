"""PostgreSQL servers for the drill: one that archives its log, and one that is restored from a base back-up."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import MISSING, Cluster, binaries, cluster

_WAIT_SECONDS = 120


class Archiving(Cluster):
    """A server that keeps every segment of its log in a folder, from which it can be replayed."""

    @property
    def archive(self) -> Path:
        """Where the segments are."""
        return self.folder / "archive"

    def begin_to_archive(self) -> None:
        """From now on, every segment that is full is kept."""
        self.archive.mkdir()
        own(self.archive)
        self.settle("archive_command", f"cp %p {self.archive}/%f")

    def archive_all(self) -> None:
        """Begin a new segment and wait until those before are kept."""
        [(last,)] = self.command("SELECT pg_walfile_name(pg_current_wal_lsn())")
        self.command("SELECT pg_switch_wal()")
        deadline = time.monotonic() + _WAIT_SECONDS
        while not (self.archive / last).exists():
            assert time.monotonic() < deadline, self.command("SELECT * FROM pg_stat_archiver")
            time.sleep(0.05)

    @property
    def environ(self) -> dict[str, str]:
        """What makes PostgreSQL's own commands find the server."""
        return {**os.environ, "PGHOST": str(self.folder), "PGUSER": "postgres", "PATH": path_with_programs()}


class Restored(Cluster):
    """A server on the files of a base back-up, with the settings of a restore."""

    def start_from(self, base: Path, settings: str) -> None:
        """Replay the archive up to the instant that `settings` name; returns when it is a server that is written to."""
        shutil.copytree(base, self._data)
        (self._data / "recovery.signal").touch()
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        own(self._data)
        self._data.chmod(0o700)
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c max_connections=200 -c fsync=off"
        self._run(
            "pg_ctl", "-D", self._data, "-w", "-t", _WAIT_SECONDS, "-l", self.folder / "log", "-o", options, "start"
        )
        deadline = time.monotonic() + _WAIT_SECONDS
        while self.command("SELECT pg_is_in_recovery()") != [(False,)]:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)


@contextmanager
def archiving() -> Iterator[Archiving]:
    """A server that archives its log."""
    with cluster(Archiving, "fsync=off", "archive_mode=on") as server:
        server.begin_to_archive()
        yield server


@contextmanager
def restored(base: Path, settings: str) -> Iterator[Restored]:
    """A server on a base back-up."""
    folder = Path(tempfile.mkdtemp(prefix="sojourn-pg-restored-"))
    own(folder)
    server = Restored(folder)
    try:
        server.start_from(base, settings)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def own(folder: Path) -> None:
    """Give a folder and what is in it to the user that runs servers."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody")


def path_with_programs() -> str:
    """The PATH with PostgreSQL's programs in front."""
    programs = binaries()
    assert programs is not None, MISSING
    return f"{programs}:{os.environ.get('PATH', '')}"
