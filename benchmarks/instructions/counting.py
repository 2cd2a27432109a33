"""Counts the instructions of a tree's operations with cachegrind, and says where that cannot be done."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

SERVED = Path(__file__).parent / "served.py"
REQUESTS = {"active": 1000, "list": 500, "stats": 1000, "validate": 1000, "create": 200, "refresh": 200}
"""Requests of one run: enough that what two runs differ by anyway is below a hundredth of them."""
STEPPED = (*REQUESTS, "revoke")
"""What steps are counted of: each session that is ended is made before, which only instructions would count too."""
LIMIT_SECONDS = 900
_STEPPED = 40
"""Requests whose steps are counted: some are served once in several requests."""

_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


class CountingFailed(Exception):
    """A run ended otherwise than it should; the message has the end of its output."""


def valgrind_is_here() -> bool:
    """Whether the tool that counts is installed."""
    return shutil.which("valgrind") is not None


def per_request(tree: Path, operations: Sequence[str], *, jobs: int, options: Sequence[str] = ()) -> Mapping[str, int]:
    """Instructions per request of each operation, as the code of `tree` serves it. Raises CountingFailed.

    A run without requests is taken from each: the start, warm-up and what Python does by itself are in both.
    """
    runs = [("active", 0), *((name, REQUESTS[name]) for name in operations)]
    with ThreadPoolExecutor(jobs) as threads:
        counts = list(threads.map(lambda run: _count(tree, run[0], number=run[1], options=options), runs))
    return {name: (count - counts[0]) // number for (name, number), count in zip(runs[1:], counts[1:], strict=True)}


def steps_per_request(tree: Path, operations: Sequence[str], *, jobs: int) -> Mapping[str, int]:
    """Steps of the interpreter per request of each operation, as `tree` serves it. Raises CountingFailed."""

    def count(operation: str) -> int:
        command = [sys.executable, "-W", "ignore", str(SERVED), operation, str(_STEPPED), "--steps"]
        return int(_run(command, tree, what=operation).stdout)

    with ThreadPoolExecutor(jobs) as threads:
        return dict(zip(operations, threads.map(count, operations), strict=True))


@contextmanager
def tree_of(revision: str, root: Path) -> Iterator[Path]:
    """The files of a revision, in a folder that is there for as long as it is used. Raises CountingFailed."""
    archive = subprocess.run(["git", "archive", revision], cwd=root, capture_output=True, check=False)
    if archive.returncode:
        raise CountingFailed(archive.stderr.decode("utf-8", "replace").strip())
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="tar")
        yield Path(folder)


def commit_of(revision: str, root: Path) -> str | None:
    """The full name of a commit, or None where the history does not reach so far."""
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


def is_changed(root: Path) -> bool:
    """Whether the files differ from the latest commit's."""
    done = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())


def _count(tree: Path, operation: str, *, number: int, options: Sequence[str]) -> int:
    command = [
        "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
        sys.executable, "-W", "ignore", str(SERVED), operation, str(number), *options,
    ]  # fmt: skip
    done = _run(command, tree, what=operation)
    counted = _COUNTED.search(done.stderr)
    if counted is None:
        raise CountingFailed(f"{operation} in {tree} was not counted:\n{done.stderr[-2000:]}")
    return int(counted[1].replace(",", ""))


def _run(command: list[str], tree: Path, *, what: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(tree)}
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if done.returncode:
        raise CountingFailed(f"{what} in {tree} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done
