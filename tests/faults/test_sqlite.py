"""What can happen to a file: another program holds its lock, the disk is full."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.conftest import on_sqlite
from tests.faults.conftest import Experiment
from tests.faults.disks import BrokenDisk, fill_for, no_file_grows, small_disk
from tests.faults.services import Service

pytestmark = on_sqlite


def test_another_program_holds_the_write_lock(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """`BEGIN IMMEDIATE` for longer than the busy time-out: writes are refused, reads go on."""
    service = serve(database_url, SOJOURN_BUSY_TIMEOUT="1s")

    def hold() -> None:
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(4)
        other.execute("ROLLBACK")
        other.close()

    verdict = experiment("file locked from outside for 4 s", service, hold)
    assert verdict.refused > 0


def test_workers_that_start_while_the_file_is_locked_wait_for_it(
    serve: Callable[..., Service], database_url: str, experiment: Experiment
) -> None:
    """Both are killed while another program holds the lock: their successors live, refuse, and recover with it."""
    service = serve(database_url, SOJOURN_BUSY_TIMEOUT="1s")

    def kill_without_lock() -> None:
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        service.kill_workers()
        time.sleep(1)
        other.execute("ROLLBACK")
        other.close()

    verdict = experiment("all workers killed while the file is locked", service, kill_without_lock)
    assert verdict.refused > 0


def test_the_disk_is_full(
    serve: Callable[..., Service], database_url: str, experiment: Experiment, tmp_path: Path
) -> None:
    """Not a byte is free for six seconds: writes are refused, reads go on, and nothing needs a restart after it."""
    with small_disk(tmp_path / "small", 24) as disk:
        shutil.copy(database_url.removeprefix("sqlite:///"), disk / "sojourn.db")
        service = serve(f"sqlite:///{disk}/sojourn.db")

        verdict = experiment("disk full for 6 s (tmpfs)", service, lambda: fill_for(disk, 6))

        assert verdict.refused > 0
        service.stop()
        assert is_sound(disk / "sojourn.db")


def test_the_file_may_not_grow(serve: Callable[..., Service], database_url: str, experiment: Experiment) -> None:
    """The same from another side, for those who may not mount: the system refuses the workers every longer file."""
    service = serve(database_url)
    path = Path(database_url.removeprefix("sqlite:///"))

    def limit() -> None:
        with no_file_grows(service.workers(), beyond=path):
            time.sleep(6)

    verdict = experiment("file must not grow for 6 s (RLIMIT_FSIZE)", service, limit)
    assert verdict.refused > 0
    service.stop()
    assert is_sound(path)


def is_sound(path: Path) -> bool:
    """Whether SQLite finds no fault in a file."""
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def test_the_file_system_breaks_and_is_mounted_anew(
    serve: Callable[..., Service], database_url: str, experiment: Experiment, tmp_path: Path
) -> None:
    """Read-only for four seconds, then unmounted, checked and mounted: nobody restarts the service."""
    disk = BrokenDisk(tmp_path / "disk")
    try:
        shutil.copy(database_url.removeprefix("sqlite:///"), disk.folder / "sojourn.db")
        service = serve(f"sqlite:///{disk.folder}/sojourn.db")

        def break_and_mend() -> None:
            disk.break_it()
            time.sleep(4)
            disk.mend()

        verdict = experiment("file system read-only for 4 s, then mounted anew", service, break_and_mend)

        assert verdict.refused > 0
        service.stop()
        assert is_sound(disk.folder / "sojourn.db")
    finally:
        disk.remove()
