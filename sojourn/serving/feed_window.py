"""The newest events in the memory of a worker, for all who follow them: read from the database once, and shared."""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice

from sojourn.handlers.feed import Wanted
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.queries.feed import EventRow

KEPT_ROWS = 5000
"""So many events are held at most: a few megabytes."""
KEPT_SECONDS = 10.0
"""So long an event is held at most: longer than a stream lets pass before it looks, and no longer than that needs."""


class Window:
    """All events of all tenants with numbers after `start` and up to `end`, in their order.

    Nothing is missing between the two: whoever has read up to a number that is not before `start` goes on here, and
    everybody else reads the database, up to `end`.
    """

    def __init__(self) -> None:
        self.start = self.end = 0
        self._rows: list[EventRow] = []
        self._of: dict[str, list[EventRow]] = {}
        self._read: list[tuple[float, int]] = []

    def begin(self, number: int) -> None:
        """Hold nothing, and go on after a number."""
        self.start = self.end = number
        self._rows.clear()
        self._of.clear()
        self._read.clear()

    def add(self, rows: list[EventRow], *, until: int, now: float) -> None:
        """Take in all events after `end` and up to `until`, read at `now` (seconds of a clock that only goes on)."""
        self._rows += rows
        for row in rows:
            self._of.setdefault(row.tenant_id, []).append(row)
        self.end = until
        self._read.append((now, until))
        if len(self._rows) > KEPT_ROWS:
            self._drop(self._rows[-KEPT_ROWS - 1].number)

    def forget(self, before: float) -> None:
        """Let go of what was read before an instant of that clock."""
        old = [number for now, number in self._read if now < before]
        if old:
            del self._read[: len(old)]
            self._drop(old[-1])

    def holds(self, after: int) -> bool:
        """Whether everything behind a number is here, as far as it is known."""
        return after >= self.start

    def behind(self, after: int, wanted: Wanted, *, limit: int) -> list[EventRow]:
        """The first `limit` of the events behind a number that somebody wants. `holds` says whether these are all."""
        if wanted.tenants is None:
            found: Iterable[EventRow] = _after(self._rows, after)
        else:
            of = (self._of[name] for name in (*wanted.tenants, EVERY_TENANT) if name in self._of)
            found = heapq.merge(*(_after(rows, after) for rows in of), key=_number)
        return list(islice((row for row in found if not wanted.types or row.type in wanted.types), limit))

    def _drop(self, until: int) -> None:
        if until <= self.start:
            return
        gone = bisect_right(self._rows, until, key=_number)
        for tenant in {row.tenant_id for row in self._rows[:gone]}:
            own = self._of[tenant]
            del own[: bisect_right(own, until, key=_number)]
            if not own:
                del self._of[tenant]
        del self._rows[:gone]
        self.start = until


def _after(rows: list[EventRow], number: int) -> Iterator[EventRow]:
    return (rows[place] for place in range(bisect_right(rows, number, key=_number), len(rows)))


def _number(row: EventRow) -> int:
    return row.number


def types_by_tenant(rows: Iterable[EventRow]) -> dict[str, set[str]]:
    """Of which types there are events, by tenant."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.tenant_id, set()).add(row.type)
    return found
