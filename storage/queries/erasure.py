"""A user is erased: every row that is about them goes, and other rows forget the id.

What stays are cut-offs under `sojourn.domain.ids.erased_user`: a provider's tokens of before are not told from later
ones otherwise. Blacklist entries of tokens that are not ours stay under no name until the token expires: whose such a
token is was said by whoever refused it, and a wrong name must not make another user's token good again.
"""

from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.clock import Instant
from sojourn.domain.endings import ERASED
from sojourn.domain.ids import erased_user
from sojourn.storage.queries import audit, events, kept_answers, revocation_plans, session_ends, sign_ins
from sojourn.storage.queries.session_deletion import LEAVING, Leaving, delete_sessions
from sojourn.storage.schema.sql_functions import latest
from sojourn.storage.schema.tables import SessionTable, TrustedDeviceTable, UserTable
from sojourn.storage.schema.token_tables import BlacklistTable, IssuedTokenTable, NotBeforeTable, SessionTokenTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

NOBODY = "erased"
"""What rows of others show in place of the id of a user who was erased."""

_S = SessionTable.__table__
_R = SessionTokenTable.__table__
_I = IssuedTokenTable.__table__
_B = BlacklistTable.__table__
_N = NotBeforeTable.__table__
_TENANT: Any = bindparam("tenant")


def _of_user(table: Any) -> Any:
    return and_(table.c.tenant_id == _TENANT, table.c.user_id == bindparam("user_id"))


# Refresh states first: a refresh changes its state, and then its token waits for the session.
LOCK_REFRESH_STATES = Statement(
    select(_R.c.session_id)
    .where(_R.c.tenant_id == _TENANT, _R.c.session_id.in_(select(_S.c.id).where(_of_user(_S))))
    .order_by(_R.c.session_id)
    .with_for_update()
)
LOCK_SESSIONS = Statement(select(*LEAVING).where(_of_user(_S)).order_by(_S.c.id).with_for_update())
DELETE_TOKENS = Statement(delete(_I).where(_of_user(_I)))
DELETE_DEVICES = Statement(delete(TrustedDeviceTable.__table__).where(_of_user(TrustedDeviceTable.__table__)))
DELETE_USER = Statement(delete(UserTable.__table__).where(_of_user(UserTable.__table__)))
READMIT = Statement(
    delete(_B).where(
        _B.c.tenant_id == _TENANT,
        _B.c.token_hash.in_(select(_I.c.token_hash).where(_of_user(_I))),
    )
)
UNNAME_ENTRIES = Statement(
    update(_B).where(_of_user(_B)).values(user_id=bindparam("nobody"), reason=bindparam("nothing"))
)
UNNAME_ENDS = Statement(
    update(_S)
    .where(
        _S.c.tenant_id == _TENANT,
        _S.c.revoked_by == bindparam("user_id"),
        _S.c.revoked_by != _S.c.user_id,  # as the index has it
    )
    .values(revoked_by=bindparam("nobody"))
)
UNNAME_IMPERSONATIONS = Statement(
    update(_S)
    .where(_S.c.tenant_id == _TENANT, _S.c.impersonator == bindparam("user_id"))
    .values(impersonator=bindparam("nobody"))
)
COUNT_CUT_OFFS = Statement(
    select(func.coalesce(func.sum(_N.c.count), literal_column("0"))).where(
        _of_user(_N), _N.c.token_type == bindparam("token_type")
    )
)
DELETE_CUT_OFFS = Statement(delete(_N).where(_of_user(_N)))
_cut_off = insert(_N).values(
    tenant_id=_TENANT,
    user_id=bindparam("erased"),
    token_type=bindparam("token_type"),
    issued_until=bindparam("until"),
    reason=bindparam("nothing"),
    count=bindparam("by"),
)
CUT_OFF = Statement(
    _cut_off.on_conflict_do_update(
        index_elements=["tenant_id", "user_id", "token_type"],
        set_={
            "issued_until": latest(_cut_off.excluded.issued_until, _N.c.issued_until),
            "count": _N.c.count + _cut_off.excluded.count,
        },
    )
)


class Erased(NamedTuple):
    """How many rows of what were about the user."""

    sessions: int
    tokens: int
    devices: int
    events: int


async def erase(unit: UnitOfWork, user_id: str, *, until: Instant) -> Erased:
    """Erase a user. A provider's tokens issued at `until` or earlier are refused; sign-ins of before begin nothing.

    `sign_ins.stop` was called: no session of the user begins meanwhile, and none gets a first pair of tokens.
    """
    about = {"user_id": user_id}
    await unit.all(LOCK_REFRESH_STATES, **about)
    sessions = [Leaving._make(row) for row in await unit.all(LOCK_SESSIONS, **about)]
    await _tell_ends(unit, sessions, at=until)
    await unit.run(READMIT, **about)
    await unit.run(UNNAME_ENTRIES, **about, nobody=NOBODY, nothing=None)
    tokens = await unit.run(DELETE_TOKENS, **about)
    devices = await unit.run(DELETE_DEVICES, **about)
    await _cut_off_all(unit, user_id, until=until)
    await unit.run(DELETE_USER, **about)
    await audit.forget(unit, user_id)
    await kept_answers.forget_user(unit, user_id)
    await revocation_plans.forget_user(unit, user_id, nobody=NOBODY)
    await unit.run(UNNAME_ENDS, **about, nobody=NOBODY)
    await unit.run(UNNAME_IMPERSONATIONS, **about, nobody=NOBODY)
    await delete_sessions(unit, sessions, now=until)
    unit.tell("ended", "erased", times=sum(row.revoked_at is None and row.due_at is not None for row in sessions))
    return Erased(len(sessions), tokens, devices, await events.unname(unit, user_id))


async def _tell_ends(unit: UnitOfWork, leaving: list[Leaving], *, at: Instant) -> None:
    """Tell of sessions that nobody has ended or settled: some have expired, the others end with the user."""
    open_ones = [session.id for session in leaving if session.revoked_at is None and session.due_at is not None]
    await session_ends.tell_expired(unit, open_ones, at=at)
    await session_ends.tell_ended(unit, open_ones, at=at, ending=ERASED)


async def _cut_off_all(unit: UnitOfWork, user_id: str, *, until: Instant) -> None:
    """Put nameless cut-offs in place of the user's. Their count goes on: a create beside sees that it came too late."""
    erased = erased_user(unit.tenant.id, user_id)
    for token_type in ("access", sign_ins.SIGN_IN):
        before: int = await unit.value(COUNT_CUT_OFFS, user_id=user_id, token_type=token_type)
        await unit.run(CUT_OFF, erased=erased, token_type=token_type, until=until, nothing=None, by=before + 1)
    await unit.run(DELETE_CUT_OFFS, user_id=user_id)
