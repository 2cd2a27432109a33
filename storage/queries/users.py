"""Users: made with their first session; the latest name counts."""

from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.ids import user_key
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.tables import UserTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

_U = UserTable.__table__
_TENANT: BindParameter[Any] = bindparam("tenant")
_ONE = and_(_U.c.tenant_id == _TENANT, _U.c.user_id == bindparam("of_user"))

ADD = Statement(
    insert(_U)
    .values(
        tenant_id=_TENANT,
        user_id=bindparam("user_id"),
        key=bindparam("key"),
        username=bindparam("username"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing()
)
_THIS = and_(_U.c.tenant_id == _TENANT, _U.c.user_id == bindparam("user_id"))
_LATEST: BindParameter[Any] = bindparam("username", type_=_U.c.username.type)
KNOWN = Statement(select(literal_column("1")).select_from(_U).where(_THIS))
RENAME = Statement(
    update(_U)
    .where(_THIS, _LATEST.is_not(None), or_(_U.c.username.is_(None), _U.c.username != _LATEST))
    .values(username=_LATEST)
)
"""Keeps the latest name; writes nothing where it is the same, or where none is given."""
KNOWN_AMONG = Statement(
    select(_U.c.user_id).where(_U.c.tenant_id == _TENANT, is_among(_U.c.user_id, bindparam("users")))
)
FIND = Statement(select(_U.c.username).where(_ONE))
NAME = Statement(update(_U).where(_ONE).values(username=bindparam("new_name")))
MAX_KEY_ATTEMPTS = 8


async def ensure(unit: UnitOfWork, user_id: str, *, username: str | None, now: Instant) -> None:
    """Make the user if they are new; keep the latest name."""
    found = await unit.one(FIND, of_user=user_id)
    if found is not None:
        if username not in (None, found[0]):
            await unit.run(NAME, of_user=user_id, new_name=username)
        return
    for attempt in range(MAX_KEY_ATTEMPTS):
        key = user_key(user_id, attempt)
        if await unit.run(ADD, user_id=user_id, key=key, username=username, now=now):
            return
        if await unit.one(FIND, of_user=user_id) is not None:  # made by another process a moment ago
            return
    raise RuntimeError("no integer key is free for a new user")


async def ensure_many(unit: UnitOfWork, user_ids: list[str], *, now: Instant) -> None:
    """Make those of some users that are new, in one statement but for those whose first key is taken."""
    wanted = Many(user_ids)
    known = {row[0] for row in await unit.all(KNOWN_AMONG, users=wanted)}
    rows = [
        {"user_id": user, "key": user_key(user), "username": None, "now": now} for user in user_ids if user not in known
    ]
    await unit.run_many(ADD, rows)
    if rows:
        made = {row[0] for row in await unit.all(KNOWN_AMONG, users=wanted)}
        for user in user_ids:
            if user not in made:
                await ensure(unit, user, username=None, now=now)
