"""Reads everything in the database that may make an access token invalid, in one statement."""

from typing import Any

from sqlalchemy import Integer, and_, bindparam, cast, exists, func, literal_column, or_, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import erased_user
from sojourn.domain.token_validity import TokenRecord
from sojourn.domain.tokens import AccessToken
from sojourn.storage.queries.epochs import present_epoch
from sojourn.storage.queries.open_revocations import REVOKED_AT
from sojourn.storage.queries.session_deadlines import DEADLINES, ByRows
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.schema.token_tables import (
    BlacklistTable,
    IssuedTokenTable,
    NotBeforeTable,
    SessionTokenTable,
    SigningKeyTable,
    TokenConfigTable,
)
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_B = BlacklistTable.__table__
_N = NotBeforeTable.__table__
_K = SigningKeyTable.__table__
_C = TokenConfigTable.__table__
_TENANT: Any = bindparam("tenant")

EVERYBODY = ""
"""The `user_id` of a cut-off that concerns the whole tenant: no user has this id."""


_one = select(literal_column("1").label("one")).subquery()


def blacklisted(*hashes: Any) -> Any:
    """Whether an entry in force names one of these hashes."""
    return exists().where(_B.c.tenant_id == _TENANT, _B.c.token_hash.in_(hashes), _B.c.expires_at > bindparam("now"))


def _cut_offs_of(token_type: Any, *users: Any) -> Any:
    """The cut-offs that concern tokens of a type of a user: the user's and the tenant's."""
    return and_(
        _N.c.tenant_id == _TENANT,
        or_(*(_N.c.user_id == user for user in (*users, bindparam("everybody")))),
        _N.c.token_type == token_type,
    )


def issued_until(token_type: Any, *users: Any) -> Any:
    """The latest cut-off for tokens of a type of a user, as a scalar; where it is given, also as one who was erased."""
    return select(func.max(_N.c.issued_until)).where(_cut_offs_of(token_type, *users)).scalar_subquery()


def cut_offs(token_type: Any, *users: Any) -> Any:
    """How many cut-offs there have been for tokens of a type of a user, as a scalar."""
    counted = func.coalesce(func.sum(_N.c.count), literal_column("0"))
    return select(cast(counted, Integer)).where(_cut_offs_of(token_type, *users)).scalar_subquery()


_AGAINST = (
    blacklisted(bindparam("hash"), bindparam("text_hash")),
    issued_until(bindparam("type_access"), bindparam("user_id"), bindparam("erased")),
    cut_offs(bindparam("type_access"), bindparam("user_id")),
)
FACTS = ByRows(
    Statement(
        select(
            *_AGAINST,
            _S.c.id,
            _S.c.user_id,
            REVOKED_AT,
            DEADLINES["expires_at"],
            DEADLINES["idle_expires_at"],
            _S.c.device_fingerprint,
            _R.c.generation,
            _R.c.successor_used,
            _I.c.created_at,
            _I.c.cut_offs,
            _K.c.id,
            _C.c.leeway,
            _I.c.elevations,
            _S.c.elevations,
            present_epoch(),
            _S.c.suspended_until,
            _S.c.suspended_then,
        ).select_from(
            _one.outerjoin(_S, and_(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key")))
            .outerjoin(_R, and_(_R.c.tenant_id == _TENANT, _R.c.session_id == bindparam("key")))
            .outerjoin(_I, and_(_I.c.tenant_id == _TENANT, _I.c.token_hash == bindparam("hash")))
            .outerjoin(_K, and_(_K.c.id == bindparam("kid"), _K.c.retired_at.is_(None)))
            .outerjoin(_C, _C.c.tenant_id == _TENANT)
        )
    )
)
FACTS_WITHOUT_SESSION = Statement(select(*_AGAINST))
"""The same for a token of another issuer that names no session of ours: nothing else can be known of it."""


async def record(unit: UnitOfWork, token: AccessToken, *, now: Instant) -> TokenRecord:
    """What is known of a token in the unit's tenant."""
    about: dict[str, Any] = {
        "hash": token.hash,
        "text_hash": token.text_hash,
        "user_id": token.user,
        "erased": erased_user(unit.tenant.id, token.user),
        "everybody": EVERYBODY,
        "type_access": "access",
        "now": now,
    }
    if token.own or token.session is not None:
        row = await FACTS.one(unit, **about, key=token.session, kid=token.kid or "")
    else:
        row = await unit.one(FACTS_WITHOUT_SESSION, **about)
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    return TokenRecord(*row)
