"""The blacklist: tokens refused until they would have expired anyway, by their hashes."""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.paging import Page
from sojourn.domain.token_identity import TokenHash
from sojourn.storage.queries import tenants
from sojourn.storage.schema.sql_functions import latest
from sojourn.storage.schema.token_tables import BlacklistTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_B = BlacklistTable.__table__
_MINE = _B.c.tenant_id == bindparam("tenant")
_LIVE = and_(_MINE, _B.c.expires_at > bindparam("now"))
_WINDOW: Any = {"limit": bindparam("limit"), "offset": bindparam("offset")}


class BlacklistEntry(NamedTuple):
    """An entry as it is stored. Instants in text form."""

    id: str
    token_hash: TokenHash
    token_type: str
    user_id: str
    reason: str | None
    created_at: Instant
    expires_at: Instant


_COLUMNS = [_B.c[name] for name in BlacklistEntry._fields]
_add = insert(_B).values(
    tenant_id=bindparam("tenant"), **{name: bindparam(name) for name in (*BlacklistEntry._fields, "by_user")}
)
ADD = Statement(
    _add.on_conflict_do_update(
        index_elements=["tenant_id", "token_hash"],
        set_={"expires_at": latest(_add.excluded.expires_at, _B.c.expires_at)},
    )
)
FIND = Statement(select(*_COLUMNS).where(_LIVE, _B.c.token_hash == bindparam("hash")))
LIST = Statement(
    select(*_COLUMNS).where(_LIVE).order_by(_B.c.id.desc()).limit(_WINDOW["limit"]).offset(_WINDOW["offset"])
)
COUNT = Statement(select(func.count()).select_from(_B).where(_LIVE))
_OF_USER = and_(_LIVE, _B.c.user_id == bindparam("user_id"))
LIST_OF_USER = Statement(
    select(*_COLUMNS).where(_OF_USER).order_by(_B.c.id.desc()).limit(_WINDOW["limit"]).offset(_WINDOW["offset"])
)
COUNT_OF_USER = Statement(select(func.count()).select_from(_B).where(_OF_USER))
_BY_USER = and_(_OF_USER, _B.c.by_user)
COUNT_BY_USER = Statement(select(func.count(), func.min(_B.c.expires_at)).select_from(_B).where(_BY_USER))
REMOVE = Statement(delete(_B).where(_MINE, _B.c.id == bindparam("id")))
PURGE = Statement(
    delete(_B).where(
        _MINE,
        _B.c.id.in_(
            select(_B.c.id)
            .where(_MINE, _B.c.expires_at <= bindparam("now"))
            .limit(bindparam("limit"))
            .offset(literal_column("0"))
        ),
    )
)


async def add(
    unit: UnitOfWork, entry: BlacklistEntry, *, by_user: bool = False, tenant_limit: int | None = None
) -> None:
    """Refuse a token from now on; `by_user`: with the user's own bearer token.

    An entry that exists keeps its id and whose it is, and ends at the later instant.
    Raises TenantLimitReached.
    """
    await tenants.ensure(unit, entry.created_at, limit=tenant_limit)
    await unit.run(ADD, **entry._asdict(), by_user=by_user)


async def end_of_wait(unit: UnitOfWork, entry: BlacklistEntry, *, limit: int) -> Instant | None:
    """When the first of the entries ends that the user of a new entry made; None where there are fewer than `limit`.

    None for a token that has an entry already, too: adding it again adds none. Until the transaction ends, nobody else
    adds an entry of this user's.
    """
    await unit.alone(f"blacklist {unit.tenant.id} {entry.user_id}")
    row = await unit.one(COUNT_BY_USER, user_id=entry.user_id, now=entry.created_at)
    if row is None or row[0] < limit or await find(unit, entry.token_hash, now=entry.created_at) is not None:
        return None
    first: Instant = row[1]
    return first


async def find(unit: UnitOfWork, token_hash: TokenHash, *, now: Instant) -> BlacklistEntry | None:
    """The entry that refuses a token now, or None."""
    row = await unit.one(FIND, hash=token_hash, now=now)
    return None if row is None else BlacklistEntry._make(row)


async def list_entries(
    unit: UnitOfWork, user_id: str | None, *, now: Instant, page: Page
) -> tuple[list[BlacklistEntry], int]:
    """One page of the entries in force, newest first, and how many there are."""
    narrowed = {} if user_id is None else {"user_id": user_id}
    list_them, count_them = (LIST, COUNT) if user_id is None else (LIST_OF_USER, COUNT_OF_USER)
    with unit.snapshot():
        rows = await unit.all(list_them, **narrowed, now=now, limit=page.size, offset=page.offset)
        total: int = await unit.value(count_them, **narrowed, now=now)
    return [BlacklistEntry._make(row) for row in rows], total


async def remove(unit: UnitOfWork, entry_id: str) -> bool:
    """Take an entry away; False when there is none."""
    return await unit.run(REMOVE, id=entry_id) == 1


async def purge(unit: UnitOfWork, now: Instant, *, limit: int) -> int:
    """Forget up to `limit` entries that are over; how many went."""
    return await unit.run(PURGE, now=now, limit=limit)
