"""API keys, known by the hashes of their secrets. A key that was rotated has two for a while."""

import json
from dataclasses import dataclass

from sqlalchemy import bindparam, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.schema.tables import ApiKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, SystemUnit

_K = ApiKeyTable.__table__


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key as it is stored. `tenants` is None when it covers every tenant, `scopes` when none was named.

    `previous_hash` is the hash of the secret before the last rotation, good until `previous_until`.
    """

    id: str
    name: str
    secret_hash: str
    tenants: list[str] | None
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    scopes: list[str] | None = None
    last_used_at: Instant | None = None
    previous_hash: str | None = None
    previous_until: Instant | None = None

    def is_good(self, now: Instant) -> bool:
        """Whether the key is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


_COLUMNS = [_K.c[name] for name in ApiKeyRow.__dataclass_fields__]
ADD = Statement(insert(_K).values({column.name: bindparam(column.name) for column in _COLUMNS}))
FIND = Statement(select(*_COLUMNS).where(_K.c.id == bindparam("id")))
ALL = Statement(select(*_COLUMNS).order_by(_K.c.id))
AFTER = Statement(
    select(*_COLUMNS)
    .where(_K.c.id > bindparam("after"))
    .order_by(_K.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)
REVOKE = Statement(
    update(_K).where(_K.c.id == bindparam("key_id"), _K.c.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
)
NOTE_USE = Statement(
    update(_K)
    .where(_K.c.id == bindparam("key_id"), or_(_K.c.last_used_at.is_(None), _K.c.last_used_at < bindparam("hour")))
    .values(last_used_at=bindparam("hour"))
)
ROTATE = Statement(
    update(_K)
    .where(
        _K.c.id == bindparam("key_id"),
        _K.c.revoked_at.is_(None),
        or_(_K.c.expires_at.is_(None), _K.c.expires_at > bindparam("now")),
    )
    .values(
        secret_hash=bindparam("secret_hash"), previous_hash=_K.c.secret_hash, previous_until=bindparam("previous_until")
    )
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
        scopes=None if key.scopes is None else json.dumps(key.scopes),
        last_used_at=key.last_used_at,
        previous_hash=key.previous_hash,
        previous_until=key.previous_until,
    )


async def find(unit: SystemUnit, key_id: str) -> ApiKeyRow | None:
    """A key in any state, or None."""
    row = await unit.one(FIND, id=key_id)
    return None if row is None else _read(row)


async def all_keys(unit: SystemUnit) -> list[ApiKeyRow]:
    """Every key, oldest first, the revoked ones included."""
    return [_read(row) for row in await unit.all(ALL)]


async def keys_after(unit: SystemUnit, after: str, *, limit: int) -> list[ApiKeyRow]:
    """The keys behind the id `after`, oldest first, the revoked ones included."""
    return [_read(row) for row in await unit.all(AFTER, after=after, limit=limit)]


async def revoke(unit: SystemUnit, key_id: str, *, now: Instant) -> bool:
    """End a key; False when there is none or it has ended."""
    return await unit.run(REVOKE, key_id=key_id, now=now) == 1


async def rotate(unit: SystemUnit, key_id: str, *, secret_hash: str, previous_until: Instant, now: Instant) -> bool:
    """Give a key another secret; the present one stays good until `previous_until`. False when no such key is good."""
    return await unit.run(ROTATE, key_id=key_id, secret_hash=secret_hash, previous_until=previous_until, now=now) == 1


async def note_use(unit: SystemUnit, key_id: str, *, hour: Instant) -> None:
    """Note that a key was used in the hour that began at `hour`."""
    await unit.run(NOTE_USE, key_id=key_id, hour=hour)


def _read(row: Row) -> ApiKeyRow:
    key = dict(zip(ApiKeyRow.__dataclass_fields__, row, strict=True))
    for name in ("tenants", "scopes"):
        key[name] = None if key[name] is None else json.loads(key[name])
    return ApiKeyRow(**key)
