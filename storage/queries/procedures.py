"""The transactions that are asked for most, as procedures: what each reads before, and what it writes as a whole."""

from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import Integer, and_, bindparam, func, literal_column, or_, select

from sojourn.domain.clock import Instant
from sojourn.domain.endings import Ending
from sojourn.domain.ids import SessionKey, erased_user, user_key
from sojourn.domain.refresh_tokens import RefreshToken
from sojourn.domain.session_policies import OwnTimeouts, SessionLimit
from sojourn.storage.procedures import Procedure, Step
from sojourn.storage.queries import (
    events,
    refresh_states,
    session_ends,
    session_limit,
    session_policies,
    session_revocation,
    sessions,
    sign_ins,
    statistics,
    tokens,
    users,
)
from sojourn.storage.queries.refresh_states import RefreshRow
from sojourn.storage.queries.session_deadlines import ByRows
from sojourn.storage.queries.session_rows import NewSession, SessionRow
from sojourn.storage.queries.session_states import ACTIVE_BY_INDEX, ALL_ACTIVE
from sojourn.storage.queries.sign_ins import Ends
from sojourn.storage.queries.token_configs import OWN_CONFIG, TERMS_OF_USER, TYPES, Terms, terms_of
from sojourn.storage.queries.token_records import EVERYBODY, cut_offs, issued_until
from sojourn.storage.queries.tokens import IssuedToken
from sojourn.storage.schema.tables import SessionTable, TenantTable
from sojourn.storage.schema.token_tables import IssuedTokenTable, SessionTokenTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

_S = SessionTable.__table__
_T = TenantTable.__table__
_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_TENANT: Any = bindparam("tenant")
_OF_USER: Any = (bindparam("type_sign_in"), bindparam("user_id"), bindparam("erased"))

_ITS = and_(_S.c.tenant_id == _TENANT, _S.c.user_id == bindparam("user_id"))
_COUNT = select(func.count()).select_from(_S).where(_ITS)
_TENANT_IS_MADE = select(func.count()).select_from(_T).where(_T.c.id == _TENANT).scalar_subquery()
_standing = select(cut_offs(*_OF_USER), issued_until(*_OF_USER)).select_from(
    OWN_CONFIG.outerjoin(session_policies.TABLE, session_policies.IS_OWN)
)
_OF_TENANT = (_TENANT_IS_MADE, *session_policies.OWN_LIMIT, *session_policies.OWN_TIMEOUTS, *TERMS_OF_USER)
STANDING = ByRows(
    Statement(
        _standing.add_columns(_COUNT.where(ALL_ACTIVE).scalar_subquery(), *_OF_TENANT),
        on_sqlite=_standing.add_columns(_COUNT.where(ACTIVE_BY_INDEX).scalar_subquery(), *_OF_TENANT),
    )
)
NOT_ENDED = Statement(select(literal_column("1")).where(cut_offs(*_OF_USER) == bindparam("seen_ends", type_=Integer)))
"""Finds a row while the user was ended as often as was seen."""
_IS_SESSION = Statement(select(literal_column("1")).where(_S.c.tenant_id == _TENANT, _S.c.id == bindparam("id")))
_IS_TOKEN = Statement(select(literal_column("1")).where(_I.c.tenant_id == _TENANT, _I.c.id == bindparam("id")))
_IS_ROTATED = Statement(
    select(literal_column("1")).where(
        _R.c.tenant_id == _TENANT, _R.c.session_id == bindparam("key"), _R.c.token_hash == bindparam("new_hash")
    )
)
_IS_USED = Statement(
    select(literal_column("1")).where(
        _R.c.tenant_id == _TENANT,
        _R.c.session_id == bindparam("key"),
        or_(_R.c.generation != bindparam("spent"), _R.c.successor_used == bindparam("used")),
    )
)
_IS_REVOKED = Statement(
    select(literal_column("1")).where(
        _S.c.tenant_id == _TENANT, _S.c.id == bindparam("id"), _S.c.revoked_at.is_not(None)
    )
)

_CREATION = (
    Step(users.ADD),
    Step(users.KNOWN, must=True),
    Step(users.RENAME),
    Step(sessions.INSERT),
    Step(events.TELL_CREATED),
    Step(refresh_states.INSERT, "state_"),
    Step(tokens.ENTER_FIRST),
    Step(statistics.COUNT, "count_"),
)
_STANDS = Step(NOT_ENDED, must=True)
_MADE = Step(_IS_SESSION)
CREATE_SESSION = Procedure("create_session", _STANDS, *_CREATION, proof=_MADE)
CREATE_OF_FEW, CREATE_OF_FEW_IN_APP = (
    Procedure(name, _STANDS, Step(room, must=True), *_CREATION, proof=_MADE, alone="limit_name")
    for name, room in (
        ("create_of_few", session_policies.ROOM_OF_USER),
        ("create_of_few_in_app", session_policies.ROOM_IN_APP),
    )
)
"""Where the tenant limits how many sessions there are."""
_NOT_ENDED, _ROOM, _KNOWN = 0, 1, 2
"""The steps at which a creation may end: the last is one later where there is a step for the limit."""
ROTATE = Procedure(
    "rotate",
    Step(refresh_states.ROTATE, must=True),
    Step(tokens.ENTER, "refresh_"),
    Step(tokens.ENTER, "access_"),
    proof=Step(_IS_ROTATED),
)
ENTER_TOKEN = Procedure("enter_token", Step(tokens.ENTER), proof=Step(_IS_TOKEN))
MARK_USED = Procedure("mark_used", Step(refresh_states.MARK_USED), proof=Step(_IS_USED))
_REVOCATION = (
    Step(session_revocation.REVOKE, must=True),
    Step(session_ends.TELL_ENDED, "event_"),
    Step(statistics.COUNT, "count_"),
)
REVOKE = Procedure("revoke", *_REVOCATION, proof=Step(_IS_REVOKED))
TOUCH_AND_REVOKE = Procedure("touch_and_revoke", Step(sessions.TOUCH), *_REVOCATION, proof=Step(_IS_REVOKED))
"""For a session with a touch that waits: its last use would go back otherwise."""

ALL = (CREATE_SESSION, CREATE_OF_FEW, CREATE_OF_FEW_IN_APP, ROTATE, ENTER_TOKEN, MARK_USED, REVOKE, TOUCH_AND_REVOKE)


class Standing(NamedTuple):
    """What a user's next session depends on: the ends so far, how many sessions are active, the tenant's own limit of
    them and its time-outs, the terms of tokens.

    A tenant is never removed; where there is none yet it is made before the session.
    """

    ends: Ends
    active: int
    tenant_is_made: bool
    limit: SessionLimit | None
    timeouts: OwnTimeouts
    terms: Terms


NotCreated = Literal["ended", "full"]
"""Why there is no session: its user was ended meanwhile, or the tenant's limit is reached."""


class FirstTokens(NamedTuple):
    """The refresh state of a new session and its first tokens, to be entered."""

    state: RefreshRow
    refresh: IssuedToken
    access: IssuedToken


async def standing(unit: UnitOfWork, user_id: str, *, now: Instant) -> Standing:
    """What is to be known of a user who signs in."""
    row = await STANDING.one(unit, now=now, **_user(unit, user_id), **TYPES)
    if row is None:
        raise RuntimeError("a select without a condition returned no row")
    limit = None if row[4] is None else session_policies.limit_of(row[4:7])
    return Standing(
        ends=Ends._make(row[:2]),
        active=row[2],
        tenant_is_made=bool(row[3]),
        limit=limit,
        timeouts=session_policies.timeouts_of(row[7:9]),
        terms=terms_of(row[9:]),
    )


async def create_session(
    unit: UnitOfWork, session: NewSession, *, issued: FirstTokens, seen_ends: int
) -> SessionRow | None:
    """Write a session with its first tokens; None when its user was ended since `seen_ends` was read.

    Its user is made when they are new. An end of the user waits for this, or comes first.
    """
    made = await create_within(unit, session, limit=None, issued=issued, seen_ends=seen_ends)
    return made if isinstance(made, SessionRow) else None


async def create_within(
    unit: UnitOfWork, session: NewSession, *, limit: SessionLimit | None, issued: FirstTokens, seen_ends: int
) -> SessionRow | NotCreated:
    """The same where the tenant may limit how many sessions there are: then one after the other is counted and made."""
    values = sessions.insert_values(session)
    parameters = {
        **values,
        **_user(unit, session.user_id),
        "everybody": EVERYBODY,
        "seen_ends": seen_ends,
        "key": user_key(session.user_id, 0),
        "username": session.username,
        "now": session.created_at,
        **_prefixed("state_", issued.state),
        **_prefixed("refresh_", issued.refresh),
        **_prefixed("access_", issued.access),
        "count_kind": "created",
        "count_device_type": session.device_type or statistics.UNKNOWN_DEVICE,
        "count_by": 1,
    }
    procedure, known = CREATE_SESSION, _KNOWN
    if limit is not None:
        procedure, known = CREATE_OF_FEW if limit.per == "user" else CREATE_OF_FEW_IN_APP, _KNOWN + 1
        parameters |= {"limit_name": session_limit.name_of(unit, session.user_id), "most": limit.most}
    names = sign_ins.names(unit, session.user_id)
    passed = await unit.call(procedure, beside=names, **parameters)
    if passed == known:  # the first of a new user's keys is taken
        await users.ensure(unit, session.user_id, username=session.username, now=session.created_at)
        passed = await unit.call(procedure, beside=names, **parameters)
    if passed == procedure.passed:
        unit.tell("created")
        unit.has_told()
        return sessions.row_of(unit, values)
    return "full" if passed == _ROOM else "ended"


async def rotate(
    unit: UnitOfWork,
    spent: RefreshToken,
    *,
    following: RefreshRow,
    refresh: IssuedToken,
    access: IssuedToken,
    now: Instant,
) -> bool:
    """Move a live session on from its present token `spent`, and enter the tokens that follow.

    False when another request was faster: then nothing is entered.
    """
    passed = await unit.call(
        ROTATE,
        key=spent.session,
        spent=spent.generation,
        spent_hash=spent.hash,
        next=following.generation,
        new_nonce=following.nonce,
        new_hash=following.token_hash,
        end=following.expires_at,
        now=now,
        unused=0,
        **_prefixed("refresh_", refresh),
        **_prefixed("access_", access),
    )
    return passed == ROTATE.passed


async def enter_token(unit: UnitOfWork, token: IssuedToken) -> None:
    """Record a token in the inventory, as `tokens.enter` does: the last write of its unit."""
    await unit.call(ENTER_TOKEN, **token._asdict())


async def mark_used(unit: UnitOfWork, key: SessionKey, *, generation: int) -> None:
    """Record that a generation's tokens were used."""
    await unit.call(MARK_USED, key=key, spent=generation, used=1)


async def revoke(
    unit: UnitOfWork, key: SessionKey, *, now: Instant, ending: Ending, of_user: str | None = None
) -> bool:
    """End an active session, `of_user` where one is named; False where there is none. The last write of its unit.

    A session that was settled by a clock ahead of this one is not found: `session_revocation.revoke` ends that.
    """
    touch = unit.touches.perhaps_unwritten(unit.tenant.id, key)
    parameters: dict[str, Any] = {"id": key, "now": now, "nothing": None, "of_user": of_user, **ending._asdict()}
    parameters |= {"count_kind": "revoked", "count_device_type": "", "count_by": 1}
    told = session_ends.ended_values(key, at=now, ending=ending)
    parameters |= dict(zip(_names("event_", tuple(told)), told.values(), strict=True))
    procedure = REVOKE
    if touch is not None:
        procedure, parameters = TOUCH_AND_REVOKE, sessions.touch_values(key, touch, now=now) | parameters
    if await unit.call(procedure, **parameters) != procedure.passed:
        return False
    unit.tell("ended", ending.code)
    unit.has_told()
    return True


def _user(unit: UnitOfWork, user_id: str) -> dict[str, Any]:
    erased = erased_user(unit.tenant.id, user_id)
    return {"user_id": user_id, "erased": erased, "type_sign_in": sign_ins.SIGN_IN}


def _prefixed(prefix: str, values: RefreshRow | IssuedToken) -> dict[str, Any]:
    return dict(zip(_names(prefix, values._fields), values, strict=True))


@cache
def _names(prefix: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(prefix + name for name in fields)
