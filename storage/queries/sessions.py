"""Sessions: written, found and kept alive. Newest first is by id, since ids sort by time.

What is active at an instant is spelled in `sojourn.storage.queries.session_states`.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, case, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain import factors
from sojourn.domain.clock import FIRST_INSTANT, Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.paging import Page
from sojourn.domain.session_binding import Binding
from sojourn.domain.sessions import effective_end
from sojourn.storage.queries import events, session_ends, statistics, tenants, users
from sojourn.storage.queries.session_deadlines import DEADLINES, ByRows
from sojourn.storage.queries.session_rows import (
    COLUMNS,
    COLUMNS_OF_OPEN,
    DeviceFacts,
    NewSession,
    SessionRow,
    SessionWithUser,
)
from sojourn.storage.queries.session_states import ACTIVE, ACTIVE_BY_INDEX, ALL_ACTIVE, FEW_ACTIVE, OUT_OF_ORDER
from sojourn.storage.schema.policy_tables import SessionPolicyTable
from sojourn.storage.schema.sql_functions import earliest, is_among, later_by, latest
from sojourn.storage.schema.tables import SessionTable, UserTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.touches import Touch
from sojourn.storage.unit_of_work import Row, UnitOfWork

_S = SessionTable.__table__
_U = UserTable.__table__
_P = SessionPolicyTable.__table__
_TENANT: BindParameter[Any] = bindparam("tenant")
_MINE = _S.c.tenant_id == _TENANT
_OF_USER = and_(_MINE, _S.c.user_id == bindparam("user_id"))
_ONE = and_(_MINE, _S.c.id == bindparam("id"))

GET = ByRows(Statement(select(*COLUMNS).where(_ONE)))
_OF_POLICY = [_P.c.idle_timeout, *[_P.c[f"bind_{name}"] for name in Binding._fields]]
_BESIDE_POLICY = _S.outerjoin(_P, _P.c.tenant_id == _TENANT)
GET_TO_TOUCH = ByRows(Statement(select(*COLUMNS, *_OF_POLICY).select_from(_BESIDE_POLICY).where(_ONE)))
GET_DEVICE = Statement(select(*[_S.c[name] for name in DeviceFacts._fields]).where(_ONE))
_COUNT = select(func.count()).select_from(_S).where(_OF_USER)
COUNT_ACTIVE_OF_USER = ByRows(Statement(_COUNT.where(ALL_ACTIVE), on_sqlite=_COUNT.where(ACTIVE_BY_INDEX)))
_AMONG = _MINE, is_among(_S.c.user_id, bindparam("users"))
_COUNTS = select(_S.c.user_id, func.count()).where(*_AMONG).group_by(_S.c.user_id)
_EACH = func.json_each(bindparam("users")).table_valued("value")
_OF_EACH = select(func.count()).where(_MINE, _S.c.user_id == _EACH.c.value, ACTIVE_BY_INDEX).correlate(_EACH)
COUNT_ACTIVE_OF_USERS = ByRows(
    Statement(
        _COUNTS.where(ALL_ACTIVE),
        # SQLite would sort the users for the groups; a user without a session is a row here, too.
        on_sqlite=select(_EACH.c.value, _OF_EACH.scalar_subquery()),
    )
)
ACTIVE_AMONG = ByRows(Statement(select(_S.c.id).where(_MINE, is_among(_S.c.id, bindparam("keys")), ACTIVE)))
_PAGE = select(*COLUMNS_OF_OPEN).where(_OF_USER).limit(bindparam("limit")).offset(bindparam("offset"))
LIST_ACTIVE_OF_USER = ByRows(
    Statement(
        _PAGE.where(ACTIVE).order_by(_S.c.id.desc()),
        # By the index of what is open, which SQLite would leave for one that has the order of the ids.
        on_sqlite=_PAGE.where(FEW_ACTIVE).order_by(OUT_OF_ORDER.desc()),
    )
)
_WITH_USERS = (
    select(
        _S.c.id,
        _S.c.user_id,
        _U.c.key,
        _U.c.username,
        _S.c.created_at,
        DEADLINES["expires_at"],
        _S.c.last_active_at,
        _S.c.ip,
        _S.c.user_agent,
        _S.c.amr,
    )
    # An outer join, though every session has its user: an inner one may begin with the users and sort the tenant.
    .outerjoin(_U, and_(_U.c.tenant_id == _TENANT, _U.c.user_id == _S.c.user_id))
    .where(_MINE)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
LIST_ACTIVE_WITH_USERS = Statement(
    _WITH_USERS.where(ACTIVE, _S.c.id < bindparam("after")).order_by(_S.c.id.desc()), plans_anew=True
)
LIST_FEW_ACTIVE_WITH_USERS = Statement(
    _WITH_USERS.where(FEW_ACTIVE, bindparam("after") > OUT_OF_ORDER).order_by(OUT_OF_ORDER.desc()), plans_anew=True
)
LIST_ALL_OF_USER = Statement(select(*COLUMNS).where(_OF_USER).order_by(_S.c.id.desc()))
_INSERTED = tuple(name for name in NewSession.__dataclass_fields__ if name != "username")
INSERT = Statement(
    insert(_S).values(
        tenant_id=_TENANT,
        due_at=bindparam("due_at"),
        **{name: bindparam(name) for name in _INSERTED},
    )
)
PLACE = Statement(update(_S).where(_ONE, _S.c.status_index.is_(None)).values(status_index=bindparam("place")))
_IDLE: Any = bindparam("idle", type_=_S.c.idle_expires_at.type)
# The caller may have read another policy: the one of now holds.
_ALLOWED = later_by(
    bindparam("at", type_=_S.c.last_active_at.type),
    select(_P.c.idle_timeout).where(_P.c.tenant_id == _TENANT).scalar_subquery(),
)
_ACTIVITY = {
    "last_active_at": latest(_S.c.last_active_at, bindparam("at", type_=_S.c.last_active_at.type)),
    "idle_expires_at": latest(_S.c.idle_expires_at, earliest(_IDLE, _S.c.expires_at, func.coalesce(_ALLOWED, _IDLE))),
}
_LATEST = bindparam("at", type_=_S.c.last_active_at.type) >= _S.c.last_active_at
_ORIGIN = {
    column.name: case(
        (_LATEST, func.coalesce(bindparam(f"from_{column.name}", type_=column.type), column)), else_=column
    )
    for column in (_S.c.last_ip, _S.c.last_user_agent)
}
TOUCH = Statement(update(_S).where(_ONE, ACTIVE).values(**_ACTIVITY, **_ORIGIN))
RAISE = Statement(
    update(_S)
    .where(_ONE, ACTIVE, _S.c.elevations == bindparam("seen"))
    .values(
        amr=bindparam("new_amr"),
        acr=bindparam("new_acr"),
        factors=bindparam("new_factors"),
        authenticated_at=latest(_S.c.authenticated_at, bindparam("verified", type_=_S.c.authenticated_at.type)),
        elevations=_S.c.elevations + literal_column("1"),
        **_ACTIVITY,
    )
)
DESCRIBE = Statement(
    update(_S)
    .where(_ONE, _S.c.details.is_not_distinct_from(bindparam("seen", type_=_S.c.details.type)))
    .values(details=bindparam("new_details"))
)
_NOT_YET = dict.fromkeys(
    (
        "revoked_at",
        "revoked_by",
        "revoke_reason",
        "reason_code",
        "last_ip",
        "last_user_agent",
        "suspended_until",
        "suspended_then",
    )
)
_AFTER_EVERYTHING = "ffffffff-ffff-ffff-ffff-ffffffffffff"


async def add(unit: UnitOfWork, session: NewSession, *, tenant_limit: int | None = None) -> SessionRow:
    """Write a session and return its row; its tenant and its user are made when they are new."""
    await tenants.ensure(unit, session.created_at, limit=tenant_limit)
    await users.ensure(unit, session.user_id, username=session.username, now=session.created_at)
    values = insert_values(session)
    await unit.run(INSERT, **values)
    await events.tell_created(unit, values)
    await statistics.count_created(unit, session.device_type)
    unit.tell("created")
    return row_of(unit, values)


def row_of(unit: UnitOfWork, values: dict[str, Any]) -> SessionRow:
    """The row of a session that was just written, given its `insert_values`."""
    written = {**values, **_NOT_YET, "tenant_id": unit.tenant.id, "elevations": 0}
    return SessionRow._make([written[name] for name in SessionRow._fields])


def insert_values(session: NewSession) -> dict[str, Any]:
    """The parameters of `INSERT` and of `events.TELL_CREATED` but for the tenant."""
    values = {name: getattr(session, name) for name in _INSERTED}
    values["due_at"] = effective_end(session)
    values.update(events.created_values(session.id, expires_at=session.expires_at))
    return values


async def get(unit: UnitOfWork, key: SessionKey) -> SessionRow | None:
    """A session of any status, or None."""
    row = await GET.one(unit, id=key)
    return None if row is None else unit.touches.shown(unit.tenant.id, SessionRow._make(row))


async def get_to_touch(unit: UnitOfWork, key: SessionKey) -> tuple[SessionRow, timedelta | None, Binding] | None:
    """The same, beside the idle time-out of the tenant's policy, None where it has none, and its binding."""
    row = await GET_TO_TOUCH.one(unit, id=key)
    if row is None:
        return None
    idle = None if row[-3] is None else timedelta(milliseconds=row[-3])
    return unit.touches.shown(unit.tenant.id, SessionRow._make(row[:-3])), idle, Binding._make(row[-2:])


async def device_of(unit: UnitOfWork, key: SessionKey) -> DeviceFacts | None:
    """What a session of any status says of its device, or None."""
    row = await unit.one(GET_DEVICE, id=key)
    return None if row is None else DeviceFacts._make(row)


async def count_active_of_user(unit: UnitOfWork, user_id: str, *, now: Instant) -> int:
    """How many sessions of a user are active."""
    row = await COUNT_ACTIVE_OF_USER.one(unit, user_id=user_id, now=now)
    return 0 if row is None else int(row[0])


async def count_active_of_users(unit: UnitOfWork, user_ids: Iterable[str], *, now: Instant) -> dict[str, int]:
    """How many sessions of some users are active; users without one are left out."""
    found = await COUNT_ACTIVE_OF_USERS.all(unit, users=Many(dict.fromkeys(user_ids)), now=now)
    return {row[0]: row[1] for row in found if row[1]}


async def active_among(unit: UnitOfWork, keys: Iterable[SessionKey], *, now: Instant) -> set[SessionKey]:
    """Those of some sessions that are active."""
    return {row[0] for row in await ACTIVE_AMONG.all(unit, keys=Many(dict.fromkeys(keys)), now=now)}


async def list_active_of_user(
    unit: UnitOfWork, user_id: str, *, now: Instant, page: Page
) -> tuple[list[SessionRow], int]:
    """One page of a user's active sessions, and how many there are."""
    wanted = {"user_id": user_id, "now": now, "limit": page.size + 1, "offset": page.offset}
    if page.number == 1:
        rows = await LIST_ACTIVE_OF_USER.all(unit, **wanted)
        if len(rows) <= page.size:  # the row too many is not there: nothing to count
            return shown(unit, rows), len(rows)
    with unit.snapshot():
        rows = await LIST_ACTIVE_OF_USER.all(unit, **wanted)
        total = await count_active_of_user(unit, user_id, now=now)
    return shown(unit, rows[: page.size]), total


async def list_all_of_user(unit: UnitOfWork, user_id: str) -> list[SessionRow]:
    """Every session of a user that is kept, in any state, newest first."""
    return shown(unit, await unit.all(LIST_ALL_OF_USER, user_id=user_id))


async def list_active_with_users(
    unit: UnitOfWork, now: Instant, *, limit: int, after: str | None
) -> tuple[list[SessionWithUser], int]:
    """Up to `limit` active sessions after the id `after`, with their users, and how many are active in all."""
    with unit.snapshot():
        total = (await statistics.session_stats(unit, now)).active
        list_them = LIST_FEW_ACTIVE_WITH_USERS if total <= limit else LIST_ACTIVE_WITH_USERS
        rows = await unit.all(list_them, now=now, limit=limit + 1, after=after or _AFTER_EVERYTHING)
    total = len(rows) if after is None and len(rows) <= limit else max(total, len(rows))
    return [unit.touches.shown(unit.tenant.id, SessionWithUser._make(row)) for row in rows[:limit]], total


async def touch(unit: UnitOfWork, key: SessionKey, *, touch: Touch) -> bool:
    """Record an activity; False when the session is not active. Neither instant ever goes back."""
    return await unit.run(TOUCH, **touch_values(key, touch, now=touch.last_active_at)) == 1


async def touch_many(unit: UnitOfWork, touches: list[tuple[SessionKey, Touch]], *, now: Instant) -> None:
    """Record activities of sessions, by id, that waited until `now`; those not active by then are left as they are."""
    await unit.run_many(TOUCH, [touch_values(key, touch, now=now) for key, touch in touches])


def touch_values(key: SessionKey, touch: Touch, *, now: Instant) -> dict[str, Any]:
    """The parameters of `TOUCH` but for the tenant."""
    return {
        "id": key,
        "at": touch.last_active_at,
        "idle": touch.idle_expires_at,
        "from_last_ip": touch.last_ip,
        "from_last_user_agent": touch.last_user_agent,
        "now": now,
    }


class Assurance(NamedTuple):
    """What is known of a session's authentication once it was raised by `methods`. `verified_at` in text form."""

    amr: str
    acr: str | None
    verified_at: Instant
    methods: tuple[str, ...] = ()


async def raise_assurance(
    unit: UnitOfWork,
    row: SessionRow,
    *,
    to: Assurance,
    now: Instant,
    idle: Instant,
    tokens_until: Instant = FIRST_INSTANT,
) -> bool:
    """Record an authentication with other factors: access tokens of before are refused from here on.

    `idle` is the idle deadline that follows, `tokens_until` when a token that is issued now expires at the latest.
    False when the session is not active, or not what `row` says any more.
    """
    facts = {"new_amr": to.amr, "new_acr": to.acr, "verified": to.verified_at}
    facts["new_factors"] = factors.write(factors.raised(row, to.methods, at=to.verified_at))
    if not await unit.run(RAISE, id=row.id, seen=row.elevations, at=now, now=now, idle=idle, **facts):
        return False
    data = {"amr": to.amr.split(","), "verified_at": to.verified_at} | ({} if to.acr is None else {"acr": to.acr})
    await session_ends.tell_elevated(unit, row.id, at=now, user_id=row.user_id, data=data, tokens_until=tokens_until)
    return True


async def give_place(unit: UnitOfWork, key: SessionKey, *, place: int | None) -> None:
    """Give a session that stands in no status list a place in one."""
    await unit.run(PLACE, id=key, place=place)


async def describe(unit: UnitOfWork, row: SessionRow, *, details: str | None) -> bool:
    """Change what few sessions have; False when that is not what `row` says any more, or the session is gone."""
    return await unit.run(DESCRIBE, id=row.id, seen=row.details, new_details=details) == 1


async def write_waiting_touches(unit: UnitOfWork, keys: list[SessionKey], *, now: Instant) -> None:
    """Write what waits of sessions that are about to end: their last use would go back otherwise."""
    found = [(key, unit.touches.perhaps_unwritten(unit.tenant.id, key)) for key in keys]
    touches = [(key, touch) for key, touch in found if touch is not None]
    if touches:
        await touch_many(unit, touches, now=now)


def shown(unit: UnitOfWork, rows: list[Row]) -> list[SessionRow]:
    """Rows as they are shown: with the touches that wait."""
    with_touch, tenant_id = unit.touches.shown, unit.tenant.id
    return [with_touch(tenant_id, SessionRow._make(row)) for row in rows]
