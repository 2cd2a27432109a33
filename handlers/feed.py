"""What handlers need of the feed of events."""

from typing import NamedTuple, Protocol

from sojourn.domain.clock import Instant
from sojourn.domain.cursors import Cursor
from sojourn.domain.ids import TenantId
from sojourn.storage.queries.feed import EventRow, LiveRow


class Wanted(NamedTuple):
    """Whose events: those of some tenants, or of all for None; and of which types, all of them where it is empty."""

    tenants: tuple[TenantId, ...] | None
    types: frozenset[str] = frozenset()


class Page(NamedTuple):
    """Events in their order, the cursor to go on from, whether more are there, and until when all of them are known."""

    rows: list[EventRow]
    cursor: Cursor
    has_more: bool
    as_of: Instant


class Snapshot(NamedTuple):
    """What is refused at a place in the feed, in order. `as_of` is when the last event before it was recorded.

    `tenants` are those of which it has everything, None for all.
    """

    rows: list[LiveRow]
    cursor: Cursor
    as_of: Instant
    tenants: tuple[TenantId, ...] | None


class Feed(Protocol):
    """Reads events without holding anything while it waits. Once it `has_ended` nothing is waited for."""

    has_ended: bool

    async def page(self, wanted: Wanted, after: Cursor | None, *, limit: int, wait_seconds: float) -> Page: ...

    async def following(self, wanted: Wanted, after: Cursor, *, limit: int, wait_seconds: float) -> Page: ...

    async def snapshot(self, wanted: Wanted) -> Snapshot: ...
