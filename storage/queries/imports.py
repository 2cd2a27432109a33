"""Sessions of another system: those that were taken before, those whose user was ended since, and the rest written.

What was taken is remembered like a provider's token that vouched: until the session's absolute deadline, after which
its line is over anyway.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from sqlalchemy import bindparam, literal_column, select

from sojourn.domain.clock import Instant, from_text, to_text
from sojourn.domain.endings import LIMIT
from sojourn.domain.errors import TenantNotFound
from sojourn.domain.ids import erased_user
from sojourn.domain.session_policies import OwnTimeouts
from sojourn.storage.queries import (
    events,
    session_limit,
    session_policies,
    sessions,
    sign_ins,
    statistics,
    tenants,
    users,
)
from sojourn.storage.queries.session_rows import NewSession
from sojourn.storage.queries.sign_ins import SIGN_IN
from sojourn.storage.queries.token_records import EVERYBODY
from sojourn.storage.schema.sql_functions import is_among
from sojourn.storage.schema.token_tables import NotBeforeTable, PresentedTokenTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

_P = PresentedTokenTable.__table__
_N = NotBeforeTable.__table__
_TENANT: Any = bindparam("tenant")

Verdict = Literal["new", "over_limit", "taken_before", "sign_in_superseded"]
NEW = frozenset({"new", "over_limit"})
"""What is taken: a session that its tenant's limit would not let begin has begun elsewhere all the same."""

TAKEN = Statement(
    select(_P.c.token_hash).where(_P.c.tenant_id == _TENANT, is_among(_P.c.token_hash, bindparam("hashes")))
)
ENDED = Statement(
    select(_N.c.user_id, _N.c.issued_until).where(
        _N.c.tenant_id == _TENANT,
        is_among(_N.c.user_id, bindparam("users")),
        _N.c.token_type == literal_column(f"'{SIGN_IN}'"),
    )
)


class Import(NamedTuple):
    """A session to be taken, and the hash under which that is remembered (`sojourn.domain.imports.identity_of`)."""

    hash: str
    session: NewSession


class Bounds(NamedTuple):
    """At most so many live sessions of a user and tenants made on first use; whether tenants are made by hand."""

    sessions_per_user: int
    tenants: int
    tenants_provisioned: bool


async def judge(unit: UnitOfWork, found: list[Import], *, now: Instant) -> list[Verdict]:
    """For each of some sessions whether it is new, was taken before, or began before its user was ended.

    A new one is `over_limit` where the tenant's policy allows the user fewer sessions.
    """
    taken = {row[0] for row in await unit.all(TAKEN, hashes=Many(one.hash for one in found))}
    names = {one.session.user_id: erased_user(unit.tenant.id, one.session.user_id) for one in found}
    ended = {row[0]: row[1] for row in await unit.all(ENDED, users=Many([EVERYBODY, *names.keys(), *names.values()]))}
    room = await session_policies.room(unit, names, now=now)
    verdicts: list[Verdict] = []
    for one in found:
        user, session = one.session.user_id, one.session
        until = max(ended.get(name, "") for name in (EVERYBODY, user, names[user]))
        if one.hash in taken:
            verdicts.append("taken_before")
        elif min(session.created_at, session.authenticated_at) <= until:
            verdicts.append("sign_in_superseded")
        else:
            fits = room is None or room.take(user, session.app_id)
            verdicts.append("new" if fits else "over_limit")
            taken.add(one.hash)
    return verdicts


async def take(unit: UnitOfWork, found: list[Import], *, now: Instant, bounds: Bounds) -> list[Verdict]:
    """Write those of some sessions that are new; what was found of each.

    A user with more sessions than the service allows keeps those used last. The limit of a tenant ends none of them: it
    is one of sign-ins, and holds from the next one on. The tenant's own time-outs hold; a session that they end before
    `now` ends now. Ends of the users wait for this, or come first. Raises TenantNotFound, TenantLimitReached.
    """
    if bounds.tenants_provisioned and not await tenants.exists(unit):
        raise TenantNotFound()
    await tenants.ensure(unit, now, limit=bounds.tenants)
    await unit.alone(f"import {unit.tenant.id}")
    people = sorted({one.session.user_id for one in found})
    await sign_ins.begin_many(unit, people)
    verdicts = await judge(unit, found, now=now)
    new = [one for one, verdict in zip(found, verdicts, strict=True) if verdict in NEW]
    if new:
        own = (await session_policies.get(unit)).timeouts
        await _write(unit, new, own=own, now=now)
        await _hold_limit(unit, people, now=now, limit=bounds.sessions_per_user)
    return verdicts


async def _write(unit: UnitOfWork, new: list[Import], *, own: OwnTimeouts, now: Instant) -> None:
    await unit.run_many(sign_ins.PRESENT, [{"hash": one.hash, "until": one.session.expires_at} for one in new])
    await users.ensure_many(unit, sorted({one.session.user_id for one in new}), now=now)
    rows = [sessions.insert_values(_held_to(own, one.session, now=now)) for one in new]
    await unit.run_many(sessions.INSERT, rows)
    await events.tell_begun(unit, rows, at=now)
    counted = Counter(one.session.device_type or statistics.UNKNOWN_DEVICE for one in new)
    for device_type in sorted(counted):
        await statistics.count_created(unit, device_type, by=counted[device_type])
    unit.tell("created", times=len(new))


async def _hold_limit(unit: UnitOfWork, people: list[str], *, now: Instant, limit: int) -> None:
    active = await sessions.count_active_of_users(unit, people, now=now)
    for user in people:
        if session_limit.is_near(active.get(user, 0), limit):
            await session_limit.end_idlest(unit, user, limit=limit + 1, now=now, ending=LIMIT)


def _held_to(own: OwnTimeouts, session: NewSession, *, now: Instant) -> NewSession:
    """A session with deadlines as the tenant's own time-outs allow, none of them moved before `now`."""
    ends = [session.expires_at, session.idle_expires_at]
    if own.absolute is not None:
        ends[0] = min(ends[0], max(now, to_text(from_text(session.created_at) + own.absolute)))
    if own.idle is not None:
        ends[1] = min(ends[1], max(now, to_text(from_text(session.last_active_at) + own.idle)))
    return replace(session, expires_at=ends[0], idle_expires_at=min(ends))
