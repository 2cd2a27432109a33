"""A tenant's own token lifetimes, and the instants up to which its tokens are refused."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from storage.extremes import latest
from storage.statements import Statement
from storage.token_facts import EVERYBODY
from storage.token_tables import NotBeforeTable, TokenConfigTable
from storage.unit_of_work import UnitOfWork

_C = TokenConfigTable.__table__
_N = NotBeforeTable.__table__
_TENANT: Any = bindparam("tenant")


class TokenConfig(NamedTuple):
    """Durations in text form, as they were written."""

    access_expiry: str
    refresh_expiry: str
    leeway: str


GET = Statement(select(*[_C.c[name] for name in TokenConfig._fields]).where(_C.c.tenant_id == _TENANT))
_put = insert(_C).values(
    tenant_id=_TENANT, updated_at=bindparam("now"), **{name: bindparam(name) for name in TokenConfig._fields}
)
PUT = Statement(
    _put.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={name: _put.excluded[name] for name in (*TokenConfig._fields, "updated_at")},
    )
)
RESET = Statement(delete(_C).where(_C.c.tenant_id == _TENANT))
_refuse = insert(_N).values(
    tenant_id=_TENANT,
    user_id=bindparam("user_id"),
    token_type=bindparam("token_type"),
    issued_until=bindparam("now"),
    reason=bindparam("reason"),
)
REFUSE = Statement(
    _refuse.on_conflict_do_update(
        index_elements=["tenant_id", "user_id", "token_type"],
        set_={
            "issued_until": latest(_refuse.excluded.issued_until, _N.c.issued_until),
            "reason": _refuse.excluded.reason,
        },
    )
)
REFUSED_UNTIL = Statement(
    select(func.max(_N.c.issued_until)).where(
        _N.c.tenant_id == _TENANT,
        or_(_N.c.user_id == bindparam("user_id"), _N.c.user_id == bindparam("everybody")),
        _N.c.token_type == bindparam("token_type"),
    )
)


async def get(unit: UnitOfWork) -> TokenConfig | None:
    """The tenant's own lifetimes, or None where it has set none."""
    row = await unit.one(GET)
    return None if row is None else TokenConfig._make(row)


async def put(unit: UnitOfWork, config: TokenConfig, now: str) -> None:
    """Set the tenant's lifetimes."""
    await unit.run(PUT, **config._asdict(), now=now)


async def reset(unit: UnitOfWork) -> bool:
    """Go back to the service's lifetimes; False when the tenant had none of its own."""
    return await unit.run(RESET) == 1


async def refuse_issued(unit: UnitOfWork, user_id: str | None, token_type: str, reason: str | None, now: str) -> None:
    """Refuse every token of a type issued up to `now`: of one user, or of the whole tenant.

    One row is written, however many tokens there are.
    """
    await unit.run(REFUSE, user_id=user_id or EVERYBODY, token_type=token_type, reason=reason, now=now)


async def refused_until(unit: UnitOfWork, user_id: str, token_type: str) -> str | None:
    """Up to when a user's tokens of a type are refused, or None."""
    until: str | None = await unit.value(REFUSED_UNTIL, user_id=user_id, everybody=EVERYBODY, token_type=token_type)
    return until
