"""Deletes users without any other row, and cut-offs that can no longer refuse a token.

Only `sojourn purge` does this: it looks at every user of a tenant. A cut-off of a user goes with the last session and
token: counts of cut-offs begin anew then, and no token remembers an older one. A provider's tokens are in no table, so
a cut-off stays for `CUT_OFFS_KEPT` at least.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, false, func, literal_column, not_, or_, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import first_uuid7
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import events, sign_ins
from sojourn.storage.queries.session_states import ENDED
from sojourn.storage.queries.token_records import EVERYBODY
from sojourn.storage.schema.tables import SessionTable, TrustedDeviceTable, UserTable
from sojourn.storage.schema.token_tables import BlacklistTable, IssuedTokenTable, NotBeforeTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

CUT_OFFS_KEPT = timedelta(days=30)
"""Longer than the tokens of identity providers live."""
BATCH = 100
"""Users looked at in one write; each is locked."""

_U = UserTable.__table__
_S = SessionTable.__table__
_I = IssuedTokenTable.__table__
_B = BlacklistTable.__table__
_D = TrustedDeviceTable.__table__
_N = NotBeforeTable.__table__
_TENANT: Any = bindparam("tenant")
_BEFORE: Any = bindparam("before")
_KEPT: dict[Any, ColumnElement[bool]] = {
    _S: not_(func.coalesce(and_(_S.c.id < bindparam("created_before"), ENDED), false())),
    _I: _I.c.expires_at > _BEFORE,
    _D: _D.c.trusted_until > _BEFORE,
    _B: _B.c.expires_at > bindparam("now"),
}
"""The rows that a purge leaves."""


def _has_row(table: Any, user_id: Any, *kept: ColumnElement[bool]) -> ColumnElement[bool]:
    found: Any = select(literal_column("1")).select_from(table)
    rows: ColumnElement[bool] = found.where(table.c.tenant_id == _TENANT, table.c.user_id == user_id, *kept).exists()
    return rows


def _keeps(user_id: Any, *tables: Any) -> ColumnElement[bool]:
    return or_(*(_has_row(table, user_id, _KEPT[table]) for table in tables))


_UNKNOWN = and_(_U.c.tenant_id == _TENANT, _U.c.created_at <= _BEFORE, not_(_keeps(_U.c.user_id, _S, _I, _D, _B)))
_SPENT = and_(
    _N.c.tenant_id == _TENANT,
    _N.c.user_id != bindparam("everybody"),
    _N.c.issued_until <= bindparam("cut_off_before"),
    not_(_keeps(_N.c.user_id, _S, _I)),
)
COUNT_USERS = Statement(select(func.count()).select_from(_U).where(_UNKNOWN))
COUNT_CUT_OFFS = Statement(select(func.count()).select_from(_N).where(_SPENT))
_NEXT: dict[str, Any] = {"limit": bindparam("limit"), "offset": literal_column("0")}
SOME_USERS = Statement(
    select(_U.c.user_id)
    .where(_UNKNOWN, _U.c.user_id > bindparam("after"))
    .order_by(_U.c.user_id)
    .limit(_NEXT["limit"])
    .offset(_NEXT["offset"])
)
SOME_CUT_OFFS = Statement(
    select(_N.c.user_id)
    .where(_SPENT, _N.c.user_id > bindparam("after"))
    .distinct()
    .order_by(_N.c.user_id)
    .limit(_NEXT["limit"])
    .offset(_NEXT["offset"])
)
FORGET_USER = Statement(delete(_U).where(_UNKNOWN, _U.c.user_id == bindparam("one")))
FORGET_CUT_OFFS = Statement(delete(_N).where(_SPENT, _N.c.user_id == bindparam("one")))


class Due(NamedTuple):
    """Before which instants what may go, in text form: see `purge_tenant`; `cut_off_before` is of cut-offs."""

    before: Instant
    now: Instant
    cut_off_before: str


class Forgotten(NamedTuple):
    """How many users and cut-offs."""

    users: int
    cut_offs: int


async def count(unit: UnitOfWork, due: Due) -> Forgotten:
    """What `forget` will find once the tenant is purged."""
    of_users, of_cut_offs = _parameters(due)
    with unit.snapshot():
        return Forgotten(await unit.value(COUNT_USERS, **of_users), await unit.value(COUNT_CUT_OFFS, **of_cut_offs))


async def forget(database: Database, tenant: Tenant, *, due: Due) -> Forgotten:
    """Forget what a purge has left nothing of, some users in each write; how many went. Raises Unavailable."""
    of_users, of_cut_offs = _parameters(due)
    return Forgotten(
        await _in_batches(
            database, tenant, step=_each(SOME_USERS, FORGET_USER, parameters=of_users, and_then=events.unname)
        ),
        await _in_batches(database, tenant, step=_each(SOME_CUT_OFFS, FORGET_CUT_OFFS, parameters=of_cut_offs)),
    )


def _parameters(due: Due) -> tuple[dict[str, Any], dict[str, Any]]:
    kept = {"before": due.before, "created_before": first_uuid7(due.before)}
    return {**kept, "now": due.now}, {**kept, "everybody": EVERYBODY, "cut_off_before": due.cut_off_before}


Step = Callable[[UnitOfWork, str], Awaitable[tuple[int, str | None]]]


async def _nothing(unit: UnitOfWork, user_id: str) -> int:
    return 0


def _each(
    some: Statement,
    forget_one: Statement,
    *,
    parameters: dict[str, Any],
    and_then: Callable[[UnitOfWork, str], Awaitable[int]] = _nothing,
) -> Step:
    """One write: how many rows went, and the last user looked at; None when there was nobody any more.

    `and_then` is done for each user of whom a row went.
    """

    async def step(unit: UnitOfWork, after: str) -> tuple[int, str | None]:
        gone, user = 0, None
        for (user,) in await unit.all(some, **parameters, after=after, limit=BATCH):
            await sign_ins.stop(unit, user)  # a session that is just being begun comes first, or finds nobody
            if count := await unit.run(forget_one, **parameters, one=user):
                gone += count
                await and_then(unit, user)
        return gone, user

    return step


async def _in_batches(database: Database, tenant: Tenant, *, step: Step) -> int:
    total, after = 0, ""
    while True:

        async def work(unit: UnitOfWork, after: str = after) -> tuple[int, str | None]:
            return await step(unit, after)

        gone, last = await database.write(tenant, work)
        total += gone
        if last is None:
            return total
        after = last
