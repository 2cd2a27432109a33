"""This tree: its modules as they parse, and a copy of it for tests that change files as a contributor would."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from shutil import copytree, ignore_patterns

HOME = Path(__file__).parent.parent
LEFT_OUT = (".*", "node_modules", "generated", "__pycache__", "*.db", "reports", "build", "dist")


@cache
def parsed(file: Path) -> ast.Module:
    """A module's syntax, parsed once for all tests; nobody changes it."""
    return ast.parse(file.read_text("utf-8"))


class Tree:
    """The copy, in a folder that does not exist yet; modules run in it are its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = {**os.environ, "PYTHONPATH": str(folder), **environ}
        copytree(HOME, folder, symlinks=True, ignore=ignore_patterns(*LEFT_OUT))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of the copy."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
