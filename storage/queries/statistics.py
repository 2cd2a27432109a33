"""Statistics that are exact when they are read, without counting all rows.

Three numbers are maintained with every write: sessions `created` (by device type), `revoked`, and `expired` as far as
expiry has been settled. A session expires without anybody writing, so each open session carries `due_at`: an
instant not later than its earlier deadline. It is set when the session is created; a touch moves the deadline and
leaves `due_at` alone. What has ended unnoticed is therefore among the rows whose `due_at` has passed, and only those
are looked at:

    expired = settled + (due rows that really ended)        active = created - revoked - expired - suspended

A suspended session is due from the beginning of its suspension on, so it is among those rows too.

A plan that is being carried out says itself how many of its sessions have rows that do not say `revoked` yet. Where a
time-out became shorter, sessions that ended by it and whose rows do not say so yet are counted one by one.

`settle` takes due rows and either counts them as expired (`due_at` becomes null) or moves `due_at` to their present
deadline. It keeps reads cheap; they are right without it.
"""

from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.endings import SUSPENSION_OVER
from sojourn.domain.ids import SessionKey
from sojourn.domain.sessions import Status
from sojourn.storage.queries import session_ends, suspensions
from sojourn.storage.queries.open_revocations import SPARED
from sojourn.storage.queries.session_deadlines import EXPIRES_AT, IDLE_EXPIRES_AT, IS_ANY_TIGHTER, is_cut
from sojourn.storage.queries.session_states import DEADLINE, LAPSED, NOT_REVOKED, NOW, OVER, SETTLED_AHEAD, SUSPENDED
from sojourn.storage.queries.suspensions import Over
from sojourn.storage.schema.plan_tables import RevocationPlanTable
from sojourn.storage.schema.tables import SessionCounterTable, SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_C = SessionCounterTable.__table__
_P = RevocationPlanTable.__table__
_TENANT: BindParameter[Any] = bindparam("tenant")

UNKNOWN_DEVICE = "unknown"
# A session that a plan ends is not settled as expired: it was revoked before.
_DUE = and_(_S.c.tenant_id == _TENANT, _S.c.due_at.is_not(None), _S.c.due_at <= NOW, SPARED)
# A suspension that goes on is due all the time, and nothing is to be done about it.
_MAY_SETTLE = or_(_S.c.suspended_until.is_(None), _S.c.suspended_until <= NOW, OVER)


class SessionStats(NamedTuple):
    """The tenant's numbers. `devices` counts all sessions by device type; total is their sum."""

    total: int
    active: int
    revoked: int
    expired: int
    suspended: int
    devices: dict[str, int]

    def of(self, status: Status | None) -> int:
        """How many have a status; all of them for None."""
        return self.total if status is None else int(getattr(self, status))


_increment = insert(_C).values(
    tenant_id=_TENANT,
    kind=bindparam("kind"),
    device_type=bindparam("device_type"),
    shard=bindparam("shard"),
    value=bindparam("by"),
)
COUNT = Statement(
    _increment.on_conflict_do_update(
        index_elements=["tenant_id", "kind", "device_type", "shard"],
        set_={"value": _C.c.value + _increment.excluded.value},
    )
)
_KIND = case(
    (LAPSED, literal_column("'revoked'")),
    (OVER, literal_column("'expired'")),
    (SUSPENDED, literal_column("'suspended'")),
    else_=literal_column("''"),
)
_due = select(_KIND.label("kind")).where(_DUE).subquery("due")
_ONE: Any = literal_column("1")
_NONE: Any = literal_column("0")
# What ended by a time-out that became shorter is due when its row says so. It is counted only in a tenant with such a
# time-out, and then among everything that is open.
_CUT_BEFORE_DUE = (
    select(func.count())
    .select_from(_S)
    .where(_S.c.tenant_id == _TENANT, _S.c.due_at > NOW, NOT_REVOKED, is_cut(), SPARED)
    .scalar_subquery()
)
NUMBERS = Statement(  # in one statement: both halves see the same instant
    union_all(
        select(_C.c.kind, _C.c.device_type, cast(func.sum(_C.c.value), BigInteger))
        .where(_C.c.tenant_id == _TENANT)
        .group_by(_C.c.kind, _C.c.device_type),
        select(_due.c.kind, literal_column("''"), func.count()).select_from(_due).group_by(_due.c.kind),
        select(
            literal_column("'revoked'"),
            literal_column("''"),
            cast(func.coalesce(func.sum(_P.c.remaining), literal_column("0")), BigInteger),
        ).where(_P.c.tenant_id == _TENANT, _P.c.open_since.is_not(None)),
        select(literal_column("'expired'"), literal_column("''"), case((IS_ANY_TIGHTER, _CUT_BEFORE_DUE), else_=_NONE)),
    )
)
DUE = Statement(
    select(
        _S.c.id,
        DEADLINE,
        case((OVER, _ONE), else_=_NONE),
        case((EXPIRES_AT <= IDLE_EXPIRES_AT, _ONE), else_=_NONE),
        case((LAPSED, _ONE), else_=_NONE),
        _S.c.suspended_until,
        _S.c.user_id,
    )
    .where(_DUE, _MAY_SETTLE)
    .order_by(_S.c.due_at)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
    .with_for_update(skip_locked=True)  # PostgreSQL: what another process settles or changes now is left to it
)
IS_ANYTHING_DUE = Statement(select(exists().where(_DUE, _MAY_SETTLE)))
RESCHEDULE = Statement(
    update(_S).where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("one")).values(due_at=bindparam("next_due"))
)
TOO_EARLY = Statement(
    select(_S.c.id, DEADLINE, _S.c.user_id)
    .where(_S.c.tenant_id == _TENANT, SETTLED_AHEAD)
    .order_by(_S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
    .with_for_update(skip_locked=True)
)


async def add_to(unit: UnitOfWork, kind: str, *, device_type: str, by: int) -> None:
    """Add to a maintained number.

    A transaction that adds to several does so after its other writes and in the order of kind and device type:
    transactions side by side then never wait for each other in a circle.
    """
    await unit.run(COUNT, kind=kind, device_type=device_type, shard=unit.shard(), by=by)


async def count_created(unit: UnitOfWork, device_type: str | None, *, by: int = 1) -> None:
    """Count new sessions; a negative number when they are purged."""
    await add_to(unit, "created", device_type=device_type or UNKNOWN_DEVICE, by=by)


async def count_ended(unit: UnitOfWork, kind: Literal["revoked", "expired"], *, by: int) -> None:
    """Count sessions that were revoked, or whose expiry was settled; a negative number when they are purged."""
    if by:
        await add_to(unit, kind, device_type="", by=by)


async def count_revoked(unit: UnitOfWork, ended: int, *, unsettled: int) -> None:
    """Count sessions that were revoked; `unsettled` of them had been settled as expired and are so no longer."""
    await count_ended(unit, "expired", by=-unsettled)
    await count_ended(unit, "revoked", by=ended)


async def session_stats(unit: UnitOfWork, now: Instant) -> SessionStats:
    """The tenant's numbers at `now`, none of them negative, whatever was counted."""
    devices: dict[str, int] = {}
    ended = {"revoked": 0, "expired": 0, "suspended": 0, "": 0}
    for kind, device, value in await unit.all(NUMBERS, now=now):
        if kind != "created":
            ended[kind] += value
        elif value > 0:
            devices[device] = value
    total = sum(devices.values())
    revoked = min(max(ended["revoked"], 0), total)
    expired = min(max(ended["expired"], 0), total - revoked)
    suspended = min(ended["suspended"], total - revoked - expired)
    active = total - revoked - expired - suspended
    return SessionStats(
        total=total, active=active, revoked=revoked, expired=expired, suspended=suspended, devices=devices
    )


async def settle(unit: UnitOfWork, now: Instant, *, limit: int, told_at: Instant | None = None) -> int:
    """Settle up to `limit` sessions that are due at `now`; how many were looked at.

    Their ends are told in the same transaction, at `told_at` where the settlement looks back to an earlier instant.
    """
    due = await unit.all(DUE, now=now, limit=limit)
    ends = [(key, is_absolute) for key, _, ended, is_absolute, *_ in due if ended]
    over = [Over(key, deadline, *rest) for key, deadline, ended, _, *rest in due if not ended and rest[1] is not None]
    if due:
        settled = {row.key for row in over}
        rows = [
            {"one": key, "next_due": None if ended else deadline}
            for key, deadline, ended, *_ in due
            if key not in settled
        ]
        await unit.run_many(RESCHEDULE, rows)
        await session_ends.tell_expired(unit, [key for key, _ in ends], at=told_at or now)
    lapsed = await suspensions.settle(unit, over, told_at=told_at or now)
    await _count_expired(unit, ends)
    await count_ended(unit, "revoked", by=lapsed)
    unit.tell("ended", SUSPENSION_OVER.code, times=lapsed)
    return len(due)


async def settle_some(unit: UnitOfWork, ends: list[tuple[SessionKey, bool]], *, at: Instant) -> None:
    """Settle sessions that this transaction has locked and whose deadline has passed by `at`, and tell their ends.

    Of each it is given whether it was the absolute deadline.
    """
    await unit.run_many(RESCHEDULE, [{"one": key, "next_due": None} for key, _ in ends])
    await session_ends.tell_expired(unit, [key for key, _ in ends], at=at)
    await _count_expired(unit, ends)


async def _count_expired(unit: UnitOfWork, ends: list[tuple[SessionKey, bool]]) -> None:
    of_age = sum(is_absolute for _, is_absolute in ends)
    await count_ended(unit, "expired", by=len(ends))
    unit.tell("ended", "absolute_timeout", times=of_age)
    unit.tell("ended", "idle_timeout", times=len(ends) - of_age)


async def reopen(unit: UnitOfWork, now: Instant, *, limit: int) -> int:
    """Open up to `limit` sessions again that were settled too early; how many. Their deadlines are as before."""
    early = await unit.all(TOO_EARLY, now=now, limit=limit)
    if early:
        await unit.run_many(RESCHEDULE, [{"one": key, "next_due": deadline} for key, deadline, _ in early])
        await session_ends.tell_reopened(unit, [(key, user) for key, _, user in early], at=now)
    await count_ended(unit, "expired", by=-len(early))
    return len(early)


async def is_anything_due(unit: UnitOfWork, now: Instant) -> bool:
    """Whether `settle` would find a session to look at."""
    return bool(await unit.value(IS_ANYTHING_DUE, now=now))
