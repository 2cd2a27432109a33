"""Programs that the checks of `deploy/` need."""

import shutil
import sys
from pathlib import Path

import pytest


def place_of(name: str) -> str | None:
    """Where a program is: of this environment, or of the machine; None where it is nowhere."""
    own = Path(sys.executable).parent / name
    return str(own) if own.exists() else shutil.which(name) or shutil.which(f"/usr/sbin/{name}")


def program(name: str) -> str:
    """Where a program is. Skips the test, loudly, when it is nowhere: ask before anything is started."""
    found = place_of(name)
    if found is None:
        pytest.skip(f"NOT TESTED: {name} is not installed")
    return found
