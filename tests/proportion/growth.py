"""How the cost of a piece of work grows with the bytes it is given."""

import time
from collections.abc import Callable

MOST = 3.0
"""Twice the bytes may cost so many times as much: a cost in proportion to them has 2, the square of their number 4."""

RUNS = 3
MORE_RUNS = 6


def excess(cost: Callable[[int], float], size: int, *, least: float) -> float | None:
    """By how much the cost grows too fast between one size and twice that size, or None when it does not.

    `cost` gives seconds of processor time for so many bytes. Noise only adds to a cost, so the cheapest of several runs
    counts, and the sizes take turns, so that a busy while of the machine does not fall on one of them alone; what looks
    too steep is measured again, and must be too steep between two and four times the size as well. What costs less than
    `least` seconds is too little to be judged, and harms nobody.
    """
    if cost(2 * size) < least:
        return None
    for runs in (RUNS, RUNS + MORE_RUNS):
        small, large = _cheapest(cost, size, 2 * size, runs=runs)
        if large < least or large <= MOST * small:
            return None
    large, largest = _cheapest(cost, 2 * size, 4 * size, runs=RUNS)
    return None if largest <= MOST * large else largest / large


def spent_here(work: Callable[[], object]) -> float:
    """The seconds of processor time that this thread needs for the work."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


def _cheapest(cost: Callable[[int], float], *sizes: int, runs: int) -> list[float]:
    """The least cost of each size, of several runs in which they take turns."""
    return [min(costs) for costs in zip(*([cost(size) for size in sizes] for _ in range(runs)), strict=True)]
