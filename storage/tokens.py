"""Refresh states and the inventory of issued tokens. Tokens themselves are never here, only their hashes."""

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.paging import Page
from storage.extremes import earliest
from storage.session_states import ACTIVE
from storage.statements import Statement
from storage.tables import SessionTable, UserTable
from storage.token_facts import EVERYBODY
from storage.token_tables import BlacklistTable, IssuedTokenTable, NotBeforeTable, SessionTokenTable
from storage.unit_of_work import UnitOfWork

_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_S = SessionTable.__table__
_U = UserTable.__table__
_N = NotBeforeTable.__table__
_B = BlacklistTable.__table__
_TENANT: Any = bindparam("tenant")
_NOW: Any = bindparam("now")

TokenType = Literal["access", "refresh"]
TokenStatus = Literal["active", "expired", "revoked"]


class RefreshRow(NamedTuple):
    """The refresh state of a session as it is stored."""

    session_id: str
    first_generation: int
    generation: int
    nonce: str
    token_hash: str
    previous_hash: str | None
    rotated_at: str
    expires_at: str
    successor_used: int
    client_id: str | None


class TokenSession(NamedTuple):
    """What tokens say of their session."""

    id: str
    user_id: str
    username: str | None
    authenticated_at: str
    expires_at: str
    idle_expires_at: str
    revoked_at: str | None
    amr: str | None
    role: str | None
    app_id: str | None
    ip: str | None
    user_agent: str | None


class IssuedToken(NamedTuple):
    """A token to be entered in the inventory. Instants in text form."""

    id: str
    session_id: str | None
    user_id: str
    token_type: TokenType
    token_hash: str
    created_at: str
    expires_at: str
    ip: str | None
    user_agent: str | None


class IssuedTokenRow(NamedTuple):
    """A token of the inventory; `ended_at` is when it or its session was revoked."""

    id: str
    user_id: str
    token_type: str
    created_at: str
    expires_at: str
    ended_at: str | None
    ip: str | None
    user_agent: str | None


SESSION = Statement(
    select(*[_U.c[name] if name == "username" else _S.c[name] for name in TokenSession._fields])
    .outerjoin(_U, and_(_U.c.tenant_id == _TENANT, _U.c.user_id == _S.c.user_id))
    .where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key"))
)
_OF_SESSION = and_(_R.c.tenant_id == _TENANT, _R.c.session_id == bindparam("key"))
REFRESH_STATE = Statement(select(*[_R.c[name] for name in RefreshRow._fields]).where(_OF_SESSION))
_begin = insert(_R).values(tenant_id=_TENANT, **{name: bindparam(name) for name in RefreshRow._fields})
BEGIN = Statement(
    _begin.on_conflict_do_update(
        index_elements=["tenant_id", "session_id"],
        set_={name: _begin.excluded[name] for name in RefreshRow._fields if name != "session_id"},
    )
)
ROTATE = Statement(
    update(_R)
    .where(
        _OF_SESSION,
        _R.c.generation == bindparam("spent"),
        _R.c.token_hash == bindparam("spent_hash"),
        select(literal_column("1"))
        .select_from(_S)
        .where(
            _S.c.tenant_id == _TENANT,
            _S.c.id == bindparam("key"),
            ACTIVE,
        )
        .exists(),
    )
    .values(
        generation=bindparam("next"),
        nonce=bindparam("new_nonce"),
        token_hash=bindparam("new_hash"),
        previous_hash=bindparam("spent_hash"),
        rotated_at=_NOW,
        expires_at=bindparam("end"),
        successor_used=bindparam("unused"),
    )
)
MARK_USED = Statement(
    update(_R).where(_OF_SESSION, _R.c.generation == bindparam("spent")).values(successor_used=bindparam("used"))
)
ENTER = Statement(
    insert(_I)
    .values(tenant_id=_TENANT, **{name: bindparam(name) for name in IssuedToken._fields})
    .on_conflict_do_nothing()
)
REVOKE_BY_HASH = Statement(
    update(_I)
    .where(_I.c.tenant_id == _TENANT, _I.c.token_hash == bindparam("hash"), _I.c.revoked_at.is_(None))
    .values(revoked_at=_NOW)
)
_CUT_OFF = (
    select(func.max(_N.c.issued_until))
    .where(
        _N.c.tenant_id == _TENANT,
        or_(_N.c.user_id == _I.c.user_id, _N.c.user_id == bindparam("everybody")),
        _N.c.token_type == _I.c.token_type,
        _N.c.issued_until >= _I.c.created_at,
    )
    .correlate(_I)
    .scalar_subquery()
)
_BLACKLISTED_AT = (
    select(_B.c.created_at)
    .where(_B.c.tenant_id == _TENANT, _B.c.token_hash == _I.c.token_hash)
    .correlate(_I)
    .scalar_subquery()
)
_ENDED_AT = func.coalesce(_I.c.revoked_at, _S.c.revoked_at, _BLACKLISTED_AT, _CUT_OFF)
_WITH_SESSION = _I.outerjoin(_S, and_(_S.c.tenant_id == _TENANT, _S.c.id == _I.c.session_id))
_EFFECTIVE_END = earliest(
    _I.c.expires_at,
    func.coalesce(_S.c.expires_at, _I.c.expires_at),
    func.coalesce(_S.c.idle_expires_at, _I.c.expires_at),
)
_INVENTORY = select(
    _I.c.id,
    _I.c.user_id,
    _I.c.token_type,
    _I.c.created_at,
    _EFFECTIVE_END,
    _ENDED_AT,
    _I.c.ip,
    _I.c.user_agent,
).select_from(_WITH_SESSION)
GET_ISSUED = Statement(_INVENTORY.where(_I.c.tenant_id == _TENANT, _I.c.id == bindparam("id")))
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


async def session(unit: UnitOfWork, key: str) -> TokenSession | None:
    """The session that tokens are issued for, in any state, or None."""
    row = await unit.one(SESSION, key=key)
    return None if row is None else TokenSession._make(row)


async def refresh_state(unit: UnitOfWork, key: str) -> RefreshRow | None:
    """The refresh state of a session, or None when no refresh token was ever issued for it."""
    row = await unit.one(REFRESH_STATE, key=key)
    return None if row is None else RefreshRow._make(row)


async def begin(unit: UnitOfWork, row: RefreshRow) -> None:
    """Begin a session's line of refresh tokens (anew, when it has one)."""
    await unit.run(BEGIN, **row._asdict())


async def rotate(
    unit: UnitOfWork, key: str, spent: int, spent_hash: str, nonce: str, new_hash: str, end: str, now: str
) -> bool:
    """Move a live session on from the token of generation `spent`. False when somebody else was faster."""
    changed = await unit.run(
        ROTATE,
        key=key,
        spent=spent,
        spent_hash=spent_hash,
        next=spent + 1,
        new_nonce=nonce,
        new_hash=new_hash,
        end=end,
        now=now,
        unused=0,
    )
    return changed == 1


async def mark_used(unit: UnitOfWork, key: str, generation: int) -> None:
    """Remember that a generation's tokens reached their holder."""
    await unit.run(MARK_USED, key=key, spent=generation, used=1)


async def enter(unit: UnitOfWork, token: IssuedToken) -> None:
    """Enter a token in the inventory; one that is there already stays as it is."""
    await unit.run(ENTER, **token._asdict())


async def revoke_by_hash(unit: UnitOfWork, token_hash: str, now: str) -> bool:
    """End one issued token; False when it is not in the inventory or has ended."""
    return await unit.run(REVOKE_BY_HASH, hash=token_hash, now=now) == 1


async def get_issued(unit: UnitOfWork, token_id: str) -> IssuedTokenRow | None:
    """A token of the inventory in any state, or None."""
    row = await unit.one(GET_ISSUED, id=token_id, everybody=EVERYBODY)
    return None if row is None else IssuedTokenRow._make(row)


def _fits(status: TokenStatus) -> ColumnElement[bool]:
    if status == "revoked":
        return _ENDED_AT.is_not(None)
    over = _EFFECTIVE_END <= _NOW
    return and_(_ENDED_AT.is_(None), over if status == "expired" else ~over)


@lru_cache(maxsize=32)
def _search(by_user: bool, by_type: bool, status: TokenStatus | None) -> tuple[Statement, Statement]:
    wanted = [_I.c.tenant_id == _TENANT]
    if by_user:
        wanted.append(_I.c.user_id == bindparam("user_id"))
    if by_type:
        wanted.append(_I.c.token_type == bindparam("token_type"))
    if status is not None:
        wanted.append(_fits(status))
    page = _INVENTORY.where(*wanted).order_by(_I.c.id.desc())
    count = select(func.count()).select_from(_WITH_SESSION).where(*wanted)
    return Statement(page.limit(bindparam("limit")).offset(bindparam("offset"))), Statement(count)


async def search(
    unit: UnitOfWork,
    user_id: str | None,
    token_type: TokenType | None,
    status: TokenStatus | None,
    now: str,
    page: Page,
) -> tuple[list[IssuedTokenRow], int]:
    """One page of the inventory, newest first, and how many fit."""
    list_them, count_them = _search(user_id is not None, token_type is not None, status)
    instant = now if status in ("active", "expired") else None
    given = {"user_id": user_id, "token_type": token_type, "now": instant}
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    counted = dict(parameters) if status is None else {**parameters, "everybody": EVERYBODY}
    with unit.snapshot():
        rows = await unit.all(list_them, **parameters, everybody=EVERYBODY, limit=page.size, offset=page.offset)
        total: int = await unit.value(count_them, **counted)
    return [IssuedTokenRow._make(row) for row in rows], total


async def purge(unit: UnitOfWork, before: str, limit: int) -> int:
    """Forget up to `limit` tokens that expired before an instant; how many went."""
    return await unit.run(PURGE_ISSUED, before=before, limit=limit)
