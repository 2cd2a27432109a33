"""The audit trail of a tenant: records are added at the end of its chain and only read afterwards."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.values import SERVICE_TRAIL, Tenant
from sojourn.storage.audit_chain import BEFORE_THE_FIRST, Record, canonical, hash_of, head_of
from sojourn.storage.queries import tenants
from sojourn.storage.schema.audit_tables import AuditHeadTable, AuditPseudonymTable, AuditRecordTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, SystemUnit, UnitOfWork

_R = AuditRecordTable.__table__
_H = AuditHeadTable.__table__
_P = AuditPseudonymTable.__table__
_TENANT: Any = bindparam("tenant")
_ADDED = (
    "position", "id", "at", "actor_kind", "actor_id", "action", "target", "before", "after", "request_id", "hash",
)  # fmt: skip

ADD = Statement(insert(_R).values(tenant_id=_TENANT, **{name: bindparam(name) for name in _ADDED}))
HEAD = Statement(select(_H.c.position, _H.c.hash, _H.c.signature).where(_H.c.tenant_id == _TENANT))
_move = insert(_H).values(
    tenant_id=_TENANT, position=bindparam("position"), hash=bindparam("hash"), signature=bindparam("signature")
)
MOVE_HEAD = Statement(
    _move.on_conflict_do_update(
        index_elements=["tenant_id"], set_={name: _move.excluded[name] for name in ("position", "hash", "signature")}
    )
)


@lru_cache
def _reading(by_action: bool, by_actor: bool) -> Statement:
    """Records behind a position, oldest first; those of one action, or of an actor who has two names."""
    wanted = [_R.c.tenant_id == _TENANT, _R.c.position > bindparam("after")]
    if by_action:
        wanted.append(_R.c.action == bindparam("action"))
    if by_actor:
        wanted.append(or_(_R.c.actor_id == bindparam("actor"), _R.c.actor_id == bindparam("called")))
    return Statement(
        select(*[_R.c[name] for name in _ADDED])
        .where(*wanted)
        .order_by(_R.c.position)
        .limit(bindparam("limit"))
        .offset(literal_column("0"))
    )


READ = _reading(False, False)
LAST = Statement(
    select(*[_R.c[name] for name in _ADDED])
    .where(_R.c.tenant_id == _TENANT, _R.c.action == bindparam("action"))
    .order_by(_R.c.position.desc())
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
PSEUDONYM = Statement(select(_P.c.pseudonym).where(_P.c.tenant_id == _TENANT, _P.c.user_id == bindparam("user_id")))
NAME = Statement(
    insert(_P)
    .values(tenant_id=_TENANT, user_id=bindparam("user_id"), pseudonym=bindparam("pseudonym"))
    .on_conflict_do_nothing()
)
RESOLVE = Statement(select(_P.c.user_id).where(_P.c.tenant_id == _TENANT, _P.c.pseudonym == bindparam("pseudonym")))
FORGET = Statement(delete(_P).where(_P.c.tenant_id == _TENANT, _P.c.user_id == bindparam("user_id")))


async def trail_of(unit: SystemUnit, tenant_ids: Collection[str] | None) -> Tenant:
    """In whose trail an act stands that concerns these tenants; None are all there are.

    That of the one, where it exists; else the service's own.
    """
    if tenant_ids is not None and len(tenant_ids) == 1:
        row = await tenants.find(unit, next(iter(tenant_ids)))
        if row is not None:
            return Tenant(row.id)
    return SERVICE_TRAIL


async def append(
    unit: UnitOfWork,
    record_id: str,
    *,
    at: Instant,
    actor: tuple[str, str | None],
    action: str,
    target: str | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    request_id: str | None,
    sign: Callable[[bytes], str],
) -> None:
    """Put a record at the end of the tenant's chain and sign the new end.

    One act of a tenant is written after the other, until the transaction ends: this comes last in it.
    """
    await _alone(unit)
    head = await unit.one(HEAD)
    last, previous = (0, BEFORE_THE_FIRST) if head is None else (head[0], head[1])
    record = Record(
        tenant_id=unit.tenant.id,
        position=last + 1,
        previous=previous,
        id=record_id,
        at=at,
        actor_kind=actor[0],
        actor_id=actor[1],
        action=action,
        target=target,
        before=before,
        after=after,
        request_id=request_id,
    )
    digest = hash_of(record.document())
    await unit.run(
        ADD,
        position=record.position,
        id=record.id,
        at=at,
        actor_kind=record.actor_kind,
        actor_id=record.actor_id,
        action=action,
        target=target,
        before=_text(before),
        after=_text(after),
        request_id=request_id,
        hash=digest,
    )
    signature = sign(canonical(head_of(unit.tenant.id, record.position, last_hash=digest)))
    await unit.run(MOVE_HEAD, position=record.position, hash=digest, signature=signature)


async def exported(unit: UnitOfWork, *, after: int, previous: str, limit: int) -> list[dict[str, Any]]:
    """Records as they are exported, oldest first, those behind the position `after` whose hash is `previous`."""
    found = []
    for row in await unit.all(READ, after=after, limit=limit):
        values = _read(row)
        digest = values.pop("hash")
        found.append({**Record(tenant_id=unit.tenant.id, previous=previous, **values).document(), "hash": digest})
        previous = digest
    return found


async def chosen(
    unit: UnitOfWork, *, after: int, limit: int, action: str | None = None, actor: str | None = None
) -> list[dict[str, Any]]:
    """Records behind a position as they are stored, oldest first, their columns by name.

    `actor` is whom a record names, or a user who stands in it under a pseudonym.
    """
    filters: dict[str, Any] = {}
    if action is not None:
        filters["action"] = action
    if actor is not None:
        filters |= {"actor": actor, "called": await pseudonym(unit, actor) or actor}
    statement = _reading(action is not None, actor is not None)
    return [_read(row) for row in await unit.all(statement, after=after, limit=limit, **filters)]


async def last(unit: UnitOfWork, action: str) -> dict[str, Any] | None:
    """The last record of an action, its columns by name; None where there is none.

    Until the transaction ends nobody else adds to the trail: what is written after this look is the next.
    """
    await _alone(unit)
    row = await unit.one(LAST, action=action)
    return None if row is None else _read(row)


async def head(unit: UnitOfWork) -> str | None:
    """The signed end of the tenant's chain; None for a tenant of which nothing was recorded."""
    row = await unit.one(HEAD)
    return None if row is None else str(row[2])


async def pseudonym(unit: UnitOfWork, user_id: str) -> str | None:
    """The pseudonym of a user in the trail; None for one who does not stand in it."""
    found: str | None = await unit.value(PSEUDONYM, user_id=user_id)
    return found


async def name(unit: UnitOfWork, user_id: str, *, fresh: str) -> str:
    """The pseudonym of a user in the trail from now on: the one before, or `fresh`."""
    await _alone(unit)
    await unit.run(NAME, user_id=user_id, pseudonym=fresh)
    return await pseudonym(unit, user_id) or fresh


async def resolve(unit: UnitOfWork, called: str) -> str | None:
    """The user behind a pseudonym; None when that user was erased."""
    found: str | None = await unit.value(RESOLVE, pseudonym=called)
    return found


async def forget(unit: UnitOfWork, user_id: str) -> None:
    """Delete what resolves a user's pseudonym. The records stay, and the chain with them."""
    await _alone(unit)
    await unit.run(FORGET, user_id=user_id)


def _read(row: Row) -> dict[str, Any]:
    values = dict(zip(_ADDED, row, strict=True))
    for name in ("before", "after"):
        values[name] = None if values[name] is None else _value(values[name])
    return values


def _value(text: str) -> Any:
    """The value of a stored text. One that was changed to no JSON stays a text: its hash does not hold."""
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _alone(unit: UnitOfWork) -> None:
    await unit.alone(f"audit {unit.tenant.id}")


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else canonical(value).decode()
