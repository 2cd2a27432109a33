"""Deletes sessions and everything that belongs to them, and adjusts the counters of
`sojourn.storage.queries.statistics`."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.storage.queries import rollups, session_ends, statistics
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.schema.token_tables import SessionTokenTable, SessionUsageTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_S = SessionTable.__table__


class Leaving(NamedTuple):
    """What must be known of a session that is deleted. Instants in text form."""

    id: SessionKey
    device_type: str | None
    revoked_at: Instant | None
    due_at: Instant | None


LEAVING = [_S.c[name] for name in Leaving._fields]
"""The columns to select, in the order of `Leaving`."""


def _of_session(table: Any, key: str) -> Statement:
    return Statement(delete(table).where(table.c.tenant_id == bindparam("tenant"), table.c[key] == bindparam("key")))


DELETE_USAGE = _of_session(SessionUsageTable.__table__, "session_id")
DELETE_REFRESH_STATES = _of_session(SessionTokenTable.__table__, "session_id")
DELETE_SESSIONS = _of_session(_S, "id")


async def delete_sessions(unit: UnitOfWork, locked: Sequence[Row], *, now: Instant) -> None:
    """Delete sessions that this transaction has locked, each a row of `LEAVING`. Counters are written last.

    What expired and was not settled yet is told before it goes.
    """
    gone = [Leaving._make(row) for row in locked]
    if not gone:
        return
    unsettled = [session.id for session in gone if session.revoked_at is None and session.due_at is not None]
    await session_ends.tell_expired(unit, unsettled, at=now)
    await rollups.leave(unit, [session.id for session in gone], now=now)
    for statement in (DELETE_USAGE, DELETE_REFRESH_STATES, DELETE_SESSIONS):
        await unit.run_many(statement, [{"key": session.id} for session in gone])
    devices = Counter(session.device_type or statistics.UNKNOWN_DEVICE for session in gone)
    for device_type, count in sorted(devices.items()):
        await statistics.count_created(unit, device_type, by=-count)
    settled = sum(session.revoked_at is None and session.due_at is None for session in gone)
    await statistics.count_ended(unit, "expired", by=-settled)
    await statistics.count_ended(unit, "revoked", by=-sum(session.revoked_at is not None for session in gone))
