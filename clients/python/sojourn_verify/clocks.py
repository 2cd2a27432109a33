"""Clocks: a steady one of this machine, and what the service's clock says now, whatever this machine's says."""

import time

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has the former, which goes on while the machine sleeps."""


def steady() -> float:
    """Seconds that nobody sets."""
    return time.clock_gettime(_STEADY)


class ServiceClock:
    """The service's clock. `offset` is what its seconds since 1970 are more than the steady ones here."""

    def __init__(self) -> None:
        self.offset = time.time() - steady()

    def set(self, now: float, *, asked_at: float) -> None:
        """The service said that it was `now`, some time after it was asked at a steady instant.

        So the service's clock is taken to be ahead by the time that the request was on its way: what is known seems
        a little older than it is, and tokens expire a little earlier.
        """
        self.offset = now - asked_at

    def now(self) -> float:
        """The service's seconds since 1970."""
        return steady() + self.offset

    def steady_at(self, instant: float) -> float:
        """When it was a certain instant at the service, in steady seconds; never in the future."""
        return min(instant - self.offset, steady())
