"""How many sessions are kept longer than their retention, and for how long."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal_column, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import first_uuid7
from sojourn.storage.queries.session_states import DEADLINE, ENDED
from sojourn.storage.schema.tables import SessionTable, TrustedDeviceTable
from sojourn.storage.schema.token_tables import BlacklistTable, IssuedTokenTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")
_OLD = (_S.c.tenant_id == _TENANT, _S.c.id < bindparam("created_before"), ENDED)


def _count_until(table: Any, column: str) -> Statement:
    """How many rows of the tenant were over at an instant."""
    over = table.c[column] <= bindparam("instant")
    return Statement(select(func.count()).select_from(table).where(table.c.tenant_id == _TENANT, over))


COUNT_SESSIONS = Statement(select(func.count()).select_from(_S).where(*_OLD))
OLDEST_SESSION = Statement(
    select(func.coalesce(_S.c.revoked_at, DEADLINE))
    .where(*_OLD)
    .order_by(_S.c.id)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
COUNT_TOKENS = _count_until(IssuedTokenTable.__table__, "expires_at")
COUNT_ENTRIES = _count_until(BlacklistTable.__table__, "expires_at")
COUNT_DEVICES = _count_until(TrustedDeviceTable.__table__, "trusted_until")


class Overdue(NamedTuple):
    """Rows that a purge would delete, by kind."""

    sessions: int
    tokens: int
    blacklist_entries: int
    trusted_devices: int


async def count(unit: UnitOfWork, before: Instant, *, now: Instant) -> Overdue:
    """What a purge of the tenant would delete: what ended at `before` or earlier, blacklist entries over `now`."""
    with unit.snapshot():
        return Overdue(
            await unit.value(COUNT_SESSIONS, before=before, created_before=first_uuid7(before)),
            await unit.value(COUNT_TOKENS, instant=before),
            await unit.value(COUNT_ENTRIES, instant=now),
            await unit.value(COUNT_DEVICES, instant=before),
        )


async def oldest(unit: UnitOfWork, before: Instant) -> str | None:
    """When the oldest session ended that should have left by now; None when none should."""
    ended: str | None = await unit.value(OLDEST_SESSION, before=before, created_before=first_uuid7(before))
    return ended
