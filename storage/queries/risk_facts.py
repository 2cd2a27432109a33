"""The rows that risk is judged by. Every list is bounded and chosen in the order of ids: same rows, same answer."""

from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, func, literal_column, select

from sojourn.domain.clock import Instant
from sojourn.domain.device_names import DeviceName, NameKind
from sojourn.domain.endings import REUSE
from sojourn.domain.ids import SessionKey
from sojourn.domain.risk_evidence import SeenSession
from sojourn.storage.queries import statistics
from sojourn.storage.queries.session_deadlines import DEADLINES
from sojourn.storage.queries.session_states import ACTIVE, ENDED_BY_HAND, FEW_ACTIVE, NOW, OUT_OF_ORDER
from sojourn.storage.schema.tables import SessionTable, TrustedDeviceTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

HISTORY = 50  # a user's latest sessions, and as many before the one that is judged
SAMPLE = 10  # the latest sessions that stand for a device or a tenant
SEARCHED = 500  # a user's latest sessions that are searched for a device

_S = SessionTable.__table__
_D = TrustedDeviceTable.__table__
_TENANT: BindParameter[Any] = bindparam("tenant")
_MINE = _S.c.tenant_id == _TENANT
_ONE = and_(_MINE, _S.c.id == bindparam("id"))
_OF_USER = and_(_MINE, _S.c.user_id == bindparam("user_id"))
_ON_DEVICE = and_(_MINE, _S.c.device_id == bindparam("device_id"))


class DeviceCounts(NamedTuple):
    """The tenant's kept sessions on a device, how many of which kind, and how many users they have."""

    total: int
    active: int
    revoked: int
    reused: int
    users: int


class Sighting(NamedTuple):
    """When and where a device was, by one session on it."""

    id: str
    created_at: Instant
    last_active_at: Instant
    ip: str | None
    geoip: str | None


class Device(NamedTuple):
    """What a session says of the device it runs on; None where it says nothing."""

    id: str
    user_id: str
    device_fingerprint: str | None
    device_id: str | None
    user_agent: str | None
    device_type: str | None
    browser: str | None
    os: str | None
    created_at: Instant
    last_active_at: Instant
    ip: str | None
    geoip: str | None

    @property
    def sighting(self) -> Sighting:
        """When and where this session saw it."""
        return Sighting(
            id=self.id, created_at=self.created_at, last_active_at=self.last_active_at, ip=self.ip, geoip=self.geoip
        )


def _latest(*wanted: ColumnElement[bool], order: ColumnElement[Any] = _S.c.id, plans_anew: bool = False) -> Statement:
    """The latest of the sessions that fit."""
    columns = [DEADLINES.get(name, _S.c[name]) for name in SeenSession._fields]
    found = select(*columns).where(*wanted).order_by(order.desc())
    return Statement(found.limit(bindparam("limit")).offset(literal_column("0")), plans_anew=plans_anew)


def _sightings(kind: NameKind) -> Statement:
    """The sessions of a device, latest first, among the latest of a user."""
    columns = [_S.c[column] for column in (kind, *Sighting._fields)]
    latest = select(*columns).where(_OF_USER).order_by(_S.c.id.desc())
    searched = latest.limit(bindparam("limit")).offset(literal_column("0")).subquery()
    wanted = select(*[searched.c[column] for column in Sighting._fields])
    return Statement(wanted.where(searched.c[kind] == bindparam("name")).order_by(searched.c.id.desc()))


GET = Statement(select(*[DEADLINES.get(name, _S.c[name]) for name in SeenSession._fields]).where(_ONE))
LATEST_OF_USER = _latest(_OF_USER)
LATEST_OF_USER_BEFORE = _latest(_OF_USER, _S.c.id < bindparam("before"))
LATEST_ON_DEVICE = _latest(_ON_DEVICE)
LATEST_ACTIVE = _latest(_MINE, ACTIVE, plans_anew=True)
FEW_LATEST_ACTIVE = _latest(_MINE, FEW_ACTIVE, order=OUT_OF_ORDER, plans_anew=True)
COUNT_ON_DEVICE = Statement(
    select(
        func.count(),
        func.count().filter(ACTIVE),
        func.count().filter(ENDED_BY_HAND),
        func.count().filter(_S.c.reason_code == bindparam("reuse")),
        func.count(_S.c.user_id.distinct()),
    ).where(_ON_DEVICE)
)
TRUSTS = Statement(
    select(
        exists().where(
            _D.c.tenant_id == _TENANT,
            _D.c.user_id == bindparam("user_id"),
            _D.c.device_fingerprint == bindparam("fingerprint"),
            _D.c.trusted_until > NOW,
        )
    )
)
DEVICE = Statement(select(*[_S.c[name] for name in Device._fields]).where(_ONE))
SIGHTINGS_BY_FINGERPRINT = _sightings("device_fingerprint")
SIGHTINGS_BY_ID = _sightings("device_id")
SIGHTINGS_BY_AGENT = _sightings("user_agent")
_SIGHTINGS: dict[NameKind, Statement] = {
    "device_fingerprint": SIGHTINGS_BY_FINGERPRINT,
    "device_id": SIGHTINGS_BY_ID,
    "user_agent": SIGHTINGS_BY_AGENT,
}


async def get(unit: UnitOfWork, key: SessionKey) -> SeenSession | None:
    """A session of any status, or None."""
    row = await unit.one(GET, id=key)
    return None if row is None else SeenSession._make(row)


async def history(unit: UnitOfWork, session: SeenSession) -> set[SeenSession]:
    """The user's latest sessions before this one, and the latest of all."""
    user = session.user_id
    rows = await unit.all(LATEST_OF_USER, user_id=user, limit=HISTORY)
    if len(rows) == HISTORY:  # else these are all there are
        rows += await unit.all(LATEST_OF_USER_BEFORE, user_id=user, before=session.id, limit=HISTORY)
    return {SeenSession._make(row) for row in rows}


async def latest_active(unit: UnitOfWork, now: Instant) -> list[SeenSession]:
    """The tenant's latest active sessions."""
    with unit.snapshot():
        few = (await statistics.session_stats(unit, now)).active < SAMPLE
        rows = await unit.all(FEW_LATEST_ACTIVE if few else LATEST_ACTIVE, now=now, limit=SAMPLE)
    return [SeenSession._make(row) for row in rows]


async def latest_on_device(unit: UnitOfWork, device_id: str) -> list[SeenSession]:
    """The latest sessions on a device, of any status and user."""
    return [SeenSession._make(row) for row in await unit.all(LATEST_ON_DEVICE, device_id=device_id, limit=SAMPLE)]


async def count_on_device(unit: UnitOfWork, device_id: str, *, now: Instant) -> DeviceCounts:
    """The numbers of a device; all of them 0 when the tenant has no session on it."""
    row = await unit.one(COUNT_ON_DEVICE, device_id=device_id, now=now, reuse=REUSE.code)
    return DeviceCounts._make(row or (0, 0, 0, 0, 0))


async def trusts(unit: UnitOfWork, user_id: str, *, fingerprint: str | None, now: Instant) -> bool:
    """Whether a user trusts the device of a fingerprint at `now`."""
    if fingerprint is None:
        return False
    return bool(await unit.value(TRUSTS, user_id=user_id, fingerprint=fingerprint, now=now))


async def device(unit: UnitOfWork, key: SessionKey) -> Device | None:
    """What a session of any status says of its device, or None when there is no such session."""
    row = await unit.one(DEVICE, id=key)
    return None if row is None else unit.touches.shown(unit.tenant.id, Device._make(row))


async def sightings(unit: UnitOfWork, user_id: str, *, name: DeviceName) -> list[Sighting]:
    """The user's sessions on the device that is named so, latest first, among the latest of the user."""
    rows = await unit.all(_SIGHTINGS[name.kind], user_id=user_id, name=name.value, limit=SEARCHED)
    return [unit.touches.shown(unit.tenant.id, Sighting._make(row)) for row in rows]
