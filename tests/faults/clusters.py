"""PostgreSQL servers that are restarted, killed and replaced: each with its files flushed as in operation."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.postgres import ROLE, Cluster, cluster


class Replica(Cluster):
    """A streaming replica of a server, on the same port number in a folder of its own."""

    def __init__(self, folder: Path, primary: Cluster) -> None:
        super().__init__(folder)
        self._primary = primary

    def start(self, *_: str) -> None:
        """Copy the primary's files and follow it. Once it does, the primary waits for it with every COMMIT."""
        origin = f"host={self._primary.folder} user=postgres"
        self._run("pg_basebackup", "-d", origin, "-D", self._data, "-R", "-X", "stream", "--checkpoint=fast")
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c cluster_name=replica"
        options += " -c max_connections=200"  # no fewer than the primary's
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "-o", options, "start")
        self._primary.settle("synchronous_standby_names", "replica")

    def promote(self) -> None:
        """Make it a server that is written to."""
        self._run("pg_ctl", "-D", self._data, "-w", "promote")

    def receiver(self) -> int:
        """The process that receives what the primary writes."""
        [(process,)] = self.command("SELECT pid FROM pg_stat_wal_receiver")
        return int(process)


class Server(Cluster):
    """A server that can be hurt."""

    def own(self, folder: Path) -> None:
        """Give a folder to the user that runs the server."""
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
            folder.chmod(0o700)

    def restart(self, mode: str) -> None:
        """`fast`: connections are ended; `immediate`: everything dies, and is recovered from the log."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "-l", self.folder / "log", "restart")

    def stop_fast(self) -> None:
        """Stop, until `start_again`."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "fast", "stop")

    def start_again(self) -> None:
        """Start with the settings it had."""
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "restart")

    def kill(self) -> None:
        """SIGKILL to every process of the server at once, as if its machine were gone."""
        self.send(signal.SIGSTOP)
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """A signal to every process of the server, the first of them first."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        os.kill(postmaster, number)  # its children were asked for first: a dead process has none
        for child in children:
            with suppress(ProcessLookupError):  # it ended by itself
                os.kill(int(child), number)

    def stop(self) -> None:
        """Stop it, if it still runs."""
        if self.is_running():
            super().stop()

    def is_running(self) -> bool:
        """Whether the process that wrote the pid file lives."""
        try:
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True


@contextmanager
def server() -> Iterator[Server]:
    """A server of its own for one fault."""
    with cluster(Server, "fsync=on") as running:
        yield running


@contextmanager
def replica(of: Cluster) -> Iterator[Replica]:
    """A replica that the server `of` waits for."""
    folder = Path(tempfile.mkdtemp(prefix="sojourn-pg-replica-"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody")
    copy = Replica(folder, of)
    try:
        copy.start()
        try:
            yield copy
        finally:
            copy.stop()
    finally:
        shutil.rmtree(folder)


def url_of_both(primary: Cluster, copy: Cluster, database: str) -> str:
    """The URL that finds whichever of the two is written to."""
    return f"postgresql://{ROLE}@/{database}?host={primary.folder},{copy.folder}&target_session_attrs=read-write"
