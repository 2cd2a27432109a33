"""Programs that the checks of `deploy/` need."""

import shutil
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Where a program is: of this environment, or of the machine. Skips the test, loudly, when it is nowhere."""
    own = Path(sys.executable).parent / name
    found = str(own) if own.exists() else shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if found is None:
        pytest.skip(f"NOT TESTED: {name} is not installed")
    return found
