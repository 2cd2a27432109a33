"""The audit trail of a tenant: records are added at the end of its chain and only read afterwards."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.audit_chain import BEFORE_THE_FIRST, Record, canonical, hash_of, head_of
from sojourn.storage.schema.audit_tables import AuditHeadTable, AuditPseudonymTable, AuditRecordTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

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
READ = Statement(
    select(*[_R.c[name] for name in _ADDED])
    .where(_R.c.tenant_id == _TENANT, _R.c.position > bindparam("after"))
    .order_by(_R.c.position)
    .limit(bindparam("limit"))
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
        values = dict(zip(_ADDED, row, strict=True))
        digest = values.pop("hash")
        for name in ("before", "after"):
            values[name] = None if values[name] is None else _value(values[name])
        found.append({**Record(tenant_id=unit.tenant.id, previous=previous, **values).document(), "hash": digest})
        previous = digest
    return found


async def head(unit: UnitOfWork) -> str | None:
    """The signed end of the tenant's chain; None for a tenant of which nothing was recorded."""
    row = await unit.one(HEAD)
    return None if row is None else str(row[2])


async def pseudonym(unit: UnitOfWork, user_id: str) -> str | None:
    """What a user is called in the trail; None for one who does not stand in it."""
    found: str | None = await unit.value(PSEUDONYM, user_id=user_id)
    return found


async def name(unit: UnitOfWork, user_id: str, *, fresh: str) -> str:
    """What a user is called in the trail from now on: as before, or `fresh`."""
    await _alone(unit)
    await unit.run(NAME, user_id=user_id, pseudonym=fresh)
    return await pseudonym(unit, user_id) or fresh


async def resolve(unit: UnitOfWork, called: str) -> str | None:
    """Who stands behind a pseudonym; None when that user was erased."""
    found: str | None = await unit.value(RESOLVE, pseudonym=called)
    return found


async def forget(unit: UnitOfWork, user_id: str) -> None:
    """Delete what resolves a user's pseudonym. The records stay, and the chain with them."""
    await _alone(unit)
    await unit.run(FORGET, user_id=user_id)


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
