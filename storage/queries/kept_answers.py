"""Answers that are kept for retries: found by a hash of who asked and the key they sent, and forgotten in time.

What was answered is sealed before it comes here. A row is written in the transaction of what it tells, so there is
neither an answer without its effect nor an effect without its answer.
"""

from sqlalchemy import and_, bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.schema.token_tables import KeptAnswerTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_K = KeptAnswerTable.__table__
_MINE = _K.c.tenant_id == bindparam("tenant")
_VALUES = ("user_id", "sealed", "expires_at")

FIND = Statement(select(_K.c.sealed).where(_MINE, _K.c.id == bindparam("id"), _K.c.expires_at > bindparam("now")))
_keep = insert(_K).values(
    tenant_id=bindparam("tenant"),
    id=bindparam("id"),
    **{name: bindparam(name, type_=_K.c[name].type) for name in _VALUES},
)
KEEP = Statement(
    _keep.on_conflict_do_update(
        index_elements=["tenant_id", "id"], set_={name: _keep.excluded[name] for name in _VALUES}
    )
)
PURGE = Statement(
    delete(_K).where(
        _MINE,
        _K.c.id.in_(
            select(_K.c.id)
            .where(_MINE, _K.c.expires_at <= bindparam("before"))
            .limit(bindparam("limit"))
            .offset(literal_column("0"))
        ),
    )
)
FORGET_USER = Statement(delete(_K).where(and_(_MINE, _K.c.user_id == bindparam("user_id"))))


async def wait_for(unit: UnitOfWork, answer_id: str) -> None:
    """Wait until no other transaction answers this request; until this one ends, its other retries wait."""
    await unit.alone(f"answer {unit.tenant.id} {answer_id}")


async def find(unit: UnitOfWork, answer_id: str, *, now: Instant) -> str | None:
    """The sealed answer that is kept, or None."""
    sealed: str | None = await unit.value(FIND, id=answer_id, now=now)
    return sealed


async def keep(unit: UnitOfWork, answer_id: str, *, sealed: str, user_id: str | None, until: Instant) -> None:
    """Keep a sealed answer until an instant, in the place of one that is kept no longer."""
    await unit.run(KEEP, id=answer_id, sealed=sealed, user_id=user_id, expires_at=until)


async def purge(unit: UnitOfWork, before: Instant, *, limit: int) -> int:
    """Delete up to `limit` answers that are kept no longer at an instant; how many went."""
    return await unit.run(PURGE, before=before, limit=limit)


async def forget_user(unit: UnitOfWork, user_id: str) -> int:
    """Delete the answers that concern a user; how many went."""
    return await unit.run(FORGET_USER, user_id=user_id)
