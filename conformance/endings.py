"""What ends by time alone: sessions, tokens and trust end while checks are judged, and what is right is another then.

A check that compares two readings can be wrong about a server that is right when something ended between them. What
was told of every end tells whether something did; then the check is judged again, from its beginning.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sojourn.conformance.checks import Check
from sojourn.conformance.instants import instant, now
from sojourn.conformance.laws import document_of, is_success, members, name_of, objects
from sojourn.conformance.target import claims_of
from sojourn.conformance.traffic import Exchange, Traffic

MOST = 4
"""How often a check is judged at most."""
SLACK = timedelta(seconds=2)
"""By how much the server's clock and ours may differ, and how late an end may be counted."""
_ENDS = ("expires_at", "idle_expires_at", "trusted_until", "forget_at")
_NEVER_AGAIN = ("LAW", "RUN")
"""Chapters whose checks look at what others asked: asked again, they would see the same."""
Result = TypeVar("Result")


def judged(found: Check, traffic: Traffic, *, judge: Callable[[], Result]) -> Result:
    """Judge a check; where it fails while something ended by time alone, judge it again.

    Raises what the last judgement raised.
    """
    for _ in range(MOST - 1):
        seen, began = len(traffic.exchanges), now()
        try:
            return judge()
        except AssertionError:
            if found.waits or found.chapter in _NEVER_AGAIN:
                raise
            if not has_something_ended(traffic, since=seen, began=began, over=now()):
                raise
    return judge()


def has_something_ended(traffic: Traffic, *, since: int, began: datetime, over: datetime) -> bool:
    """Whether anything that was told of ended between two instants, or the exchanges since count more as expired."""
    recent = traffic.exchanges[since:]
    counts = {(tenant, count) for exchange in recent for tenant, count in expired_of(exchange)}
    if len(counts) > len({tenant for tenant, _ in counts}):
        return True
    return any(began - SLACK <= end <= over + SLACK for end in ends_of(traffic))


def expired_of(exchange: Exchange) -> Iterator[tuple[str, int]]:
    """How many expired sessions the statistics of a tenant count."""
    if is_success(exchange) and name_of(exchange) == "get_session_stats":
        authorization = next((value for name, value in exchange.request.headers if name == "Authorization"), "")
        yield str(claims_of(authorization).get("tenant_id")), int(document_of(exchange).get("expired_sessions", 0))


def ends_of(traffic: Iterable[Exchange]) -> Iterator[datetime]:
    """Every instant at which something ends, of all that was told: sessions, tokens, trust."""
    for exchange in traffic:
        if not is_success(exchange) or exchange.operation is None or exchange.operation.scheme is None:
            continue
        document = document_of(exchange)
        for told in objects(document):
            for name in _ENDS:
                with suppress(KeyError, ValueError):
                    yield instant(str(told[name]))
        for _, value in members(document):
            yield from end_of_token(value)


def end_of_token(value: Any) -> Iterator[datetime]:
    """When a token ends that says so itself."""
    if isinstance(value, str) and value.startswith("eyJ"):
        exp = claims_of(value).get("exp")
        if isinstance(exp, int | float):
            with suppress(OverflowError, ValueError):
                yield datetime.fromtimestamp(exp, UTC)


class TooLate(Exception):
    """Raised where an answer came after what it should have been about had ended: nothing is known of the server."""


class Lasting:
    """Something that was made by a request and ends some seconds later, by a clock that goes on and is our own.

    The server's clock may be another: only spans between its instants are taken from it.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._earliest = time.monotonic()
        self.made = make()
        self._latest = time.monotonic()

    def is_surely_on(self, seconds: float) -> bool:
        """Whether fewer than so many seconds are over since it was made, whenever in the request that was."""
        return time.monotonic() < self._earliest + seconds

    def began_after(self, other: "Lasting", *, seconds: float) -> bool:
        """Whether it began when so many seconds since the other one were surely over."""
        return self._earliest > other._latest + seconds

    def wait(self, seconds: float, patience: float) -> None:
        """Wait until so many seconds are surely over. The check fails where that takes more than `patience` seconds."""
        left = self._latest + seconds + 0.25 - time.monotonic()
        assert left <= patience, f"it ends {left:.0f} s from now: --patience is {patience:.0f} s"
        time.sleep(max(left, 0))

    def before(self, seconds: float, judge: Callable[[], Any]) -> Any:
        """Judge what must hold so many seconds long. Raises TooLate where it does not hold and they were over."""
        try:
            return judge()
        except AssertionError:
            if self.is_surely_on(seconds):
                raise
            raise TooLate(f"the machine was too slow to ask within {seconds:.1f} s") from None


def in_time(judge: Callable[[], None]) -> None:
    """Judge; again where the questions came too late. The last time it is raised that they did."""
    for _ in range(MOST):
        with suppress(TooLate):
            return judge()
    return judge()
