"""Disks that are full: a small file system in memory, and a limit on how far the files of a process may grow."""

import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_CHUNK = 64 * 1024


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of that size, mounted on `folder`. Only root may do that: for anybody else the test is skipped."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: a full disk needs a small tmpfs, which root may mount ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_for(disk: Path, seconds: float) -> None:
    """Take every byte that is free, again and again for some seconds; then give them all back."""
    ballast = disk / "ballast"
    deadline = time.monotonic() + seconds
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < deadline:
            with suppress(OSError):  # no space left: that is what it is for
                while True:
                    file.write(b"x" * _CHUNK)
            time.sleep(0.02)
    ballast.unlink()


@contextmanager
def no_file_grows(processes: list[int], beyond: Path) -> Iterator[None]:
    """The processes may write no file further than `beyond` is long now (RLIMIT_FSIZE). Needs no rights."""
    length = beyond.stat().st_size
    before = {process: resource.prlimit(process, resource.RLIMIT_FSIZE) for process in processes}
    for process, (_, hard) in before.items():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        for process, limits in before.items():
            resource.prlimit(process, resource.RLIMIT_FSIZE, limits)
