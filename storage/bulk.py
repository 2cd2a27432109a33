"""Bulk loading: many sessions in few transactions, for made-up data and for tests of size.

The same rows and counters as one session at a time would leave, without the service in between.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from domain.ids import user_key
from storage import sessions, statistics, tenants, users
from storage.sessions import NewSession
from storage.sqlite_connections import connect
from storage.statements import SQLITE

BATCH = 20_000


class BulkLoader:
    """Loads one SQLite file; every batch is a transaction of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._users: set[tuple[str, str]] = set()

    def load(self, tenant_id: str, rows: Iterable[tuple[NewSession, str | None]], now: str) -> Iterable[int]:
        """Write sessions of one tenant, each with the instant it was revoked or None; yields each batch's size.

        What has ended by `now` is counted as settled.
        """
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            self._connection.execute("BEGIN IMMEDIATE")
            self._write(tenant_id, batch, now)
            self._connection.execute("COMMIT")
            yield len(batch)

    def _write(self, tenant_id: str, batch: list[tuple[NewSession, str | None]], now: str) -> None:
        self._connection.execute(tenants.ENSURE.text(SQLITE), {"tenant": tenant_id, "now": now})
        new_users: dict[str, dict[str, Any]] = {}
        values, revocations = [], []
        counts: Counter[tuple[str, str]] = Counter()
        for session, revoked_at in batch:
            if (tenant_id, session.user_id) not in self._users:
                new_users.setdefault(session.user_id, _user(tenant_id, session))
            values.append(_values(tenant_id, session, revoked_at, now))
            counts["created", session.device_type or statistics.UNKNOWN_DEVICE] += 1
            if revoked_at is not None:
                revocations.append(_revocation(tenant_id, session, revoked_at))
                counts["revoked", ""] += 1
            elif min(session.expires_at, session.idle_expires_at) <= now:
                counts["expired", ""] += 1
        self._users.update((tenant_id, user_id) for user_id in new_users)
        self._connection.executemany(users.ADD.text(SQLITE), list(new_users.values()))
        self._connection.executemany(sessions.INSERT.text(SQLITE), values)
        self._connection.executemany(sessions.MARK_REVOKED.text(SQLITE), revocations)
        for (kind, device_type), number in counts.items():
            self._connection.execute(
                statistics.COUNT.text(SQLITE),
                {"tenant": tenant_id, "kind": kind, "device_type": device_type, "shard": 0, "by": number},
            )


def open_loader(path: Path) -> BulkLoader:
    """A loader for a file whose tables exist already. Durable at the end of each batch."""
    return BulkLoader(connect(path, 5))


def _user(tenant_id: str, session: NewSession) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "user_id": session.user_id,
        "key": user_key(session.user_id),
        "username": session.username,
        "now": session.created_at,
    }


def _values(tenant_id: str, session: NewSession, revoked_at: str | None, now: str) -> dict[str, Any]:
    values = sessions.insert_values(session)
    values["tenant"] = tenant_id
    if revoked_at is not None or values["due_at"] <= now:
        values["due_at"] = None
    return values


def _revocation(tenant_id: str, session: NewSession, revoked_at: str) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "id": session.id,
        "now": revoked_at,
        "by": "seed",
        "reason": "signed_out",
        "nothing": None,
    }
