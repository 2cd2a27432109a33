"""The inventory of issued tokens. Tokens themselves are never here, only their hashes.

A token's state is judged by the facts of `sojourn.domain.token_validity`, each of which is spelled here as SQL.
"""

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, false, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.paging import Page
from sojourn.domain.token_identity import TokenHash
from sojourn.domain.token_validity import RULES
from sojourn.storage.queries.session_deadlines import EXPIRES_AT, IDLE_EXPIRES_AT
from sojourn.storage.queries.session_states import ENDED_BY_HAND, OVER, SUSPENDED
from sojourn.storage.queries.token_records import EVERYBODY, blacklisted, cut_offs, issued_until
from sojourn.storage.schema.sql_functions import earliest
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.schema.token_tables import IssuedTokenTable, SessionTokenTable, SigningKeyTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import Row, UnitOfWork

_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_S = SessionTable.__table__
_K = SigningKeyTable.__table__
_TENANT: Any = bindparam("tenant")
_NOW: Any = bindparam("now")

TokenType = Literal["access", "refresh"]
TokenStatus = Literal["active", "expired", "revoked"]


class IssuedToken(NamedTuple):
    """A token to be recorded in the inventory. Instants in text form."""

    id: str
    session_id: SessionKey | None
    user_id: str
    token_type: TokenType
    token_hash: TokenHash
    created_at: Instant
    expires_at: Instant
    ip: str | None
    user_agent: str | None
    key_id: str | None
    cut_offs: int
    elevations: int


class IssuedTokenRow(NamedTuple):
    """A token of the inventory; `wrong` names the facts against it."""

    id: str
    user_id: str
    token_type: str
    created_at: Instant
    expires_at: Instant
    ip: str | None
    user_agent: str | None
    wrong: tuple[str, ...]


class Moment(NamedTuple):
    """When the inventory is looked at: `now`, the latest end of access tokens that are over, and the latest rotation
    whose parents are reuse. Instants in text form.
    """

    now: Instant
    lapsed: str
    reusable_since: str


_FIXED = {"everybody": EVERYBODY, "type_refresh": "refresh"}
_session: Any = bindparam("session_id", type_=_I.c.session_id.type)
# An erasure of the session waits until the token is entered, or comes first: then it is not entered.
_IS_KEPT = (
    select(literal_column("1"))
    .select_from(_S)
    .where(_S.c.tenant_id == _TENANT, _S.c.id == _session)
    .with_for_update(read=True, key_share=True)
    .exists()
)
_ENTERED = {"tenant_id": _TENANT} | {
    name: _session if name == "session_id" else bindparam(name, type_=_I.c[name].type) for name in IssuedToken._fields
}
ENTER = Statement(
    insert(_I)
    .from_select(list(_ENTERED), select(*_ENTERED.values()).where(or_(_session.is_(None), _IS_KEPT)))
    .on_conflict_do_nothing()
)
FIRST = ("refresh_", "access_")
"""Before the names of the parameters of the two first tokens of a session."""
# The session was begun in the same transaction, so nobody has erased it.
ENTER_FIRST = Statement(
    insert(_I)
    .values(
        [
            {"tenant_id": _TENANT}
            | {name: bindparam(prefix + name, type_=_I.c[name].type) for name in IssuedToken._fields}
            for prefix in FIRST
        ]
    )
    .on_conflict_do_nothing()
)
_WITH_SESSION = (
    _I.outerjoin(_S, and_(_S.c.tenant_id == _TENANT, _S.c.id == _I.c.session_id))
    .outerjoin(_R, and_(_R.c.tenant_id == _TENANT, _R.c.session_id == _I.c.session_id))
    .outerjoin(_K, _K.c.id == _I.c.key_id)
)
_OWN_END = earliest(_I.c.expires_at, func.coalesce(EXPIRES_AT, _I.c.expires_at))
_TOUCHED = case((_S.c.revoked_at.is_(None), _S.c.id))
"""The session whose idle deadline may have moved on before its row says so."""
_IS_REFRESH = _I.c.token_type == bindparam("type_refresh")
_IS_PRESENT = _I.c.token_hash == _R.c.token_hash
_IS_PARENT_THAT_MAY_COME_AGAIN = and_(
    _I.c.token_hash == _R.c.previous_hash,
    or_(_R.c.successor_used.is_(false()), _R.c.rotated_at > bindparam("reusable_since")),
)
_HAS_SESSION = _I.c.session_id.is_not(None)
_WRONG: dict[str, ColumnElement[bool]] = {
    "key_retired": and_(_I.c.key_id.is_not(None), or_(_K.c.id.is_(None), _K.c.retired_at.is_not(None))),
    "expired": or_(
        and_(~_IS_REFRESH, _I.c.expires_at <= bindparam("lapsed")),
        and_(_IS_REFRESH, or_(_I.c.expires_at <= _NOW, _R.c.expires_at <= _NOW)),
    ),
    "blacklisted": or_(blacklisted(_I.c.token_hash), and_(_IS_REFRESH, blacklisted(_R.c.token_hash))),
    "issued_before_cutoff": case(
        (_I.c.cut_offs.is_not(None), cut_offs(_I.c.token_type, _I.c.user_id) > _I.c.cut_offs),
        else_=issued_until(_I.c.token_type, _I.c.user_id) >= _I.c.created_at,
    ),
    "superseded": and_(_IS_REFRESH, ~func.coalesce(or_(_IS_PRESENT, _IS_PARENT_THAT_MAY_COME_AGAIN), false())),
    "assurance_raised": and_(~_IS_REFRESH, func.coalesce(_I.c.elevations, literal_column("0")) < _S.c.elevations),
    "session_not_found": and_(_HAS_SESSION, _S.c.id.is_(None)),
    "session_revoked": ENDED_BY_HAND,
    "session_expired": OVER,
    "session_suspended": SUSPENDED,
    "user_mismatch": _S.c.user_id != _I.c.user_id,
}
if set(_WRONG) != {name for name, rule in RULES.items() if "inventory" in rule.refused_by}:
    raise RuntimeError("the inventory must know every fact that it is to judge tokens by")
_FACTS = {name: func.coalesce(wrong, false()) for name, wrong in _WRONG.items()}
_INVENTORY = select(
    _I.c.id,
    _I.c.user_id,
    _I.c.token_type,
    _I.c.created_at,
    _OWN_END,
    _I.c.ip,
    _I.c.user_agent,
    *_FACTS.values(),
    IDLE_EXPIRES_AT,
    _TOUCHED,
).select_from(_WITH_SESSION)
GET_ISSUED = Statement(_INVENTORY.where(_I.c.tenant_id == _TENANT, _I.c.id == bindparam("id")))
LIST_OF_USER = Statement(
    _INVENTORY.where(_I.c.tenant_id == _TENANT, _I.c.user_id == bindparam("user_id")).order_by(_I.c.id.desc())
)
PURGE_ISSUED = Statement(
    delete(_I).where(
        _I.c.tenant_id == _TENANT,
        _I.c.id.in_(
            select(_I.c.id)
            .where(_I.c.tenant_id == _TENANT, _I.c.expires_at <= bindparam("before"))
            .limit(bindparam("limit"))
            .offset(literal_column("0"))
        ),
    )
)


async def enter(unit: UnitOfWork, token: IssuedToken) -> None:
    """Record a token in the inventory. A token that is recorded already is left unchanged; one of a session that is not
    kept is not recorded, since it is refused for that.
    """
    await unit.run(ENTER, **token._asdict())


async def get_issued(unit: UnitOfWork, token_id: str, *, at: Moment) -> IssuedTokenRow | None:
    """A token of the inventory in any state, or None."""
    row = await unit.one(GET_ISSUED, id=token_id, **_FIXED, **at._asdict())
    return None if row is None else _row(unit, row)


async def list_of_user(unit: UnitOfWork, user_id: str, *, at: Moment) -> list[IssuedTokenRow]:
    """Every token of a user in the inventory, in any state, newest first."""
    return [_row(unit, row) for row in await unit.all(LIST_OF_USER, user_id=user_id, **_FIXED, **at._asdict())]


def _fits(status: TokenStatus) -> ColumnElement[bool]:
    """The rows that `sojourn.domain.token_validity.shown_status` calls so."""
    revoked, expired = (
        or_(*(fact for name, fact in _FACTS.items() if RULES[name].shown == shown)) for shown in ("revoked", "expired")
    )
    if status == "revoked":
        return revoked
    return and_(~revoked, expired if status == "expired" else ~expired)


_user_of_session = select(_S.c.user_id).where(_S.c.tenant_id == _TENANT, _S.c.id == _session).scalar_subquery()
_SEARCHED: dict[str, tuple[ColumnElement[bool], ...]] = {
    "user_id": (_I.c.user_id == bindparam("user_id"),),
    # The session's own would have no index: its tokens are of its user and not older than it is.
    "session_id": (
        _I.c.user_id == _user_of_session,
        _I.c.id >= bindparam("first_token"),
        _I.c.session_id == _session,
    ),
    "token_type": (_I.c.token_type == bindparam("token_type"),),
}


@lru_cache(maxsize=64)
def _search(by: frozenset[str], *, status: TokenStatus | None) -> tuple[Statement, Statement]:
    wanted = [_I.c.tenant_id == _TENANT, *(condition for name in sorted(by) for condition in _SEARCHED[name])]
    count = select(func.count()).select_from(_I if status is None else _WITH_SESSION)
    if status is not None:
        wanted.append(_fits(status))
    page = _INVENTORY.where(*wanted).order_by(_I.c.id.desc())
    wide = not by & {"user_id", "session_id"}  # how few of a tenant's tokens a page needs is seen only with its size
    return (
        Statement(page.limit(bindparam("limit")).offset(bindparam("offset")), plans_anew=wide),
        Statement(count.where(*wanted), plans_anew=wide),
    )


async def search(
    unit: UnitOfWork,
    *,
    user_id: str | None,
    token_type: TokenType | None,
    status: TokenStatus | None,
    at: Moment,
    page: Page,
    session: SessionKey | None = None,
) -> tuple[list[IssuedTokenRow], int]:
    """One page of the inventory, newest first, and how many fit. No token is of a session that is not there."""
    given = {"user_id": user_id, "session_id": session, "token_type": token_type}
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    list_them, count_them = _search(frozenset(parameters), status=status)
    if session is not None:
        parameters["first_token"] = f"tok_{session[:7]}"
    judged = _FIXED | at._asdict()
    counted = parameters if status is None else parameters | judged
    with unit.snapshot():
        rows = await unit.all(list_them, **parameters, **judged, limit=page.size, offset=page.offset)
        total: int = await unit.value(count_them, **counted)
    return [_row(unit, row) for row in rows], total


def _row(unit: UnitOfWork, row: Row) -> IssuedTokenRow:
    """A token as it is shown: it ends with its session, whose last use may not be written yet."""
    *told, idle_end, touched = row
    plain = len(told) - len(_FACTS)
    wrong = tuple(name for name, is_wrong in zip(_FACTS, told[plain:], strict=True) if is_wrong)
    token = IssuedTokenRow._make([*told[:plain], wrong])
    if touched is not None:
        idle_end = unit.touches.idle_deadline(unit.tenant.id, SessionKey(touched), written=idle_end)
    return token if idle_end is None else token._replace(expires_at=min(token.expires_at, idle_end))


async def purge(unit: UnitOfWork, before: Instant, *, limit: int) -> int:
    """Forget up to `limit` tokens that expired before an instant; how many went."""
    return await unit.run(PURGE_ISSUED, before=before, limit=limit)
