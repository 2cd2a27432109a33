"""Disks that are full: a small file system in memory, and a limit on how far the files of a process may grow."""

import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_FREE_SECONDS = 20
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


class BrokenDisk:
    """A small ext4 that can be broken, so that it is read-only, and mended. Only root may do that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._image = folder.with_suffix(".image")
        folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(32 << 20)
        _run("mkfs.ext4", "-q", "-F", self._image)
        try:
            self._mount()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"NOT TESTED: a broken disk needs a loop device, which root may mount ({error.stderr.strip()})")

    def break_it(self) -> None:
        """The kernel meets an error of the file system and lets nobody write any more."""
        device = Path(_run("findmnt", "-n", "-o", "SOURCE", self.folder).strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")

    def mend(self) -> None:
        """Unmount, check and mount it. It cannot be checked while anybody has a file of it open."""
        _run("umount", "-l", self.folder)
        deadline = time.monotonic() + _FREE_SECONDS
        while _run("losetup", "-j", self._image):
            assert time.monotonic() < deadline, "somebody keeps the broken file system in use"
            time.sleep(0.1)
        subprocess.run(["e2fsck", "-fy", self._image], capture_output=True)
        self._mount()

    def remove(self) -> None:
        """Unmount it, if it is mounted."""
        subprocess.run(["umount", "-l", self.folder], capture_output=True)

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", self._image, self.folder)


def _run(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
