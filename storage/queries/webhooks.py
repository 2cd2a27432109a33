"""Webhooks of a tenant: endpoints to which its events are sent, and applications that are sent logout tokens."""

import json
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.errors import LogoutClientExists, WebhookLimitReached
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.webhook_tables import DeliveryTable, WebhookTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_W = WebhookTable.__table__
_D = DeliveryTable.__table__
_E = EventTable.__table__
_TENANT: Any = bindparam("tenant")


class WebhookRow(NamedTuple):
    """An endpoint as it is stored. `events` is a JSON array of types.

    One with a `client` is sent logout tokens, and `apps` is a JSON array of the applications whose sessions count.
    """

    tenant_id: str
    id: str
    url: str
    events: str
    description: str | None
    created_at: str
    sealed_secret: str
    previous_secret: str | None
    previous_until: str | None
    position: int
    held_until: str | None
    disabled_at: str | None
    disabled_because: str | None
    client: str | None = None
    session_required: bool | None = None
    apps: str | None = None

    @property
    def wanted_apps(self) -> list[str] | None:
        """The applications whose sessions count, where not all do."""
        return None if self.apps is None else list(json.loads(self.apps))

    @property
    def types(self) -> list[str]:
        """The types of events that are wanted."""
        return list(json.loads(self.events))


_COLUMNS = [_W.c[name] for name in WebhookRow._fields]
_THIS = and_(_W.c.tenant_id == _TENANT, _W.c.id == bindparam("webhook_id"))


_CHANGING = (
    *("url", "events", "description", "position", "held_until", "disabled_at", "disabled_because"),
    *("session_required", "apps"),
)


def _given(name: str, column: Any) -> Any:
    return bindparam(name, type_=column.type)


ADD = Statement(
    insert(_W).values(
        tenant_id=_TENANT, **{name: _given(name, _W.c[name]) for name in WebhookRow._fields if name != "tenant_id"}
    )
)
COUNT = Statement(select(func.count()).select_from(_W).where(_W.c.tenant_id == _TENANT))
FIND = Statement(select(*_COLUMNS).where(_THIS))
AFTER = Statement(
    select(*_COLUMNS)
    .where(_W.c.tenant_id == _TENANT, _W.c.id < bindparam("after"), _W.c.client.is_(None))
    .order_by(_W.c.id.desc())
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
OF_CLIENT = Statement(select(*_COLUMNS).where(_W.c.tenant_id == _TENANT, _W.c.client == bindparam("client")))
CLIENTS_AFTER = Statement(
    select(*_COLUMNS)
    .where(_W.c.tenant_id == _TENANT, _W.c.client > bindparam("after"))
    .order_by(_W.c.client)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
CHANGE = Statement(update(_W).where(_THIS).values({name: _given(name, _W.c[name]) for name in _CHANGING}))
DISABLE = Statement(
    update(_W)
    .where(_THIS, _W.c.disabled_at.is_(None))
    .values(disabled_at=_given("now", _W.c.disabled_at), disabled_because=bindparam("because"))
)
HOLD = Statement(update(_W).where(_THIS).values(held_until=_given("until", _W.c.held_until)))
ROTATE = Statement(
    update(_W)
    .where(_THIS)
    .values(
        previous_secret=_W.c.sealed_secret,
        sealed_secret=bindparam("sealed"),
        previous_until=_given("until", _W.c.previous_until),
    )
)
REMOVE = Statement(delete(_W).where(_THIS))
REMOVE_DELIVERIES = Statement(delete(_D).where(_D.c.tenant_id == _TENANT, _D.c.webhook_id == bindparam("webhook_id")))
NEWEST = Statement(select(func.max(_E.c.number)).where(_E.c.tenant_id == _TENANT, _E.c.number > literal_column("0")))
NEWEST_OF_ALL = Statement(
    select(func.max(_E.c.number)).where(_E.c.tenant_id == bindparam("everybody"), _E.c.number > literal_column("0"))
)
ADVANCE = Statement(
    update(_W)
    .where(_THIS, _W.c.position == bindparam("before"), _W.c.disabled_at.is_(None))
    .values(position=bindparam("after"))
)


async def add(unit: UnitOfWork, row: WebhookRow, *, limit: int) -> None:
    """Keep a new endpoint. Raises LogoutClientExists, WebhookLimitReached where the tenant has as many as `limit`."""
    await unit.alone(f"webhooks {unit.tenant.id}")
    if row.client is not None and await of_client(unit, row.client) is not None:
        raise LogoutClientExists()
    if await unit.value(COUNT) >= limit:
        raise WebhookLimitReached(limit=limit)
    values = row._asdict()
    del values["tenant_id"]
    await unit.run(ADD, **values)


async def find(unit: UnitOfWork, webhook_id: str) -> WebhookRow | None:
    """An endpoint, or None."""
    row = await unit.one(FIND, webhook_id=webhook_id)
    return None if row is None else WebhookRow._make(row)


async def listed(unit: UnitOfWork, after: str, *, limit: int) -> list[WebhookRow]:
    """The endpoints made before the one with an id, newest first."""
    return [WebhookRow._make(row) for row in await unit.all(AFTER, after=after, limit=limit)]


async def of_client(unit: UnitOfWork, client: str) -> WebhookRow | None:
    """The application that is sent logout tokens under a client id, or None."""
    row = await unit.one(OF_CLIENT, client=client)
    return None if row is None else WebhookRow._make(row)


async def clients(unit: UnitOfWork, after: str, *, limit: int) -> list[WebhookRow]:
    """The applications that are sent logout tokens, by their client ids, behind one."""
    return [WebhookRow._make(row) for row in await unit.all(CLIENTS_AFTER, after=after, limit=limit)]


async def change(unit: UnitOfWork, row: WebhookRow) -> None:
    """Store an endpoint that differs from what is stored in what may change."""
    await unit.run(CHANGE, webhook_id=row.id, **{name: getattr(row, name) for name in _CHANGING})


async def disable(unit: UnitOfWork, webhook_id: str, *, because: str, now: Instant) -> bool:
    """Send nothing to an endpoint any more; False where nothing was sent before."""
    return await unit.run(DISABLE, webhook_id=webhook_id, because=because, now=now) == 1


async def hold(unit: UnitOfWork, webhook_id: str, *, until: Instant | None) -> None:
    """Send nothing to an endpoint before an instant."""
    await unit.run(HOLD, webhook_id=webhook_id, until=until)


async def rotate(unit: UnitOfWork, webhook_id: str, *, sealed: str, until: Instant) -> None:
    """Give an endpoint another secret; the present one signs beside it until an instant."""
    await unit.run(ROTATE, webhook_id=webhook_id, sealed=sealed, until=until)


async def remove(unit: UnitOfWork, webhook_id: str) -> bool:
    """Delete an endpoint with its deliveries; False where there is none."""
    gone = await unit.run(REMOVE, webhook_id=webhook_id) == 1
    await unit.run(REMOVE_DELIVERIES, webhook_id=webhook_id)
    return gone


async def newest(unit: UnitOfWork) -> int:
    """The number of the newest event that concerns the tenant; 0 where there is none."""
    found = [await unit.value(NEWEST), await unit.value(NEWEST_OF_ALL, everybody=EVERY_TENANT)]
    return max(number or 0 for number in found)


async def advance(unit: UnitOfWork, row: WebhookRow, *, after: int) -> bool:
    """Move the position of an endpoint; False where another process has done so, or the endpoint is disabled."""
    return await unit.run(ADVANCE, webhook_id=row.id, before=row.position, after=after) == 1
