"""Garbage is collected while requests are served, and neither before nor behind that."""

import gc
import os
import subprocess
import sys

import pytest

from sojourn.serving.collection import uncollected
from tests.live import API_KEY, JWT_SECRET


def test_nothing_is_collected_meanwhile_and_everything_afterwards_even_after_an_error() -> None:
    assert gc.isenabled()

    with pytest.raises(ZeroDivisionError):
        fails_meanwhile()

    assert gc.isenabled()


def test_what_was_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_process_that_ends_leaves_its_cycles_and_runs_what_is_to_run_at_its_end() -> None:
    program = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 1000))
from sojourn.serving.collection import leave_without_collecting
leave_without_collecting()
atexit.register(print, "closing")
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.split() == ["closing", "True"]


def test_a_worker_looks_for_garbage_among_what_came_after_its_application() -> None:
    program = """
import gc
from sojourn.app import create_app_from_env
app = create_app_from_env()
assert gc.isenabled()
print(gc.get_freeze_count() > 10 * len(gc.get_objects()))
"""
    settings = {"SOJOURN_INTERNAL_API_KEYS": API_KEY, "SOJOURN_JWT_SECRET": JWT_SECRET}
    settings["SOJOURN_DATABASE_URL"] = "sqlite:///nowhere.db"
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=120, check=False)

    assert done.stdout.split() == ["True"], done.stderr


def fails_meanwhile() -> None:
    with uncollected():
        assert not gc.isenabled()
        raise ZeroDivisionError
