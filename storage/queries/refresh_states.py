"""The refresh state of a session: read once for a judgement, changed by one conditional update.

Two requests may read the same state at the same time. Each write names the generation that it read; the second one
changes nothing, and reads again.
"""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant, from_text
from sojourn.domain.ids import SessionKey
from sojourn.domain.refresh_tokens import RefreshState, RefreshToken
from sojourn.domain.sessions import status_of
from sojourn.domain.token_identity import TokenHash
from sojourn.domain.token_validity import RefreshRecord
from sojourn.storage.queries.epochs import present_epoch
from sojourn.storage.queries.open_revocations import REVOKED_AT
from sojourn.storage.queries.session_deadlines import DEADLINES, ByRows
from sojourn.storage.queries.session_states import ACTIVE
from sojourn.storage.queries.signing_keys import newest_signing_key
from sojourn.storage.queries.token_configs import TYPES, Terms, TokenConfig, terms_of
from sojourn.storage.queries.token_records import blacklisted, cut_offs, issued_until
from sojourn.storage.schema.tables import SessionTable, UserTable
from sojourn.storage.schema.token_tables import IssuedTokenTable, SessionTokenTable, TokenConfigTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_S = SessionTable.__table__
_U = UserTable.__table__
_C = TokenConfigTable.__table__
_TENANT: Any = bindparam("tenant")
_NOW: Any = bindparam("now")


class RefreshRow(NamedTuple):
    """The refresh state of a session as it is stored."""

    session_id: SessionKey
    first_generation: int
    generation: int
    nonce: str
    token_hash: TokenHash
    previous_hash: str | None
    rotated_at: Instant
    expires_at: Instant
    successor_used: int
    client_id: str | None


class TokenSession(NamedTuple):
    """What tokens say of their session."""

    id: SessionKey
    user_id: str
    username: str | None
    authenticated_at: Instant
    expires_at: Instant
    idle_expires_at: Instant
    revoked_at: Instant | None
    amr: str | None
    acr: str | None
    elevations: int
    role: str | None
    app_id: str | None
    ip: str | None
    user_agent: str | None
    impersonator: str | None
    status_index: int | None
    suspended_until: Instant | None
    suspended_then: str | None


class Family(NamedTuple):
    """A session, its refresh state, what is known of one of its refresh tokens, and what its next ones are issued by.

    `state` is None for a session that never had refresh tokens.
    """

    session: TokenSession
    state: RefreshRow | None
    record: RefreshRecord
    terms: Terms


_ELSEWHERE = {*DEADLINES, "username", "revoked_at"}
_TOKEN_SESSION = [
    {**DEADLINES, "username": _U.c.username, "revoked_at": REVOKED_AT}[name] if name in _ELSEWHERE else _S.c[name]
    for name in TokenSession._fields
]
SESSION = ByRows(
    Statement(
        select(*_TOKEN_SESSION)
        .outerjoin(_U, and_(_U.c.tenant_id == _TENANT, _U.c.user_id == _S.c.user_id))
        .where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key"))
    )
)
_OF_SESSION = and_(_R.c.tenant_id == _TENANT, _R.c.session_id == bindparam("key"))
_OF_USER: Any = (bindparam("type_refresh"), _S.c.user_id)
FAMILY = ByRows(
    Statement(
        select(
            *_TOKEN_SESSION,
            *[_R.c[name] for name in RefreshRow._fields],
            blacklisted(bindparam("hash"), _R.c.token_hash),
            issued_until(*_OF_USER),
            _I.c.created_at,
            _I.c.cut_offs,
            _I.c.expires_at,
            *[_C.c[name] for name in TokenConfig._fields],
            cut_offs(bindparam("type_access"), _S.c.user_id),
            cut_offs(*_OF_USER),
            present_epoch(),
            newest_signing_key(),
        )
        .select_from(
            _S.outerjoin(_U, and_(_U.c.tenant_id == _TENANT, _U.c.user_id == _S.c.user_id))
            .outerjoin(_R, and_(_R.c.tenant_id == _TENANT, _R.c.session_id == _S.c.id))
            .outerjoin(_I, and_(_I.c.tenant_id == _TENANT, _I.c.token_hash == bindparam("hash")))
            .outerjoin(_C, _C.c.tenant_id == _TENANT)
        )
        .where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("key"))
    )
)
REFRESH_STATE = Statement(select(*[_R.c[name] for name in RefreshRow._fields]).where(_OF_SESSION))
_begin = insert(_R).values(tenant_id=_TENANT, **{name: bindparam(name) for name in RefreshRow._fields})
INSERT = Statement(_begin)
BEGIN = Statement(
    _begin.on_conflict_do_update(
        index_elements=["tenant_id", "session_id"],
        set_={name: _begin.excluded[name] for name in RefreshRow._fields if name != "session_id"},
        where=_R.c.generation == bindparam("seen"),
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


async def session(unit: UnitOfWork, key: SessionKey) -> TokenSession | None:
    """The session that tokens are issued for, in any state, or None."""
    row = await SESSION.one(unit, key=key)
    return None if row is None else TokenSession._make(row)


async def family(unit: UnitOfWork, token: RefreshToken, *, now: Instant) -> Family | None:
    """All that is to be known for judging a refresh token, in one statement; None when its session is not kept."""
    row = await FAMILY.one(
        unit,
        key=token.session,
        hash=token.hash,
        now=now,
        **TYPES,
    )
    if row is None:
        return None
    columns = iter(row)
    of = TokenSession._make([next(columns) for _ in TokenSession._fields])
    stored = RefreshRow._make([next(columns) for _ in RefreshRow._fields])
    is_blacklisted, until, issued_at, cut_offs_then, expires_at = [next(columns) for _ in range(5)]
    terms = terms_of(tuple(columns))
    state = None if stored.token_hash is None else stored
    standing = status_of(of, now)
    return Family(
        session=of,
        state=state,
        record=RefreshRecord(
            state=None if state is None else _state(state),
            session_is_over=None if standing == "active" else standing,
            blacklisted=bool(is_blacklisted),
            issued_until=until,
            cut_offs_now=terms.refresh_cut_offs,
            issued_at=issued_at,
            cut_offs_then=cut_offs_then,
            expires_at=expires_at,
            epoch=terms.epoch,
        ),
        terms=terms,
    )


async def refresh_state(unit: UnitOfWork, key: SessionKey) -> RefreshRow | None:
    """The refresh state of a session, or None when no refresh token was ever issued for it."""
    row = await unit.one(REFRESH_STATE, key=key)
    return None if row is None else RefreshRow._make(row)


async def begin(unit: UnitOfWork, row: RefreshRow, *, seen: int | None) -> bool:
    """Begin a session's family of refresh tokens, anew where it has one whose generation was `seen`.

    False when somebody else has changed the state since.
    """
    return await unit.run(BEGIN, **row._asdict(), seen=-1 if seen is None else seen) == 1


def _state(row: RefreshRow) -> RefreshState:
    return RefreshState(
        first_generation=row.first_generation,
        generation=row.generation,
        token_hash=row.token_hash,
        previous_hash=row.previous_hash,
        rotated_at=from_text(row.rotated_at),
        expires_at=from_text(row.expires_at),
        successor_used=bool(row.successor_used),
    )
