"""A user's sessions grouped by device. It looks at the newest ones only, so that its work is bounded."""

from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, case, func, literal_column, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.storage.queries import sessions
from sojourn.storage.queries.session_rows import COLUMNS, SessionRow
from sojourn.storage.queries.session_states import ACTIVE
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

WINDOW = 5_000
"""How many of a user's sessions are looked at, at most."""
MOST = 100
"""How many devices are shown, at most."""

_S = SessionTable.__table__
_MINE = _S.c.tenant_id == bindparam("tenant")
_ONE: Any = literal_column("1")
_NONE: Any = literal_column("0")
_LIMIT: BindParameter[Any] = bindparam("limit")
_WINDOW: BindParameter[Any] = bindparam("window")
_NEWEST = (
    select(
        _S.c.id.op("||")(literal_column("''")).label("key"),
        _S.c.device_id,
        case((ACTIVE, _ONE), else_=_NONE).label("is_active"),
        case((_S.c.id == bindparam("current", type_=_S.c.id.type), _ONE), else_=_NONE).label("is_current"),
    )
    .where(_MINE, _S.c.user_id == bindparam("user_id"))
    .order_by(_S.c.id.desc())
    .limit(_WINDOW)
    .offset(_NONE)
    .subquery("newest")
)
_LAST = func.max(_NEWEST.c.key)
BY_DEVICE = Statement(
    select(_NEWEST.c.device_id, func.count(), func.sum(_NEWEST.c.is_active), func.sum(_NEWEST.c.is_current), _LAST)
    .group_by(_NEWEST.c.device_id)
    .order_by(_LAST.desc())
    .limit(_LIMIT)
    .offset(_NONE)
)
AMONG = Statement(select(*COLUMNS).where(_MINE, is_among(_S.c.id, bindparam("keys"))))


class DeviceRow(NamedTuple):
    """A user's sessions on one device; `device_id` is None for those of which no device is known."""

    device_id: str | None
    session_count: int
    active_count: int
    is_current: bool
    newest: SessionRow


async def devices_of_user(
    unit: UnitOfWork, user_id: str, *, now: Instant, current: SessionKey | None, window: int = WINDOW, most: int = MOST
) -> tuple[list[DeviceRow], bool]:
    """The devices, the one with the newest session first, and whether sessions or devices were left out.

    `current` is the session that the caller asks with.
    """
    wanted = {"user_id": user_id, "now": now, "current": current or "", "window": window}
    with unit.snapshot():
        found = await unit.all(BY_DEVICE, **wanted, limit=most + 1)
        rows = sessions.shown(unit, await unit.all(AMONG, keys=Many(row[4] for row in found[:most])))
    newest = {row.id: row for row in rows}
    devices = [
        DeviceRow(
            device_id=device_id,
            session_count=count,
            active_count=active,
            is_current=of_caller > 0,
            newest=newest[last],
        )
        for device_id, count, active, of_caller, last in found[:most]
    ]
    return devices, len(found) > most or sum(row[1] for row in found) >= window
