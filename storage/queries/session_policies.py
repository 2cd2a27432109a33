"""A tenant's policy of sessions, the sessions that its limit counts, and those that its time-outs end."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.endings import LIMIT, Initiator
from sojourn.domain.ids import SessionKey
from sojourn.domain.session_binding import NO_BINDING, Binding
from sojourn.domain.session_policies import (
    NO_POLICY,
    NO_TIMEOUTS,
    OpenSession,
    OwnTimeouts,
    Room,
    SessionLimit,
    SessionPolicy,
    became_shorter,
    ends_for_one_more,
)
from sojourn.storage.queries import events, session_limit, session_revocation, sessions, tightenings
from sojourn.storage.queries.events import Event
from sojourn.storage.queries.session_states import ALL_OPEN, FEW_OPEN, OPEN_BY_INDEX
from sojourn.storage.schema.policy_tables import SessionPolicyTable
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_P = SessionPolicyTable.__table__
_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")
_LIMIT = ("most_sessions", "counted_per", "on_limit")
_TIMEOUTS = ("idle_timeout", "absolute_timeout")
_BINDING = ("bind_asn", "bind_country")
_WRITTEN = ("version", *_LIMIT, *_TIMEOUTS, *_BINDING, "updated_at")
_MILLISECOND = timedelta(milliseconds=1)
_IN_APP = _S.c.app_id.is_not_distinct_from(bindparam("app_id", type_=_S.c.app_id.type))
_OF_USER = select(func.count()).select_from(_S).where(_S.c.tenant_id == _TENANT, _S.c.user_id == bindparam("user_id"))

OWN_LIMIT = tuple(_P.c[name] for name in _LIMIT)
"""The columns of a tenant's limit, in the order that `limit_of` takes them: null where it has none."""
OWN_TIMEOUTS = tuple(_P.c[name] for name in _TIMEOUTS)
"""The columns of a tenant's time-outs, in the order that `timeouts_of` takes them: null where it has none."""
IS_OWN = _P.c.tenant_id == _TENANT
TABLE = _P
GET = Statement(select(_P.c.version, *OWN_LIMIT, *OWN_TIMEOUTS, *[_P.c[name] for name in _BINDING]).where(IS_OWN))
_put = insert(_P).values(tenant_id=_TENANT, **{name: bindparam(name) for name in _WRITTEN})
PUT = Statement(
    _put.on_conflict_do_update(index_elements=["tenant_id"], set_={name: _put.excluded[name] for name in _WRITTEN})
)
_open = select(*[_S.c[name] for name in OpenSession._fields]).where(
    _S.c.tenant_id == _TENANT, _S.c.user_id == bindparam("user_id")
)
_counts = select(_S.c.user_id, _S.c.app_id, func.count()).where(
    _S.c.tenant_id == _TENANT, is_among(_S.c.user_id, bindparam("users"))
)
_counts = _counts.group_by(_S.c.user_id, _S.c.app_id)
OPEN_OF_USERS = Statement(_counts.where(ALL_OPEN), on_sqlite=_counts.where(OPEN_BY_INDEX))
OPEN_OF_USER = Statement(_open.where(ALL_OPEN), on_sqlite=_open.where(FEW_OPEN))


def _room(*scope: ColumnElement[bool], by_index: ColumnElement[bool]) -> Statement:
    """Finds a row while one more may begin: fewer than `:most` sessions of the user are open."""
    most = bindparam("most", type_=Integer)
    found = _OF_USER.where(*scope)
    row: Any = select(literal_column("1"))
    return Statement(
        row.where(found.where(ALL_OPEN).scalar_subquery() < most),
        on_sqlite=row.where(found.where(by_index).scalar_subquery() < most),
    )


ROOM_OF_USER = _room(by_index=OPEN_BY_INDEX)
ROOM_IN_APP = _room(_IN_APP, by_index=FEW_OPEN)


def limit_of(row: Row) -> SessionLimit | None:
    """The limit in a row of its columns."""
    return None if row[0] is None else SessionLimit._make(row)


def timeouts_of(row: Row) -> OwnTimeouts:
    """The time-outs in a row of their columns."""
    return OwnTimeouts(*(None if span is None else timedelta(milliseconds=span) for span in row))


async def get(unit: UnitOfWork) -> SessionPolicy:
    """The tenant's policy."""
    row = await unit.one(GET)
    if row is None:
        return NO_POLICY
    return SessionPolicy(row[0], limit_of(row[1:4]), timeouts=timeouts_of(row[4:6]), binding=Binding._make(row[6:]))


async def room(unit: UnitOfWork, user_ids: Iterable[str], *, now: Instant) -> Room | None:
    """What the tenant's limit still allows some users; None where it has no limit."""
    limit = (await get(unit)).max_sessions
    if limit is None:
        return None
    return Room(limit, await unit.all(OPEN_OF_USERS, users=Many(dict.fromkeys(user_ids)), now=now))


async def get_alone(unit: UnitOfWork) -> SessionPolicy:
    """The same for a transaction that changes it: nobody else does until this one ends."""
    await unit.alone(f"session policy {unit.tenant.id}")
    return await get(unit)


async def change(
    unit: UnitOfWork,
    before: SessionPolicy,
    *,
    limit: SessionLimit | None,
    timeouts: OwnTimeouts = NO_TIMEOUTS,
    binding: Binding = NO_BINDING,
    now: Instant,
    by: str,
    initiated_by: Initiator,
    at_once: int = tightenings.AT_ONCE,
) -> SessionPolicy:
    """Give the tenant other rules than `before`, or none, and tell that; where they are the same, nothing is done.

    The limit holds for sign-ins that begin from now on, the binding for each use of a session. A time-out that is
    shorter holds for the sessions of before from the commit on, one that is longer from their next activity on. The
    rows of up to `at_once` open sessions say so at the commit, those of more are rewritten later.
    """
    if (limit, timeouts, binding) == (before.max_sessions, before.timeouts, before.binding):
        return before
    after = SessionPolicy(before.version + 1, limit, timeouts=timeouts, binding=binding)
    values = dict.fromkeys(_LIMIT) if limit is None else dict(zip(_LIMIT, limit, strict=True))
    values |= dict(zip(_BINDING, binding, strict=True))
    spans = dict(zip(_TIMEOUTS, map(_milliseconds, timeouts), strict=True))
    await unit.run(PUT, version=after.version, updated_at=now, **values, **spans)
    told = {"policy": "sessions", "version": after.version}
    await events.tell(unit, [Event("policy.changed", now, actor=by, initiated_by=initiated_by, data=told)])
    if await _hold_sessions(unit, before.timeouts, after=after, now=now):
        await tightenings.rewrite_few(unit, now=now, limit=at_once)
    return after


async def _hold_sessions(unit: UnitOfWork, before: OwnTimeouts, *, after: SessionPolicy, now: Instant) -> bool:
    """Hold the sessions of before to time-outs that became shorter; whether any did."""
    is_any_shorter = False
    for rule, was, lasts in zip(_TIMEOUTS, before, after.timeouts, strict=True):
        if lasts is not None and became_shorter(was, lasts):
            if not is_any_shorter:
                await sessions.touch_many(unit, unit.touches.of_tenant(unit.tenant.id), now=now)
            is_any_shorter = True
            await tightenings.begin(unit, rule, version=after.version, lasts=lasts // _MILLISECOND, now=now)
        elif lasts != was:
            await tightenings.loosen(unit, rule, now=now)
    return is_any_shorter


def _milliseconds(span: timedelta | None) -> int | None:
    return None if span is None else span // _MILLISECOND


async def end_for_one_more(
    unit: UnitOfWork, user_id: str, *, app_id: str | None, limit: SessionLimit, spared: SessionKey | None, now: Instant
) -> None:
    """Let sessions of a user end until one more may begin. Raises SessionLimitReached where it may not.

    Until the transaction ends, other sign-ins of the user wait. A session that somebody else has ended since it was
    found does not count.
    """
    await unit.alone(session_limit.name_of(unit, user_id))
    rows = [OpenSession._make(row) for row in await unit.all(OPEN_OF_USER, user_id=user_id, now=now)]
    shown = [unit.touches.shown(unit.tenant.id, row) for row in rows]
    ended = ends_for_one_more(limit, shown, app_id=app_id, spared=spared)
    if ended:
        await session_revocation.revoke_many(unit, ended, now=now, ending=LIMIT)
