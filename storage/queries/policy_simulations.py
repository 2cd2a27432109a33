"""What a policy would do, from the sessions that are kept: user by user, some rows at a time.

No read lasts long: between two pages the transaction ends, and sessions that began after the instant of the whole are
left out. So many rows are looked at and no more, however many there are.
"""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, literal_column, or_, select

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey
from sojourn.domain.policy_simulations import Foretold, PastSession, foretell
from sojourn.domain.session_policies import NO_TIMEOUTS, OwnTimeouts, SessionLimit
from sojourn.domain.sessions import effective_end, has_lapsed
from sojourn.storage.queries.open_revocations import FACTS_OF_END
from sojourn.storage.queries.session_deadlines import DEADLINES
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Statement
from sojourn.storage.unit_of_work import UnitOfWork

MOST_ROWS = 50_000
"""How many sessions are looked at: about a second."""
PAGE = 1_000

_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")
_USER: Any = bindparam("after_user")
_KEY: Any = bindparam("after_key")


class KeptRow(NamedTuple):
    """As much of a stored session as its history needs. `is_settled`: somebody has seen it expired."""

    id: SessionKey
    user_id: str
    app_id: str | None
    created_at: Instant
    last_active_at: Instant
    expires_at: Instant
    idle_expires_at: Instant
    revoked_at: Instant | None
    suspended_until: Instant | None
    suspended_then: str | None
    is_settled: int

    def ended_at(self, now: Instant) -> Instant | None:
        """When the session ended; None where it is open at `now`."""
        if self.revoked_at is not None:
            return self.revoked_at
        if has_lapsed(self, now):
            return self.suspended_until
        end = Instant(effective_end(self))
        if end <= now:
            return end
        return now if self.is_settled else None


class Simulated(NamedTuple):
    """What was foretold, and whether every session of the tenant was looked at."""

    foretold: Foretold
    is_complete: bool


_SETTLED = case((_S.c.due_at.is_(None), literal_column("1")), else_=literal_column("0"))
_COLUMNS = [{**DEADLINES, **FACTS_OF_END}.get(name, _S.c[name]) for name in KeptRow._fields[:-1]]
PAGE_OF_USERS = Statement(
    select(*_COLUMNS, _SETTLED)
    .where(
        _S.c.tenant_id == _TENANT,
        _S.c.user_id >= _USER,
        or_(_S.c.user_id > _USER, and_(_S.c.user_id == _USER, _S.c.id > _KEY)),
    )
    .order_by(_S.c.user_id, _S.c.id)
    .limit(bindparam("limit"))
    .offset(literal_column("0"))
)


async def simulate(
    unit: UnitOfWork,
    limit: SessionLimit | None,
    *,
    timeouts: OwnTimeouts = NO_TIMEOUTS,
    since: Instant,
    now: Instant,
    most: int = MOST_ROWS,
) -> Simulated:
    """What the rules would do with the sessions of the tenant, as they are `now` and were `since` then.

    At most `most` sessions are looked at, whole users only, in the order of the users' ids.
    """
    foretold, seen, is_complete = Foretold(), 0, True
    history: list[PastSession] = []

    def add() -> None:
        if history:
            foretold.add(foretell(limit, history, timeouts=timeouts, since=since, now=now), sessions=len(history))

    of_user: str | None = None
    async for row in _rows(unit):
        if seen == most:
            is_complete = False
            break
        seen += 1
        if row.user_id != of_user:
            add()
            history, of_user = [], row.user_id
        ended_at = row.ended_at(now)
        if row.created_at <= now and (ended_at is None or ended_at > since):
            shown = unit.touches.shown(unit.tenant.id, row)
            history.append(
                PastSession(
                    id=row.id,
                    app_id=row.app_id,
                    created_at=row.created_at,
                    last_active_at=shown.last_active_at,
                    ended_at=None if ended_at is None or ended_at > now else ended_at,
                )
            )
    if is_complete:
        add()
    return Simulated(foretold, is_complete)


async def _rows(unit: UnitOfWork) -> AsyncIterator[KeptRow]:
    """Every session of the tenant, user by user. No transaction is open while a row is looked at."""
    last_user = last_key = ""
    while True:
        page = await unit.all(PAGE_OF_USERS, after_user=last_user, after_key=last_key, limit=PAGE)
        await unit.pause()
        for row in map(KeptRow._make, page):
            yield row
        if len(page) < PAGE:
            return
        last_key, last_user = page[-1][0], page[-1][1]
