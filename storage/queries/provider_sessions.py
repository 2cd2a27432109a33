"""Sessions by the session at the identity provider that their sign-in came from."""

from typing import Any

from sqlalchemy import and_, bindparam, literal_column, or_, select

from sojourn.domain.clock import Instant
from sojourn.domain.endings import Ending
from sojourn.storage.queries import session_revocation
from sojourn.storage.queries.session_states import OPEN, SETTLED_AHEAD
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")
_ISSUER = _S.c.idp_issuer == bindparam("issuer")
_OF_SESSION = and_(_S.c.tenant_id == _TENANT, _S.c.idp_session_id == bindparam("provider_session"), _ISSUER)
_OF_USER = and_(_S.c.tenant_id == _TENANT, _S.c.user_id == bindparam("user_id"), _ISSUER)
_OPEN = or_(OPEN, SETTLED_AHEAD)

# Locked in the order in which everything locks sessions: see `session_revocation.LOCK_ALL_OF_USER`.
LOCK = Statement(
    select(_S.c.id, _S.c.due_at).where(_OF_SESSION, _OPEN).order_by(_S.c.id).with_for_update(), plans_anew=True
)
ANY_OF_SESSION = Statement(
    select(_S.c.id).where(_OF_SESSION, _OPEN).limit(literal_column("1")).offset(literal_column("0")), plans_anew=True
)
ANY_OF_USER = Statement(
    select(_S.c.id).where(_OF_USER, _OPEN).limit(literal_column("1")).offset(literal_column("0")), plans_anew=True
)


async def revoke(unit: UnitOfWork, issuer: str, *, session: str, now: Instant, ending: Ending) -> int:
    """End every active session of the unit's tenant that came from a provider's session; how many were ended."""
    locked = await unit.all(LOCK, issuer=issuer, provider_session=session, now=now)
    return await session_revocation.revoke_locked(unit, locked, now=now, ending=ending)


async def is_known(unit: UnitOfWork, issuer: str, *, session: str | None, user: str | None, now: Instant) -> bool:
    """Whether the unit's tenant has an active session of that provider: of its `session`, or else of the `user`."""
    if session is not None:
        return await unit.one(ANY_OF_SESSION, issuer=issuer, provider_session=session, now=now) is not None
    return await unit.one(ANY_OF_USER, issuer=issuer, user_id=user, now=now) is not None
