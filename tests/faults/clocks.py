"""The wall clock of running processes, set by libfaketime. Their steady clock stays as it is."""

from pathlib import Path

import pytest

_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")
MISSING = "libfaketime is not installed (Debian's package `libfaketime`), and no wheel brings it"
_AT_START = """\
import select
import time

import sojourn.domain.clock
import sojourn.serving.lifespan

time.sleep = lambda seconds: select.select([], [], [], seconds)  # the library's own sleep refuses Python's arguments
sojourn.domain.clock.SECOND_LOOK_SECONDS = {second_look}
sojourn.serving.lifespan.HOUSEKEEPING_SECONDS = 1
"""


class WallClock:
    """A wall clock that can be set. Housekeeping of its processes runs every second, so that it meets every step."""

    def __init__(self, folder: Path, second_look_seconds: float) -> None:
        libraries = [library for pattern in _LIBRARIES for library in Path("/").glob(pattern.lstrip("/"))]
        if not libraries:
            pytest.skip(MISSING)
        folder.mkdir()
        self._hands = folder / "hands"
        self.set_by("+0")
        (folder / "sitecustomize.py").write_text(_AT_START.format(second_look=second_look_seconds))
        self.environ = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._hands),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(folder),
        }

    def set_by(self, step: str) -> None:
        """Set it to so much before or after the right time: `+1h`, `-10m`, `+0`."""
        new = self._hands.with_suffix(".new")
        new.write_text(step + "\n")
        new.replace(self._hands)
