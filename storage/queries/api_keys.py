"""API keys, known by the hashes of their secrets."""

import json
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.schema.tables import ApiKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, SystemUnit

_K = ApiKeyTable.__table__


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key as it is stored. `tenants` is None when it covers every tenant."""

    id: str
    name: str
    secret_hash: str
    tenants: list[str] | None
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


_COLUMNS = [_K.c[name] for name in ApiKeyRow.__dataclass_fields__]
ADD = Statement(insert(_K).values({column.name: bindparam(column.name) for column in _COLUMNS}))
FIND = Statement(select(*_COLUMNS).where(_K.c.id == bindparam("id")))
ALL = Statement(select(*_COLUMNS).order_by(_K.c.id))
REVOKE = Statement(
    update(_K).where(_K.c.id == bindparam("key_id"), _K.c.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
)


async def add(unit: SystemUnit, key: ApiKeyRow) -> None:
    """Keep a new key."""
    tenants = None if key.tenants is None else json.dumps(key.tenants)
    await unit.run(
        ADD,
        id=key.id,
        name=key.name,
        secret_hash=key.secret_hash,
        tenants=tenants,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


async def find(unit: SystemUnit, key_id: str) -> ApiKeyRow | None:
    """A key in any state, or None."""
    row = await unit.one(FIND, id=key_id)
    return None if row is None else _read(row)


async def all_keys(unit: SystemUnit) -> list[ApiKeyRow]:
    """Every key, oldest first, the revoked ones included."""
    return [_read(row) for row in await unit.all(ALL)]


async def revoke(unit: SystemUnit, key_id: str, *, now: Instant) -> bool:
    """End a key; False when there is none or it has ended."""
    return await unit.run(REVOKE, key_id=key_id, now=now) == 1


def _read(row: Row) -> ApiKeyRow:
    identity, name, secret_hash, tenants, created_at, expires_at, revoked_at = row
    covered = None if tenants is None else json.loads(tenants)
    return ApiKeyRow(
        id=identity,
        name=name,
        secret_hash=secret_hash,
        tenants=covered,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
