"""What is to be sent to webhooks of all tenants, for the process that looks for work. The unit is everybody's."""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, or_, select, union_all, update
from sqlalchemy.sql.elements import ColumnElement

from sojourn.domain.clock import Instant
from sojourn.storage.queries.deliveries import unblocked
from sojourn.storage.queries.events import EVERY_TENANT
from sojourn.storage.queries.webhooks import WebhookRow
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.webhook_tables import DeliveryTable, WebhookTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_W = WebhookTable.__table__
_D = DeliveryTable.__table__
_E = EventTable.__table__
_OTHER = DeliveryTable.__table__.alias("other")


class Endpoint(NamedTuple):
    """Whose endpoint it is, and which."""

    tenant_id: str
    id: str


class Sealed(NamedTuple):
    """The secrets of an endpoint as they are stored."""

    tenant_id: str
    id: str
    sealed_secret: str
    previous_secret: str | None


_has_due = (
    select(literal_column("1"))
    .select_from(_D)
    .where(
        _D.c.tenant_id == _W.c.tenant_id,
        _D.c.webhook_id == _W.c.id,
        or_(_D.c.due_at <= bindparam("now"), _D.c.due_at > bindparam("latest")),
        unblocked(_D, _OTHER),
    )
    .exists()
)
_IS_OF_EVERYBODY = _E.c.tenant_id == literal_column(f"'{EVERY_TENANT}'")
_of_its_own: Any = select(literal_column("1")).select_from(_E).where(_E.c.tenant_id == _W.c.tenant_id)
_of_everybody: Any = select(literal_column("1")).select_from(_E).where(_IS_OF_EVERYBODY)
_BEHIND = _E.c.number > _W.c.position
_IS_NOT_HELD = or_(
    _W.c.held_until.is_(None), _W.c.held_until <= bindparam("now"), _W.c.held_until > bindparam("latest")
)
WORK = Statement(
    select(_W.c.tenant_id, _W.c.id).where(
        _W.c.disabled_at.is_(None),
        or_(
            _of_its_own.where(_BEHIND).exists(),
            _of_everybody.where(_BEHIND).exists(),
            and_(_IS_NOT_HELD, _has_due),
        ),
    )
)
ANY = Statement(
    select(literal_column("1"))
    .select_from(_W)
    .where(_W.c.disabled_at.is_(None))
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
_WAITS = and_(
    _D.c.due_at.is_not(None),
    select(literal_column("1"))
    .select_from(_W)
    .where(_W.c.tenant_id == _D.c.tenant_id, _W.c.id == _D.c.webhook_id, _W.c.disabled_at.is_(None))
    .exists(),
)
BACKLOG = Statement(select(func.count()).select_from(_D).where(_WAITS))
FIRST_UNSENT = Statement(select(func.min(_D.c.number)).select_from(_D).where(_WAITS))


def _next(whose: ColumnElement[bool]) -> Any:
    """For each endpoint that is sent something, the first such event behind its position."""
    first = select(func.min(_E.c.number)).where(whose, _BEHIND).correlate(_W).scalar_subquery()
    return select(first.label("number")).select_from(_W).where(_W.c.disabled_at.is_(None))


_undecided = union_all(_next(_E.c.tenant_id == _W.c.tenant_id), _next(_IS_OF_EVERYBODY)).subquery("undecided")
FIRST_UNDECIDED = Statement(select(func.min(_undecided.c.number)))
_oldest = select(func.min(_E.c.number)).where(_E.c.number > literal_column("0")).scalar_subquery()
FORGET = Statement(delete(_D).where(_D.c.number < _oldest))
_waiting = (
    select(func.count())
    .select_from(_D)
    .where(_D.c.tenant_id == _W.c.tenant_id, _D.c.webhook_id == _W.c.id, _D.c.due_at.is_not(None))
    .correlate(_W)
    .scalar_subquery()
)
ENDPOINTS = Statement(select(*(_W.c[name] for name in WebhookRow._fields), _waiting).order_by(_W.c.id))
SECRETS = Statement(select(_W.c.tenant_id, _W.c.id, _W.c.sealed_secret, _W.c.previous_secret))
RESEAL = Statement(
    update(_W)
    .where(_W.c.id == bindparam("webhook_id"), _W.c.sealed_secret == bindparam("before"))
    .values(sealed_secret=bindparam("sealed"), previous_secret=bindparam("previous"))
)


async def work(unit: UnitOfWork, *, now: Instant, latest: Instant) -> list[Endpoint]:
    """The endpoints for which something is to be done. What waits beyond `latest` was put there by a wrong clock."""
    return [Endpoint._make(row) for row in await unit.all(WORK, now=now, latest=latest)]


async def is_anybody_told(unit: UnitOfWork) -> bool:
    """Whether there is an endpoint to which events are sent."""
    return await unit.one(ANY) is not None


async def backlog(unit: UnitOfWork) -> int:
    """How many deliveries wait, for the first time or again; those of disabled endpoints wait for nobody."""
    row = await unit.one(BACKLOG)
    return 0 if row is None else int(row[0])


async def first_unsent(unit: UnitOfWork) -> int | None:
    """The number of the oldest event that an endpoint is still to be told; None where there is none."""
    found = [row[0] for row in (await unit.one(FIRST_UNSENT), await unit.one(FIRST_UNDECIDED)) if row is not None]
    return min((number for number in found if number is not None), default=None)


async def forget(unit: UnitOfWork) -> None:
    """Delete the deliveries of events that are not kept any more."""
    await unit.run(FORGET)


async def endpoints(unit: UnitOfWork) -> list[tuple[WebhookRow, int]]:
    """Every endpoint, oldest first, with how many deliveries wait for it."""
    return [(WebhookRow._make(row[:-1]), int(row[-1])) for row in await unit.all(ENDPOINTS)]


async def secrets(unit: UnitOfWork) -> list[Sealed]:
    """The secrets of all endpoints."""
    return [Sealed._make(row) for row in await unit.all(SECRETS)]


async def reseal(unit: UnitOfWork, before: Sealed, *, sealed: str, previous: str | None) -> None:
    """Store the secrets of an endpoint sealed anew, unless they were changed meanwhile."""
    await unit.run(RESEAL, webhook_id=before.id, before=before.sealed_secret, sealed=sealed, previous=previous)
