"""Signing keys: public halves in clear, private halves sealed. They belong to no tenant."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.storage.queries import events
from sojourn.storage.queries.events import Event
from sojourn.storage.schema.token_tables import SigningKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import SystemUnit

TOLD_FOR = timedelta(days=30)
"""Longer than access tokens live that verifiers elsewhere still have."""

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
RETIRE = Statement(
    update(_K).where(_K.c.id == bindparam("key_id"), _K.c.retired_at.is_(None)).values(retired_at=bindparam("now"))
)

RESEAL = Statement(
    update(_K)
    .where(_K.c.id == bindparam("key_id"), _K.c.sealed_private == bindparam("before"))
    .values(sealed_private=bindparam("after"))
)


def newest_signing_key() -> Any:
    """The id of the newest key that may sign at `:now`, as a scalar of another statement."""
    may_sign = and_(_K.c.retired_at.is_(None), _K.c.signs_from <= bindparam("now"))
    newest = select(_K.c.id).where(may_sign).order_by(_K.c.signs_from.desc(), _K.c.id.desc())
    return newest.limit(literal_column("1")).offset(literal_column("0")).scalar_subquery()


async def add(unit: SystemUnit, key: SigningKeyRow) -> None:
    """Keep a new key."""
    await unit.run(ADD, **key._asdict())


async def all_keys(unit: SystemUnit) -> list[SigningKeyRow]:
    """Every key, the one that signs last at the end, the retired ones included."""
    return [SigningKeyRow._make(row) for row in await unit.all(ALL)]


async def reseal(unit: SystemUnit, key_id: str, *, before: str, after: str) -> None:
    """Keep the private half of a key sealed in another way, unless somebody else was faster."""
    await unit.run(RESEAL, key_id=key_id, before=before, after=after)


async def retire(unit: SystemUnit, key_id: str, *, now: Instant) -> bool:
    """Withdraw a key: what it signed is refused at once. False when there is none or it is retired."""
    if not await unit.run(RETIRE, key_id=key_id, now=now):
        return False
    await tell_retired(unit, [key_id], now=now)
    return True


async def tell_retired(unit: SystemUnit, key_ids: Iterable[str], *, now: Instant) -> None:
    """Tell every tenant that keys sign no more and what they signed is refused."""
    forget_at = to_text(from_text(now) + TOLD_FOR)
    for key_id in key_ids:
        retired = Event("signing_key.retired", now, initiated_by="system", forget_at=forget_at, data={"kid": key_id})
        await events.tell_all_tenants(unit, retired)
