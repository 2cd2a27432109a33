"""Partitions by week: on PostgreSQL, old sessions are deleted by dropping a table, not row by row.

Sessions and what hangs on them are partitioned by session id, whose first bits are the time it was made. A week's
partitions are made ahead; what fits in none goes to the default one. A week is dropped when every session of it
ended before the retention began; its numbers are taken off the counters in the same transaction.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, bindparam, case, exists, func, literal_column, not_, select

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.ids import first_uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.postgres.runner import PostgresRunner
from sojourn.storage.queries import statistics, tenants
from sojourn.storage.queries.session_states import ENDED
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.touches import Touches
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

WEEK = timedelta(weeks=1)
TABLES = ("sessions", "session_tokens", "session_usage")

_FILL = 95
"""Fill factor in per cent: free space takes the next version of a touched row, so no index is written (HOT update)."""
_LOCK = 0x736F6A7061727473  # a number of ours: one process at a time
_PATIENCE = "SET LOCAL lock_timeout = '250ms'"
"""A table change gives up after waiting this long for its lock, since requests queue behind it; it is tried again."""

_S = SessionTable.__table__
_OF_WEEK = and_(_S.c.tenant_id == bindparam("tenant"), _S.c.id >= bindparam("first"), _S.c.id < bindparam("past"))
_UNTOLD = and_(_S.c.revoked_at.is_(None), _S.c.due_at.is_not(None))
_KEPT = case((and_(ENDED, not_(_UNTOLD)), literal_column("0")), else_=literal_column("1"))
IS_ANY_KEPT = Statement(select(exists().where(_OF_WEEK, literal_column("1") == _KEPT)))
COUNTS = Statement(
    select(
        _S.c.device_type,
        func.count(),
        func.count(_S.c.revoked_at),
        func.count().filter(_S.c.revoked_at.is_(None), _S.c.due_at.is_(None)),
    )
    .where(_OF_WEEK)
    .group_by(_S.c.device_type)
    .order_by(_S.c.device_type)
)


async def make(runner: PostgresRunner, since: datetime, *, until: datetime) -> int:
    """Make the partitions of every week from `since` to `until` that are missing; how many weeks were.

    Raises the driver's errors: CheckViolationError when the default partition holds sessions of such a week.
    """
    await runner.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    there, made = set(await _weeks_there(runner)), 0
    for monday in _weeks(since, until):
        if monday in there:
            continue
        await runner.execute(_PATIENCE)
        for table in TABLES:
            for statement in _creation(table, monday):
                await runner.execute(statement)
        made += 1
    return made


async def drop(runner: PostgresRunner, before: Instant) -> int:
    """Drop the oldest week if all of it ended at `before` (RFC 3339) or earlier; how many sessions went."""
    await runner.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    last = datetime.fromisoformat(before) - WEEK
    monday = min((monday for monday in await _weeks_there(runner) if monday <= last), default=None)
    if monday is None:
        return 0
    await runner.execute(_PATIENCE)
    for table in TABLES:
        await runner.execute(f"LOCK TABLE {_name(table, monday)} IN SHARE ROW EXCLUSIVE MODE")
    units = [
        UnitOfWork(runner, Tenant(row.id), touches=Touches()) for row in await tenants.all_tenants(SystemUnit(runner))
    ]
    week = {"first": _first_id(monday), "past": _first_id(monday + WEEK)}
    for unit in units:
        if await unit.value(IS_ANY_KEPT, before=before, **week):
            return 0
    gone = sum([await _uncount(unit, week) for unit in units])
    for table in TABLES:
        await runner.execute(f"DROP TABLE {_name(table, monday)}")
    return gone


async def _uncount(unit: UnitOfWork, week: dict[str, str]) -> int:
    """Subtract a tenant's sessions of a week from its counters. Returns how many they were."""
    total = ended = over = 0
    for device_type, count, revoked, settled in await unit.all(COUNTS, **week):
        await statistics.count_created(unit, device_type, by=-count)
        ended, over, total = ended + revoked, over + settled, total + count
    await statistics.count_ended(unit, "expired", by=-over)
    await statistics.count_ended(unit, "revoked", by=-ended)
    return total


def _weeks(since: datetime, until: datetime) -> Iterator[datetime]:
    midnight = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    while monday <= until:
        yield monday
        monday += WEEK


async def _weeks_there(runner: PostgresRunner) -> list[datetime]:
    found = await runner.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sessions'::regclass"
    )
    dates = [name.rpartition("_")[2] for (name,) in found]
    return [datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) for date in dates if date != "default"]


def _creation(table: str, monday: datetime) -> Iterator[str]:
    """The statements that make a week's partition, one at a time: distributed engines take no two in one text."""
    name, first, past = _name(table, monday), _first_id(monday), _first_id(monday + WEEK)
    yield (
        f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{past}')"
        f" WITH (fillfactor = {_FILL}, autovacuum_vacuum_scale_factor = 0.02)"
    )
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
    yield f"CREATE POLICY own_tenant ON {name} USING (tenant_id = current_setting('sojourn.tenant', true))"


def _name(table: str, monday: datetime) -> str:
    return f"{table}_{monday:%Y%m%d}"


def _first_id(monday: datetime) -> str:
    return first_uuid7(to_text(monday))
