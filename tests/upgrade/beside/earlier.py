"""Programs of earlier commits, taken from the repository's history."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sojourn.storage.schema import revisions
from tests.live import LiveServer
from tests.tree import HOME

FIRST_RELEASE = "9ca80dcfaf6a24e31affbe52ab0beb02372f8a03"
"""The last commit with the schema of 0.1.0."""
WITHOUT_HISTORY = "UPGRADE_WITHOUT_HISTORY"
_VERSIONS = "storage/migrations/versions"


class EarlierServer(LiveServer):
    """`sojourn serve` of another tree, which `PYTHONPATH` names; nothing of the present one is imported."""

    program = (sys.executable, "-P", "-m", "sojourn")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The tree of an earlier commit."""

    commit: str
    tree: Path

    @property
    def environ(self) -> dict[str, str]:
        """What makes Python take the program from the tree."""
        return {"PYTHONPATH": str(self.tree)}

    def serve(self, folder: Path, **settings: str) -> LiveServer:
        """A running service of that commit."""
        return EarlierServer(folder, **settings, **self.environ)

    def run(self, *arguments: str, **settings: str) -> None:
        """Run a command of that commit to its good end."""
        done = subprocess.run(
            [*EarlierServer.program, *arguments],
            env={**os.environ, **settings, **self.environ},
            cwd=self.tree,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def earlier(commit: str, folder: Path) -> Iterator[Earlier]:
    """The tree of a commit in a folder that is not there yet."""
    git("worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        found = subprocess.run(
            [sys.executable, "-P", "-c", "import sojourn.cli; print(sojourn.cli.__file__)"],
            env={**os.environ, "PYTHONPATH": str(folder)},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert found.startswith(str(folder)), f"{found} is not of the earlier commit"
        yield Earlier(commit, folder)
    finally:
        git("worktree", "remove", "--force", str(folder))


def before_newest_schema() -> str:
    """The commit before the one that added the newest revision."""
    (file,) = (HOME / _VERSIONS).glob(f"{revisions.HEAD}_*.py")
    path = file.relative_to(HOME).as_posix()
    return git("log", "--diff-filter=A", "--format=%H", "-1", "--", path) + "^"


def git(*arguments: str) -> str:
    """What git prints. Without the history the test fails; it is left out only where that was asked for."""
    done = subprocess.run(["git", *arguments], cwd=HOME, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    missing = (
        f"NOT TESTED: the history of the repository is not here ({done.stderr.strip() or 'a commit is missing'})."
        f" `git fetch --unshallow` brings it; with {WITHOUT_HISTORY}=1 the upgrade beside old processes is left out"
    )
    if os.environ.get(WITHOUT_HISTORY):
        pytest.skip(missing)
    pytest.fail(missing)
