"""Carrying plans out: the rows of their sessions end, some at a time, in whichever process gets to it.

The tokens are refused already (`sojourn.storage.queries.open_revocations`). What was ended stays ended when a process
dies: another one begins again from the plan's row, and finds what is left.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, literal_column, not_, or_, select

from sojourn.domain.clock import Instant, to_text
from sojourn.domain.endings import Ending
from sojourn.domain.ids import SessionKey
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.queries import revocation_plans, session_revocation, trusted_devices
from sojourn.storage.queries.revocation_plans import PlanRow
from sojourn.storage.queries.session_deadlines import was_cut
from sojourn.storage.queries.session_filters import CONDITIONS, names_of, values_of
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import leases
from sojourn.storage.upkeep.small_writes import change_few_at_once

LOOKED_FOR = 2_000
"""Rows looked for at once."""
LEASE = timedelta(seconds=15)
"""How long after a process died no other one goes on with its tenant's plans."""
KEPT = timedelta(days=30)
"""How long one may ask what became of a plan."""

_S = SessionTable.__table__
_TENANT: Any = bindparam("tenant")
_FIRST = SessionKey("00000000-0000-0000-0000-000000000000")
_SINCE: Any = bindparam("since", type_=_S.c.created_at.type)
_LEFT = (
    _S.c.tenant_id == _TENANT,
    _S.c.revoked_at.is_(None),
    _S.c.due_at.is_not(None),
    _S.c.created_at <= _SINCE,
    _S.c.expires_at > _SINCE,
    _S.c.idle_expires_at > _SINCE,
    not_(was_cut(_SINCE)),
    or_(
        _S.c.suspended_until.is_(None),
        _S.c.suspended_then != literal_column("'revoke'"),
        _S.c.suspended_until > _SINCE,
    ),
)
LOCK = Statement(
    select(_S.c.id, _S.c.due_at, _S.c.user_id, _S.c.device_fingerprint)
    .where(*_LEFT, is_among(_S.c.id, bindparam("keys")))
    .order_by(_S.c.id)
    .with_for_update()
)


@lru_cache(maxsize=256)
def _find(names: frozenset[str], has_exceptions: bool) -> Statement:
    """The next sessions that are meant and have not ended, by id."""
    meant = [*_LEFT, _S.c.id > bindparam("after"), *(CONDITIONS[name] for name in sorted(names))]
    if has_exceptions:
        meant.append(not_(is_among(_S.c.id, bindparam("excepted"))))
    found = select(_S.c.id).where(*meant).order_by(_S.c.id).limit(bindparam("limit")).offset(literal_column("0"))
    return Statement(found, plans_anew=True)


async def carry_out(database: Database, tenant: Tenant, *, holder: str, clock: Callable[[], datetime]) -> int:
    """End what is left of the tenant's applied plans; how many sessions. Raises Unavailable; what has ended stays so.

    `holder` names the process. Nothing is done where another process is at it: done twice it would do no harm.
    """
    lease = f"plans {sha256(tenant.id.encode()).hexdigest()[:40]}"
    places: dict[str, SessionKey] = {}
    total, is_held = 0, False
    while plans := await database.read(tenant, revocation_plans.open_ones):
        now = clock()
        if not await leases.take(database, lease, holder=holder, now=to_text(now), until=to_text(now + LEASE)):
            return total
        is_held = True
        total += await _go_on(database, tenant, plan=plans[0], places=places, clock=clock)
    if is_held:
        await leases.give_back(database, lease, holder=holder)
    return total


async def _go_on(
    database: Database,
    tenant: Tenant,
    *,
    plan: PlanRow,
    places: dict[str, SessionKey],
    clock: Callable[[], datetime],
) -> int:
    """End the next rows of a plan, behind the place where it stands; how many. A walk that finds none finishes it.

    A session that was being written when the plan was applied may have an id before that place: the last walk begins
    anew.
    """
    after = places.get(plan.id, _FIRST)
    keys = await database.read_long(tenant, lambda unit: _next_keys(unit, plan, after=after))
    if keys:
        places[plan.id] = keys[-1]
        end = partial(_end_some, plan=plan)
        return await change_few_at_once(database, tenant, keys=keys, change=end, clock=clock)
    if after != _FIRST:
        places[plan.id] = _FIRST
        return 0
    now = clock()

    async def finish(unit: UnitOfWork) -> None:
        await revocation_plans.finish(unit, plan.id, now=to_text(now), kept_until=to_text(now + KEPT))

    await database.write(tenant, finish)
    return 0


async def _next_keys(unit: UnitOfWork, plan: PlanRow, *, after: SessionKey) -> list[SessionKey]:
    wanted, excepted = replace(plan.wanted, status=None), Many(plan.excepted)
    values = {**values_of(wanted, plan.created_at), "since": plan.open_since}
    names = names_of(wanted)
    if excepted:
        values["excepted"] = excepted
    found = await unit.all(_find(names, bool(excepted)), **values, after=after, limit=LOOKED_FOR)
    return [row[0] for row in found]


async def _end_some(unit: UnitOfWork, keys: list[SessionKey], *, plan: PlanRow, now: Instant) -> int:
    if plan.open_since is None or plan.applied_by is None:
        raise RuntimeError("a plan that is being carried out says since when, and who applied it")
    locked = await unit.all(LOCK, keys=Many(keys), since=plan.open_since)
    initiator: Any = plan.initiated_by
    code: Any = plan.reason_code
    ending = Ending(plan.applied_by, plan.reason, code, initiator)
    await session_revocation.revoke_since(
        unit, [row[0] for row in locked], since=plan.open_since, now=now, ending=ending
    )
    await revocation_plans.advance(unit, plan.id, count=len(locked))
    if plan.trusted_devices == "forget":
        for user_id, fingerprint in sorted({(row[2], row[3]) for row in locked if row[3] is not None}):
            await trusted_devices.untrust(unit, fingerprint, user_id=user_id, now=now)
    return len(locked)
