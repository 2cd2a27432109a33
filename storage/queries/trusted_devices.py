"""Trusted devices: one row for a user and a fingerprint, trusted until an instant."""

from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.ids import TenantId
from sojourn.domain.paging import Page
from sojourn.storage.queries import events, tenants
from sojourn.storage.queries.events import Event
from sojourn.storage.schema.tables import TrustedDeviceTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_D = TrustedDeviceTable.__table__
_MINE = _D.c.tenant_id == bindparam("tenant")
_OF_USER = and_(_MINE, _D.c.user_id == bindparam("user_id"))
_FACTS = ("device_name", "device_type", "browser", "os", "ip")


@dataclass(frozen=True, slots=True)
class NewTrustedDevice:
    """A device to be trusted. Instants in text form."""

    id: str
    user_id: str
    device_fingerprint: str
    created_at: Instant
    trusted_until: Instant
    device_name: str | None = None
    device_type: str | None = None
    browser: str | None = None
    os: str | None = None
    ip: str | None = None


class TrustedDeviceRow(NamedTuple):
    """A trusted device as it is stored."""

    id: str
    tenant_id: TenantId
    user_id: str
    device_fingerprint: str
    device_name: str | None
    device_type: str | None
    browser: str | None
    os: str | None
    ip: str | None
    created_at: Instant
    trusted_until: Instant


_COLUMNS = [_D.c[name] for name in TrustedDeviceRow._fields]
_insert = insert(_D).values(
    tenant_id=bindparam("tenant"), **{name: bindparam(name) for name in NewTrustedDevice.__dataclass_fields__}
)
TRUST = Statement(
    _insert.on_conflict_do_update(
        index_elements=["tenant_id", "user_id", "device_fingerprint"],
        set_={
            "trusted_until": _insert.excluded.trusted_until,
            **{name: func.coalesce(_insert.excluded[name], _D.c[name]) for name in _FACTS},
        },
    ).returning(*_COLUMNS)
)
_TRUSTED = and_(_OF_USER, _D.c.trusted_until > bindparam("now"))
LIST_TRUSTED = Statement(
    select(*_COLUMNS).where(_TRUSTED).order_by(_D.c.id.desc()).limit(bindparam("limit")).offset(bindparam("offset"))
)
COUNT_TRUSTED = Statement(select(func.count()).select_from(_D).where(_TRUSTED))
LIST_ALL = Statement(select(*_COLUMNS).where(_OF_USER).order_by(_D.c.id.desc()))
_OF_FINGERPRINT = and_(_MINE, _D.c.device_fingerprint == bindparam("device_fingerprint"))
_GONE = (_D.c.id, _D.c.user_id)
UNTRUST = Statement(delete(_D).where(_OF_FINGERPRINT).returning(*_GONE))
REMOVE = Statement(delete(_D).where(_MINE, _D.c.id == bindparam("id")).returning(*_GONE))
REMOVE_OF_USER = Statement(delete(_D).where(_OF_USER, _D.c.id == bindparam("id")).returning(*_GONE))
COUNT_OF_USER = Statement(select(func.count()).select_from(_D).where(_OF_USER))
FORGET_OLDEST = Statement(
    delete(_D)
    .where(
        _MINE,
        _D.c.id.in_(
            select(_D.c.id)
            .where(_OF_USER, _D.c.device_fingerprint != bindparam("kept"))
            .order_by(_D.c.trusted_until, _D.c.id)
            .limit(bindparam("surplus"))
            .offset(literal_column("0"))
        ),
    )
    .returning(*_GONE)
)
UNTRUST_FOR_USER = Statement(delete(_D).where(_OF_FINGERPRINT, _D.c.user_id == bindparam("user_id")).returning(*_GONE))


async def trust(
    unit: UnitOfWork,
    device: NewTrustedDevice,
    *,
    now: Instant,
    limit: int | None = None,
    tenant_limit: int | None = None,
) -> TrustedDeviceRow:
    """Trust a device anew. A row that exists keeps its id and what this time was not told.

    Where the user has more than `limit` devices then, those that were trusted longest ago are forgotten.
    Raises TenantLimitReached.
    """
    await tenants.ensure(unit, now, limit=tenant_limit)
    rows = await unit.all(TRUST, **asdict(device))
    row = TrustedDeviceRow._make(rows[0])
    await _tell(unit, "trusted_device.added", devices=[(row.id, row.user_id)], now=now, trusted_until=row.trusted_until)
    if limit is not None:
        await _forget_surplus(unit, device, limit=limit, now=now)
    return row


async def _tell(
    unit: UnitOfWork,
    kind: Literal["trusted_device.added", "trusted_device.removed"],
    *,
    devices: list[Row],
    now: Instant,
    **facts: str,
) -> int:
    """Tell of devices, each an id with its user; how many they are."""
    await events.tell(
        unit, [Event(kind, now, user_id=user_id, data={"device_id": key, **facts}) for key, user_id in devices]
    )
    return len(devices)


async def _forget_surplus(unit: UnitOfWork, device: NewTrustedDevice, *, limit: int, now: Instant) -> None:
    await unit.alone(f"devices {unit.tenant.id} {device.user_id}")
    count: int = await unit.value(COUNT_OF_USER, user_id=device.user_id)
    if count > limit:
        gone = await unit.all(
            FORGET_OLDEST, user_id=device.user_id, kept=device.device_fingerprint, surplus=count - limit
        )
        await _tell(unit, "trusted_device.removed", devices=gone, now=now)


async def list_trusted(
    unit: UnitOfWork, user_id: str, *, now: Instant, page: Page
) -> tuple[list[TrustedDeviceRow], int]:
    """One page of the devices a user trusts at `now`, newest first, and how many there are."""
    with unit.snapshot():
        rows = await unit.all(LIST_TRUSTED, user_id=user_id, now=now, limit=page.size, offset=page.offset)
        total: int = await unit.value(COUNT_TRUSTED, user_id=user_id, now=now)
    return [TrustedDeviceRow._make(row) for row in rows], total


async def list_all(unit: UnitOfWork, user_id: str) -> list[TrustedDeviceRow]:
    """Every device of a user that is kept, trusted or not any more, newest first."""
    return [TrustedDeviceRow._make(row) for row in await unit.all(LIST_ALL, user_id=user_id)]


async def untrust(unit: UnitOfWork, device_fingerprint: str, *, user_id: str | None, now: Instant) -> int:
    """Forget a device, of one user or of all; how many rows went."""
    if user_id is None:
        gone = await unit.all(UNTRUST, device_fingerprint=device_fingerprint)
    else:
        gone = await unit.all(UNTRUST_FOR_USER, device_fingerprint=device_fingerprint, user_id=user_id)
    return await _tell(unit, "trusted_device.removed", devices=gone, now=now)


async def remove(unit: UnitOfWork, device_id: str, *, now: Instant, user_id: str | None = None) -> bool:
    """Forget a device by its id, any user's or that of one; False when there is none."""
    if user_id is None:
        gone = await unit.all(REMOVE, id=device_id)
    else:
        gone = await unit.all(REMOVE_OF_USER, id=device_id, user_id=user_id)
    return await _tell(unit, "trusted_device.removed", devices=gone, now=now) == 1
