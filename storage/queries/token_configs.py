"""A tenant's own token lifetimes, and its revocation cut-offs."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.storage.queries.epochs import present_epoch
from sojourn.storage.queries.signing_keys import newest_signing_key
from sojourn.storage.queries.token_records import EVERYBODY, cut_offs
from sojourn.storage.schema.sql_functions import latest
from sojourn.storage.schema.token_tables import NotBeforeTable, TokenConfigTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

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
    count=bindparam("first"),
)
REFUSE = Statement(
    _refuse.on_conflict_do_update(
        index_elements=["tenant_id", "user_id", "token_type"],
        set_={
            "issued_until": latest(_refuse.excluded.issued_until, _N.c.issued_until),
            "reason": _refuse.excluded.reason,
            "count": _N.c.count + literal_column("1"),
        },
    )
)
TERMS_OF_USER = (
    *[_C.c[name] for name in TokenConfig._fields],
    cut_offs(bindparam("type_access"), bindparam("user_id")),
    cut_offs(bindparam("type_refresh"), bindparam("user_id")),
    present_epoch(),
    newest_signing_key(),
)
"""The columns of a user's terms, to be selected from `OWN_CONFIG`, in the order that `terms_of` takes them."""
OWN_CONFIG = select(literal_column("1").label("one")).subquery().outerjoin(_C, _C.c.tenant_id == _TENANT)
TYPES = {"type_access": "access", "type_refresh": "refresh", "everybody": EVERYBODY}
"""Parameters of the terms that are always the same."""
TERMS = Statement(select(*TERMS_OF_USER).select_from(OWN_CONFIG))


class Terms(NamedTuple):
    """What tokens of a user are issued by: the tenant's own lifetimes, the counts of cut-offs so far, the epoch, and
    the id of the key that signs now (None while there is none, or only such as sign later).
    """

    config: TokenConfig | None
    access_cut_offs: int
    refresh_cut_offs: int
    epoch: str | None
    signing_key: str | None


async def terms(unit: UnitOfWork, user_id: str, *, now: Instant) -> Terms:
    """What the next tokens of a user are issued by."""
    row = await unit.one(TERMS, user_id=user_id, now=now, **TYPES)
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    return terms_of(row)


def terms_of(row: Row) -> Terms:
    """The terms in a row of three texts (null without a config of its own), two counts, the epoch and a key."""
    return Terms(None if row[0] is None else TokenConfig._make(row[:3]), *row[3:])


async def get(unit: UnitOfWork) -> TokenConfig | None:
    """The tenant's own lifetimes, or None where it has set none."""
    row = await unit.one(GET)
    return None if row is None else TokenConfig._make(row)


async def put(unit: UnitOfWork, config: TokenConfig, *, now: Instant) -> None:
    """Set the tenant's lifetimes."""
    await unit.run(PUT, **config._asdict(), now=now)


async def reset(unit: UnitOfWork) -> bool:
    """Go back to the service's lifetimes; False when the tenant had none of its own."""
    return await unit.run(RESET) == 1


async def refuse_issued(
    unit: UnitOfWork, user_id: str | None, *, token_type: str, reason: str | None, now: Instant
) -> None:
    """Refuse every token of a type issued so far: of one user, or of the whole tenant.

    One row is written, however many tokens there are. `now` is for tokens that know no count of cut-offs.
    """
    await unit.run(REFUSE, user_id=user_id or EVERYBODY, token_type=token_type, reason=reason, now=now, first=1)
