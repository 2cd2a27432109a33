"""Events, told by the transaction that makes them so.

Who was concerned is written down with the event, and never looked up later in rows that may be gone. What refuses the
tokens of a session is told by `sojourn.storage.queries.session_ends`.
"""

import json
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import and_, bindparam, case, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.ids import mint
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.sql_functions import next_event_number
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

EventType = Literal[
    "session.created",
    "session.ended",
    "session.elevated",
    "session.suspended",
    "session.reactivated",
    "tokens.refused",
    "token.refused",
    "refresh_token.reused",
    "trusted_device.added",
    "trusted_device.removed",
    "signing_key.retired",
    "policy.changed",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
EVERY_TENANT = "*"
"""In place of a tenant: every one of them. No tenant has this id."""

_E = EventTable.__table__
_TENANT: Any = bindparam("tenant")


class Event(NamedTuple):
    """An event to be told. Instants in text form; `data` are the members that have no column.

    It is recorded at `at` where `recorded_at` is not given.
    """

    type: EventType
    at: Instant
    session_id: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    reason: str | None = None
    initiated_by: str | None = None
    actor: str | None = None
    forget_at: Instant | None = None
    data: dict[str, Any] | None = None
    recorded_at: Instant | None = None


def given(name: str) -> Any:
    """A parameter that is written into the column of its name."""
    return bindparam(name, type_=_E.c[name].type)


_WRITTEN = (
    "id",
    "type",
    "occurred_at",
    "recorded_at",
    "session_id",
    "user_id",
    "app_id",
    "reason",
    "initiated_by",
    "actor",
    "forget_at",
    "data",
)
TELL = Statement(
    insert(_E)
    .values(tenant_id=_TENANT, number=next_event_number(), **{name: given(name) for name in _WRITTEN})
    .on_conflict_do_nothing()
)
TELL_CREATED = Statement(
    insert(_E).values(
        tenant_id=_TENANT,
        id=bindparam("event_id"),
        type=literal_column("'session.created'"),
        number=next_event_number(),
        occurred_at=bindparam("created_at"),
        recorded_at=bindparam("created_at"),
        session_id=bindparam("id"),
        user_id=bindparam("user_id"),
        app_id=bindparam("app_id"),
        data=bindparam("event_data"),
    )
)
"""Takes its parameters, but for two, from the session's `INSERT`."""
_OF_USER = and_(_E.c.tenant_id == _TENANT, _E.c.user_id == bindparam("user_id"))
_BY_USER = and_(_E.c.tenant_id == _TENANT, _E.c.actor == bindparam("user_id"))
_IS_CUT_OFF = _E.c.type == literal_column("'tokens.refused'")
# A cut-off without a user concerns the whole tenant: one of a user who is unnamed refuses nothing any more. The ends of
# the user's sessions, which stay, refuse the tokens.
UNNAME_USER = Statement(
    update(_E)
    .where(_OF_USER)
    .values(
        user_id=null(),
        app_id=null(),
        reason=null(),
        forget_at=case((_IS_CUT_OFF, null()), else_=_E.c.forget_at),
        data=case((_IS_CUT_OFF, literal_column("'{\"token_types\":[]}'")), else_=_E.c.data),
    )
)
UNNAME_ACTOR = Statement(update(_E).where(_BY_USER).values(actor=null()))
COUNT_OF_USER = Statement(select(func.count()).select_from(_E).where(_OF_USER))


async def tell(unit: UnitOfWork, events: Iterable[Event]) -> None:
    """Tell events, in one statement."""
    rows = [_row(event) for event in events]
    if rows:
        await unit.run_many(TELL, rows)
        unit.has_told()


async def tell_created(unit: UnitOfWork, values: dict[str, Any]) -> None:
    """Tell that a session began, given the values of its insertion."""
    await unit.run(TELL_CREATED, **values)
    unit.has_told()


async def tell_begun(unit: UnitOfWork, rows: Iterable[dict[str, Any]], *, at: Instant) -> None:
    """Tell at `at` that sessions of another system began, perhaps long ago, given the values of their insertions."""
    told = [
        dict.fromkeys(_WRITTEN)
        | {
            "id": values["event_id"],
            "type": "session.created",
            "occurred_at": values["created_at"],
            "recorded_at": at,
            "session_id": values["id"],
            "user_id": values["user_id"],
            "app_id": values["app_id"],
            "data": values["event_data"],
        }
        for values in rows
    ]
    await unit.run_many(TELL, told)
    unit.has_told()


def created_values(key: str, *, expires_at: Instant) -> dict[str, Any]:
    """The parameters of `TELL_CREATED` that the session's row has not."""
    return {"event_id": created_id(key), "event_data": f'{{"expires_at":"{expires_at}"}}'}


async def tell_all_tenants(unit: SystemUnit, event: Event) -> None:
    """Tell an event that concerns every tenant."""
    await unit.run(TELL, tenant=EVERY_TENANT, **_row(event))


async def tell_refused(
    unit: UnitOfWork,
    token_types: Iterable[str],
    *,
    at: Instant,
    forget_at: Instant,
    user_id: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
) -> None:
    """Tell that tokens issued so far are refused: those of a user, or of the whole tenant."""
    refused = Event(
        "tokens.refused",
        at,
        user_id=user_id,
        reason=reason,
        actor=actor,
        initiated_by="system" if actor is None else "admin",
        forget_at=forget_at,
        data={"token_types": list(token_types), "issued_until": at},
    )
    await tell(unit, [refused])


async def unname(unit: UnitOfWork, user_id: str) -> int:
    """Take a user out of what was told: who it was, where, and what somebody wrote; of how many events."""
    count = await unit.run(UNNAME_USER, user_id=user_id)
    await unit.run(UNNAME_ACTOR, user_id=user_id)
    return count


def created_id(key: str) -> str:
    """The id of the event that a session began."""
    return f"evt_created_{key}"


def ended_id(key: str) -> str:
    """The id of the event that a session ended: one for each session."""
    return f"evt_ended_{key}"


def _row(event: Event) -> dict[str, Any]:
    return {
        "id": mint("evt", from_text(event.at)),
        "type": event.type,
        "occurred_at": event.at,
        "recorded_at": event.recorded_at or event.at,
        "session_id": event.session_id,
        "user_id": event.user_id,
        "app_id": event.app_id,
        "reason": event.reason,
        "initiated_by": event.initiated_by,
        "actor": event.actor,
        "forget_at": event.forget_at,
        "data": None if event.data is None else json.dumps(event.data, separators=(",", ":")),
    }
