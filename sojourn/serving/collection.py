"""Garbage collection while a program starts and when it ends.

Modules and the application are a quarter of a million objects that stay until the end. To look through them again and
again while they are made, and once more when the process ends anyway, takes half as long as all the rest.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def keep_what_is_there() -> None:
    """Never again look for garbage among the objects that there are now.

    A worker calls it when its application is made: a request that makes ten thousand objects would have them all looked
    through, which takes longer than the request. What of them is garbage by then, a hundredth, stays.
    """
    gc.freeze()


def leave_without_collecting() -> None:
    """When the process ends, leave what is in reference cycles to the operating system.

    Whatever must be closed is closed by the code that opened it, or by an `atexit` function: those still run.
    """
    atexit.register(gc.freeze)
