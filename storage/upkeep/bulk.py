"""Bulk loading: many sessions in few transactions, for made-up data and for tests of size.

The same rows and counters as one session at a time would leave, without the service in between.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId, user_key
from sojourn.domain.sessions import effective_end
from sojourn.storage.queries import sessions, statistics
from sojourn.storage.queries.session_rows import NewSession

BATCH = 20_000


@dataclass(slots=True)
class Batch:
    """Rows of one tenant, by the names of their columns, and what they add to the counters, by kind and device type."""

    tenant_id: TenantId
    begun_at: Instant
    users: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)


class AlreadyLoaded(Exception):
    """A session of the batch is in the database already."""


class BulkLoader(ABC):
    """Loads one database; every batch is a transaction of its own and durable at its end."""

    @abstractmethod
    async def write(self, batch: Batch) -> None:
        """Write a batch. Raises AlreadyLoaded, and the driver's errors."""

    @abstractmethod
    async def close(self) -> None:
        """Give the connection back."""


def batches(tenant_id: TenantId, rows: Iterable[tuple[NewSession, Instant | None]], *, now: Instant) -> Iterator[Batch]:
    """Sessions of one tenant, each with the instant it was revoked or None, as batches.

    What has ended by `now` is counted as settled.
    """
    waiting, known = iter(rows), set[str]()
    while some := list(islice(waiting, BATCH)):
        batch = Batch(tenant_id, now)
        for session, revoked_at in some:
            if session.user_id not in known:
                known.add(session.user_id)
                batch.users.append(_user(tenant_id, session))
            batch.sessions.append(_session(tenant_id, session, revoked_at=revoked_at, now=now))
            batch.counts["created", session.device_type or statistics.UNKNOWN_DEVICE] += 1
            if revoked_at is not None:
                batch.counts["revoked", ""] += 1
            elif effective_end(session) <= now:
                batch.counts["expired", ""] += 1
        yield batch


def _user(tenant_id: TenantId, session: NewSession) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "user_id": session.user_id,
        "key": user_key(session.user_id),
        "username": session.username,
        "created_at": session.created_at,
    }


def _session(tenant_id: TenantId, session: NewSession, *, revoked_at: Instant | None, now: Instant) -> dict[str, Any]:
    values = sessions.insert_values(session)
    values["tenant_id"] = tenant_id
    if revoked_at is not None or values["due_at"] <= now:
        values["due_at"] = None
    ended = revoked_at is not None
    values["elevations"] = 0
    values["revoked_at"] = revoked_at
    values["revoked_by"] = "seed" if ended else None
    values["revoke_reason"] = values["reason_code"] = "signed_out" if ended else None
    values["last_ip"] = values["last_user_agent"] = None
    values["suspended_until"] = values["suspended_then"] = None
    return values
