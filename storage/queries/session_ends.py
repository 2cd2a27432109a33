"""Events of sessions whose tokens are refused from then on: whatever ends a session says so here, and nothing else.

An end has an id made of its session's: a session ends once, and the first reason stands. The session's row says who it
was and where, and how long somebody may still hold a token of it.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, case, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.endings import Ending
from sojourn.domain.ids import mint
from sojourn.storage.queries.events import Event, ended_id, given, tell
from sojourn.storage.queries.session_deadlines import EXPIRES_AT, IDLE_EXPIRES_AT
from sojourn.storage.queries.session_states import DEADLINE
from sojourn.storage.schema.event_tables import EventTable
from sojourn.storage.schema.sql_functions import next_event_number
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.schema.token_tables import IssuedTokenTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_E = EventTable.__table__
_S = SessionTable.__table__
_I = IssuedTokenTable.__table__
_TENANT: Any = bindparam("tenant")
# The session's own tokens are of its user and not older than it is: found by the index of a user's tokens. That they
# are of its tenant is said of both tables: a cluster looks for them on the session's node then.
_LAST_TOKEN = (
    select(func.max(_I.c.expires_at))
    .where(
        _I.c.tenant_id == _TENANT,
        _I.c.tenant_id == _S.c.tenant_id,
        _I.c.user_id == _S.c.user_id,
        _I.c.id >= bindparam("first_token"),
        _I.c.session_id == _S.c.id,
        _I.c.token_type == literal_column("'access'"),
        _I.c.expires_at > bindparam("recorded_at", type_=_E.c.recorded_at.type),
    )
    .correlate(_S)
    .scalar_subquery()
)
LAST_ACCESS_TOKEN_EVER: Any = (
    select(func.max(_I.c.expires_at))
    .where(
        _I.c.tenant_id == _TENANT,
        _I.c.user_id == _S.c.user_id,
        _I.c.session_id == _S.c.id,
        _I.c.token_type == literal_column("'access'"),
    )
    .correlate(_S)
    .scalar_subquery()
)
"""When the last access token of a session expires, whenever it was issued."""
_ABSOLUTE = EXPIRES_AT <= IDLE_EXPIRES_AT


def _of_row(occurred_at: Any, code: Any, *when: Any, kind: str = "session.ended", data: Any = None) -> Statement:
    """An event of the session `:key` that refuses its tokens. The session's row says who and where."""
    values = {
        "tenant_id": bindparam("tenant", type_=_E.c.tenant_id.type),
        "id": given("id"),
        "type": literal_column(f"'{kind}'"),
        "number": next_event_number(),
        "occurred_at": occurred_at,
        "recorded_at": given("recorded_at"),
        "session_id": _S.c.id,
        "user_id": _S.c.user_id,
        "app_id": _S.c.app_id,
        "reason_code": code,
        "reason": given("reason"),
        "initiated_by": given("initiated_by"),
        "actor": given("actor"),
        "forget_at": _LAST_TOKEN,
        "status_index": _S.c.status_index,
    }
    if data is not None:
        values["data"] = data
    rows = select(*values.values()).where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key"), *when)
    return Statement(insert(_E).from_select(list(values), rows).on_conflict_do_nothing())


LAST_ACCESS_TOKEN = Statement(select(_LAST_TOKEN).where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key")))
TELL_ENDED = _of_row(given("occurred_at"), given("reason_code"))
TELL_SUSPENDED = _of_row(given("occurred_at"), given("reason_code"), kind="session.suspended", data=given("data"))
# Found by their user: the session's own would have no index.
_SUSPENSIONS = (
    _E.c.tenant_id == _TENANT,
    _E.c.user_id == bindparam("user_id"),
    _E.c.session_id == bindparam("key"),
    _E.c.type == literal_column("'session.suspended'"),
)
FORGET_SUSPENSIONS = Statement(update(_E).where(_E.c.forget_at.is_not(None), *_SUSPENSIONS).values(forget_at=null()))
_CODE = _E.c.reason_code.type
TELL_EXPIRED = _of_row(
    DEADLINE,
    case((_ABSOLUTE, bindparam("absolute", type_=_CODE)), else_=bindparam("idle", type_=_CODE)),
    bindparam("recorded_at", type_=_E.c.recorded_at.type) >= DEADLINE,
)
UNDO_END = Statement(
    update(_E)
    .where(_E.c.tenant_id == _TENANT, _E.c.id == bindparam("ended_id"))
    .values(id=bindparam("other_id"), forget_at=null())
)


async def tell_ended(
    unit: UnitOfWork, keys: Iterable[str], *, at: Instant, ending: Ending, recorded_at: Instant | None = None
) -> None:
    """Tell that sessions ended at `at`, those of them whose end was not told before.

    `recorded_at` is when that is written down, where it is later.
    """
    rows = [ended_values(key, at=at, ending=ending) | {"recorded_at": recorded_at or at} for key in keys]
    if rows:
        await unit.run_many(TELL_ENDED, rows)
        unit.has_told()


async def tell_ended_at(unit: UnitOfWork, ends: Iterable[tuple[str, Instant]], *, at: Instant, ending: Ending) -> None:
    """Tell, at `at`, that sessions ended, each at an instant of its own."""
    rows = [{**ended_values(key, at=at, ending=ending), "occurred_at": ended} for key, ended in ends]
    if rows:
        await unit.run_many(TELL_ENDED, rows)
        unit.has_told()


async def tell_expired(unit: UnitOfWork, keys: Iterable[str], *, at: Instant) -> None:
    """Tell of sessions whose deadline has passed by `at` that they ended, dated with the earlier of the two."""
    by_rule = {"initiated_by": "policy", "reason": None, "actor": None}
    codes = {"absolute": "absolute_timeout", "idle": "idle_timeout"}
    rows = [{**_about(key, at), **by_rule, **codes} for key in keys]
    if rows:
        await unit.run_many(TELL_EXPIRED, rows)
        unit.has_told()


async def tell_elevated(
    unit: UnitOfWork, key: str, *, at: Instant, user_id: str, data: dict[str, Any], tokens_until: Instant
) -> None:
    """Tell that a session's assurance was raised: its access tokens of before are refused.

    One that is issued meanwhile expires at `tokens_until` at the latest.
    """
    about = _about(key, at)
    last = await unit.value(LAST_ACCESS_TOKEN, **{name: about[name] for name in ("key", "first_token", "recorded_at")})
    forget_at = max(Instant(last or at), tokens_until)
    await tell(unit, [Event("session.elevated", at, session_id=key, user_id=user_id, forget_at=forget_at, data=data)])


async def tell_suspended(
    unit: UnitOfWork, key: str, *, user_id: str, at: Instant, actor: str, until: Instant | None, then: str
) -> None:
    """Tell that a session is suspended; what was told of an earlier suspension refuses nothing any more."""
    await unit.run(FORGET_SUSPENSIONS, key=key, user_id=user_id)
    data = {"then": then} | ({} if until is None else {"until": until})
    about = {**_about(key, at), "id": mint("evt", from_text(at)), "occurred_at": at, "reason_code": None}
    by = {"reason": None, "initiated_by": "admin", "actor": actor}
    await unit.run(TELL_SUSPENDED, **about, **by, data=json.dumps(data, separators=(",", ":")))
    unit.has_told()


async def tell_reactivated(unit: UnitOfWork, reactivated: Iterable[Event]) -> None:
    """Tell that the suspensions of sessions are over."""
    told = list(reactivated)
    await unit.run_many(FORGET_SUSPENSIONS, [{"key": event.session_id, "user_id": event.user_id} for event in told])
    await tell(unit, told)


async def tell_reopened(unit: UnitOfWork, sessions: Iterable[tuple[str, str]], *, at: Instant) -> None:
    """Tell of sessions, each an id with its user, that they live on: an end was told by a clock that was ahead.

    What was told stays under another id, so that the end to come is told as well.
    """
    told = [
        Event("session.reactivated", at, session_id=key, user_id=user, initiated_by="system") for key, user in sessions
    ]
    moment = from_text(at)
    await unit.run_many(
        UNDO_END, [{"ended_id": ended_id(str(event.session_id)), "other_id": mint("evt", moment)} for event in told]
    )
    await tell(unit, told)


def ended_values(key: str, *, at: Instant, ending: Ending) -> dict[str, Any]:
    """The parameters of `TELL_ENDED` but for the tenant."""
    return {
        **_about(key, at),
        "occurred_at": at,
        "reason_code": ending.code,
        "reason": ending.reason,
        "initiated_by": ending.initiated_by,
        "actor": ending.by,
    }


def _about(key: str, at: Instant) -> dict[str, Any]:
    """Of one session. Its tokens are not older than it is, by clocks that differ little; a token's id says when."""
    return {
        "id": ended_id(key),
        "recorded_at": at,
        "key": key,
        "first_token": f"tok_{key[:7]}",
    }
