"""Signing keys: public halves in clear, private halves sealed. They belong to no tenant."""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.schema.token_tables import SigningKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit

_K = SigningKeyTable.__table__


class SigningKeyRow(NamedTuple):
    """A signing key as it is stored."""

    id: str
    algorithm: str
    public_jwk: str
    sealed_private: str
    created_at: Instant
    signs_from: str
    retired_at: Instant | None


_COLUMNS = [_K.c[name] for name in SigningKeyRow._fields]
ADD = Statement(insert(_K).values({column.name: bindparam(column.name) for column in _COLUMNS}))
ALL = Statement(select(*_COLUMNS).order_by(_K.c.signs_from, _K.c.id))
SIGNING = Statement(
    select(_K.c.id)
    .where(_K.c.retired_at.is_(None), _K.c.signs_from <= bindparam("now"))
    .order_by(_K.c.signs_from.desc(), _K.c.id.desc())
)
FIRST_TO_SIGN = Statement(select(_K.c.id).where(_K.c.retired_at.is_(None)).order_by(_K.c.signs_from, _K.c.id))
RETIRE = Statement(
    update(_K).where(_K.c.id == bindparam("key_id"), _K.c.retired_at.is_(None)).values(retired_at=bindparam("now"))
)


async def add(unit: SystemUnit, key: SigningKeyRow) -> None:
    """Keep a new key."""
    await unit.run(ADD, **key._asdict())


async def all_keys(unit: SystemUnit) -> list[SigningKeyRow]:
    """Every key, the one that signs last at the end, the retired ones included."""
    return [SigningKeyRow._make(row) for row in await unit.all(ALL)]


async def signing(unit: SystemUnit, now: Instant) -> list[str]:
    """The ids of the keys that may sign `now`, the newest first.

    Where there is none (the clock was ahead when the first key was made, or the only older key was retired), those that
    sign next: any key is better than none.
    """
    rows = await unit.all(SIGNING, now=now) or await unit.all(FIRST_TO_SIGN)
    return [key_id for (key_id,) in rows]


async def retire(unit: SystemUnit, key_id: str, *, now: Instant) -> bool:
    """Withdraw a key: what it signed is refused at once. False when there is none or it is retired."""
    return await unit.run(RETIRE, key_id=key_id, now=now) == 1
