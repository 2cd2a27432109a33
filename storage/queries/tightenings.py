"""Time-outs that became shorter, from the policy that says so until the rows of all sessions do.

What they mean for a session is in `sojourn.storage.queries.session_deadlines`; the rows are rewritten some at a time
(`sojourn.storage.upkeep.tightening`).
"""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.domain.sessions import FOREVER
from sojourn.storage.queries import statistics
from sojourn.storage.queries.feed import LiveRow, ends_not_told
from sojourn.storage.queries.open_revocations import SPARED
from sojourn.storage.queries.session_deadlines import EXPIRES_AT, IDLE_EXPIRES_AT, is_cut
from sojourn.storage.queries.session_ends import LAST_ACCESS_TOKEN_EVER
from sojourn.storage.queries.session_states import DEADLINE, NOT_REVOKED, OVER
from sojourn.storage.schema.policy_tables import SessionTighteningTable
from sojourn.storage.schema.sql_functions import earliest, is_among
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

AT_ONCE = 200
"""So many open sessions of a tenant are rewritten at once, with the policy."""

_S = SessionTable.__table__
_T = SessionTighteningTable.__table__
_TENANT: Any = bindparam("tenant")
_HERE = _T.c.tenant_id == _TENANT
_NONE: Any = literal_column("0")
_ONE: Any = literal_column("1")
_WRITTEN = ("version", "rule", "lasts", "since", "counts_until")


class TighteningRow(NamedTuple):
    """A time-out that became shorter: since when, and when a walk through all rows began that came to its end."""

    version: int
    rule: str
    since: Instant
    walked_at: Instant | None


ALL = Statement(select(*[_T.c[name] for name in TighteningRow._fields]).where(_HERE).order_by(_T.c.version, _T.c.rule))
TENANTS = Statement(select(_T.c.tenant_id).distinct())
"""Those where a time-out became shorter, for a unit of everybody's."""
ADD = Statement(insert(_T).values(tenant_id=_TENANT, **{name: bindparam(name) for name in _WRITTEN}))
LOOSEN = Statement(
    update(_T)
    .where(_HERE, _T.c.rule == bindparam("rule"), _T.c.counts_until > bindparam("until"))
    .values(counts_until=bindparam("until"))
)
WALKED = Statement(
    update(_T)
    .where(_HERE, _T.c.walked_at.is_(None), _T.c.since <= bindparam("began"))
    .values(walked_at=bindparam("began"))
)
FINISH = Statement(delete(_T).where(_HERE, _T.c.since <= bindparam("before")))
_LATER = and_(
    _S.c.tenant_id == _TENANT, NOT_REVOKED, or_(_S.c.expires_at > EXPIRES_AT, _S.c.idle_expires_at > IDLE_EXPIRES_AT)
)
"""What the row says is later than when the session ends."""
NEXT = Statement(
    select(_S.c.id)
    .where(_LATER, _S.c.id > bindparam("after"))
    .order_by(_S.c.id)
    .limit(bindparam("limit"))
    .offset(_NONE),
    plans_anew=True,
)
_open = select(_S.c.id).where(_S.c.tenant_id == _TENANT, _S.c.due_at.is_not(None))
OPEN_ONES = Statement(_open.order_by(_S.c.due_at).limit(bindparam("limit")).offset(_NONE), plans_anew=True)
LOCK = Statement(
    select(_S.c.id).where(_LATER, is_among(_S.c.id, bindparam("keys"))).order_by(_S.c.id).with_for_update()
)
REWRITE = Statement(
    update(_S)
    .where(_LATER, is_among(_S.c.id, bindparam("keys")))
    .values(
        expires_at=EXPIRES_AT,
        idle_expires_at=IDLE_EXPIRES_AT,
        due_at=case((_S.c.due_at.is_not(None), earliest(_S.c.due_at, DEADLINE)), else_=_S.c.due_at),
    )
)
ENDED = Statement(
    select(_S.c.id, case((_S.c.expires_at <= _S.c.idle_expires_at, _ONE), else_=_NONE))
    .where(
        _S.c.tenant_id == _TENANT,
        is_among(_S.c.id, bindparam("keys")),
        NOT_REVOKED,
        _S.c.due_at.is_not(None),
        OVER,
        SPARED,
    )
    .order_by(_S.c.id)
)
NOT_TOLD = Statement(
    select(
        _S.c.tenant_id,
        _S.c.id,
        _S.c.user_id,
        DEADLINE,
        case(
            (EXPIRES_AT <= IDLE_EXPIRES_AT, literal_column("'absolute_timeout'")),
            else_=literal_column("'idle_timeout'"),
        ),
        LAST_ACCESS_TOKEN_EVER,
    ).where(_S.c.tenant_id == _TENANT, NOT_REVOKED, _S.c.due_at.is_not(None), is_cut(), OVER, SPARED),
    plans_anew=True,
)


async def begin(unit: UnitOfWork, rule: str, *, version: int, lasts: int, now: Instant) -> None:
    """From the commit on, a time-out of the tenant is so many milliseconds, for the sessions of before, too."""
    await unit.run(ADD, version=version, rule=rule, lasts=lasts, since=now, counts_until=FOREVER)


async def loosen(unit: UnitOfWork, rule: str, *, now: Instant) -> None:
    """Creations and activities from now on are not held to what a time-out was before."""
    await unit.run(LOOSEN, rule=rule, until=now)


async def open_ones(unit: UnitOfWork) -> list[TighteningRow]:
    """The tenant's time-outs that became shorter, the first first."""
    return [TighteningRow._make(row) for row in await unit.all(ALL)]


async def tenants_with_open_ones(unit: UnitOfWork) -> list[TenantId]:
    """The tenants where a time-out became shorter; the unit is everybody's."""
    return [TenantId(row[0]) for row in await unit.all(TENANTS)]


async def next_keys(unit: UnitOfWork, *, after: SessionKey, limit: int) -> list[SessionKey]:
    """The next sessions, by id, whose rows say a later end than the sessions have."""
    return [row[0] for row in await unit.all(NEXT, after=after, limit=limit)]


async def rewrite(unit: UnitOfWork, keys: list[SessionKey], *, now: Instant) -> int:
    """Let the rows of some sessions say when they end; how many did not.

    What has ended by `now` is settled and told.
    """
    locked = Many(row[0] for row in await unit.all(LOCK, keys=Many(keys)))
    if locked:
        await unit.run(REWRITE, keys=locked)
        ends = [(row[0], bool(row[1])) for row in await unit.all(ENDED, keys=locked, now=now)]
        if ends:
            await statistics.settle_some(unit, ends, at=now)
    return len(locked)


async def rewrite_few(unit: UnitOfWork, *, now: Instant, limit: int) -> None:
    """The same of all open sessions, where the tenant has no more than `limit`."""
    keys = [row[0] for row in await unit.all(OPEN_ONES, limit=limit + 1)]
    if len(keys) <= limit:
        await rewrite(unit, keys, now=now)


async def walked(unit: UnitOfWork, *, began: Instant, before: Instant) -> None:
    """A walk through all rows, begun at an instant, came to its end: those from `before` or earlier are done."""
    await unit.run(WALKED, began=began)
    await unit.run(FINISH, before=before)


async def not_told(unit: UnitOfWork, *, number: int, instant: Instant) -> list[LiveRow]:
    """The tenant's sessions that ended so and whose end was not told yet, as if it had been told under a number.

    Those are left out that have no tokens good after `instant`.
    """
    return ends_not_told(await unit.all(NOT_TOLD, now=instant), number=number, instant=instant)
