"""Those who wait for events in a worker, and are woken when there are some for them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sojourn.handlers.feed import Wanted
from sojourn.serving.feed_window import types_by_tenant
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.queries.feed import EventRow

WOKEN_AT_ONCE = 10
"""After so many, requests get their turn: with thousands of streams an event would hold them all up."""

Waiter = asyncio.Future[None]


class Readers:
    """Everybody who waits, by the tenant whose events are waited for; None for all tenants."""

    def __init__(self) -> None:
        self._waiting: dict[Waiter, frozenset[str]] = {}
        self._of: dict[str | None, set[Waiter]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def waiting(self, wanted: Wanted) -> Iterator[Waiter]:
        """A future that is done when there is something to look at, or when nothing will come any more."""
        waiter = asyncio.get_running_loop().create_future()
        of: tuple[str | None, ...] = (None,) if wanted.tenants is None else wanted.tenants
        self._waiting[waiter] = wanted.types
        for name in of:
            self._of.setdefault(name, set()).add(waiter)
        try:
            yield waiter
        finally:
            del self._waiting[waiter]
            for name in of:
                self._of[name].discard(waiter)
                if not self._of[name]:
                    del self._of[name]

    async def wake(self, rows: Iterable[EventRow]) -> None:
        """Wake those for whom one of these events is."""
        found: set[Waiter] = set()
        for tenant, types in types_by_tenant(rows).items():
            concerned = self._waiting.keys() if tenant == EVERY_TENANT else self._concerned(tenant)
            found |= {waiter for waiter in concerned if not (of := self._waiting[waiter]) or not of.isdisjoint(types)}
        for number, waiter in enumerate(found, start=1):
            _wake(waiter)
            if number % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    def wake_all(self) -> None:
        """Wake everybody now."""
        for waiter in self._waiting:
            _wake(waiter)

    def _concerned(self, tenant: str) -> set[Waiter]:
        return self._of.get(tenant, set()) | self._of.get(None, set())


def _wake(waiter: Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)
