"""Sign-ins: which have been superseded since they began, and which provider's tokens have vouched for one.

Ending all sessions of a user ends earlier sign-ins, too. Each such end is counted, so that a concurrent create notices
it without any clock; its instant is for requests that took long to arrive, and for tokens.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.ids import erased_user
from sojourn.storage.queries.token_records import EVERYBODY, cut_offs, issued_until
from sojourn.storage.schema.token_tables import PresentedTokenTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

SIGN_IN = "sign_in"
"""The type of cut-off that concerns sign-ins."""

_P = PresentedTokenTable.__table__
_TENANT: Any = bindparam("tenant")
_OF_USER: Any = (bindparam("type_sign_in"), bindparam("user_id"), bindparam("erased"))

ENDS = Statement(select(cut_offs(*_OF_USER), issued_until(*_OF_USER)))
PRESENT = Statement(
    insert(_P)
    .values(tenant_id=_TENANT, token_hash=bindparam("hash"), expires_at=bindparam("until"))
    .on_conflict_do_nothing()
)
PURGE_PRESENTED = Statement(
    delete(_P).where(
        _P.c.tenant_id == _TENANT,
        _P.c.token_hash.in_(
            select(_P.c.token_hash)
            .where(_P.c.tenant_id == _TENANT, _P.c.expires_at <= bindparam("before"))
            .limit(bindparam("limit"))
            .offset(literal_column("0"))
        ),
    )
)


class Ends(NamedTuple):
    """How often a user, or everybody of the tenant, was ended, and the latest instant of it in text form."""

    times: int
    until: Instant | None


async def begin(unit: UnitOfWork, user_id: str) -> None:
    """Begin a sign-in: an end of the user or of the tenant waits until it is written, or comes first."""
    await unit.beside(*names(unit, user_id))


async def begin_many(unit: UnitOfWork, user_ids: Iterable[str]) -> None:
    """The same for several users, all at once."""
    await unit.beside(_everybody(unit), *[_somebody(unit, user_id) for user_id in user_ids])


def names(unit: UnitOfWork, user_id: str) -> tuple[str, ...]:
    """The names that an end of the user or of the tenant holds alone."""
    return (_everybody(unit), _somebody(unit, user_id))


async def stop(unit: UnitOfWork, user_id: str | None = None) -> None:
    """Let no sign-in of a user, or of the whole tenant, begin until the transaction ends. Those under way end first."""
    await unit.alone(_everybody(unit) if user_id is None else _somebody(unit, user_id))


def _everybody(unit: UnitOfWork) -> str:
    return f"sign-ins {unit.tenant.id}"


def _somebody(unit: UnitOfWork, user_id: str) -> str:
    return f"sign-ins {unit.tenant.id} {user_id}"


async def ends(unit: UnitOfWork, user_id: str) -> Ends:
    """The ends of a user so far."""
    row = await unit.one(
        ENDS, user_id=user_id, erased=erased_user(unit.tenant.id, user_id), everybody=EVERYBODY, type_sign_in=SIGN_IN
    )
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    return Ends._make(row)


async def present(unit: UnitOfWork, token_hash: str, *, until: Instant) -> bool:
    """Remember `until` an instant that a token has vouched for a sign-in; False when it did so before."""
    return await unit.run(PRESENT, hash=token_hash, until=until) == 1


async def purge(unit: UnitOfWork, before: Instant, *, limit: int) -> int:
    """Forget up to `limit` tokens that nobody can present any more at `before`; how many went."""
    return await unit.run(PURGE_PRESENTED, before=before, limit=limit)
