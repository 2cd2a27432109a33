"""Revocation plans: counted by the filters of lists, kept, and applied.

A plan that was applied refuses the tokens of its sessions at once (`sojourn.storage.queries.open_revocations`); their
rows end later, some at a time (`sojourn.storage.upkeep.revoking`).
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, not_, null, select, update
from sqlalchemy.dialects.postgresql import insert

from sojourn.domain.breakdowns import largest
from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId
from sojourn.domain.places import country_of
from sojourn.storage.queries import sessions
from sojourn.storage.queries.feed import LiveRow, ends_not_told
from sojourn.storage.queries.filter_conditions import FACTS, TIMES
from sojourn.storage.queries.open_revocations import FACTS_OF_END, being_revoked
from sojourn.storage.queries.session_ends import LAST_ACCESS_TOKEN_EVER
from sojourn.storage.queries.session_filters import CONDITIONS, SessionFilter, names_of, values_of
from sojourn.storage.queries.session_rows import COLUMNS, SessionRow
from sojourn.storage.queries.session_states import OPEN as OPEN_ONES
from sojourn.storage.schema.plan_tables import RevocationPlanTable
from sojourn.storage.schema.sql_functions import is_among, latest
from sojourn.storage.schema.tables import SessionTable
from sojourn.storage.statements import Many, Statement
from sojourn.storage.unit_of_work import UnitOfWork

SAMPLE = 20
"""How many sessions a plan shows."""

_S = SessionTable.__table__
_P = RevocationPlanTable.__table__
_TENANT: Any = bindparam("tenant")
_ONE = and_(_P.c.tenant_id == _TENANT, _P.c.id == bindparam("id"))
_FILTERS = (*FACTS, *TIMES)

Devices = Literal["keep", "forget"]
"""What becomes of trust in the devices on which the sessions run."""


class Numbers(NamedTuple):
    """What a plan would end: sessions, of how many users, by what, and the ids of the newest ones."""

    sessions: int
    users: int
    by_app: dict[str, int]
    by_country: dict[str, int]
    by_device_type: dict[str, int]
    sample: list[SessionKey]


class NewPlan(NamedTuple):
    """A plan to be kept. Instants in text form; `excepted` are ids of sessions that it never ends."""

    id: str
    created_at: Instant
    expires_at: Instant
    kept_until: Instant
    wanted: SessionFilter
    excepted: tuple[SessionKey, ...]
    trusted_devices: Devices
    reason: str
    reason_code: str


class PlanRow(NamedTuple):
    """A plan as it is stored; `numbers`, `filter` and `except_ids` are texts."""

    id: str
    created_at: Instant
    expires_at: Instant
    reason: str
    reason_code: str
    trusted_devices: Devices
    filter: str
    except_ids: str | None
    numbers: str
    applied_at: Instant | None
    applied_by: str | None
    initiated_by: str | None
    open_since: Instant | None
    finished_at: Instant | None
    matched: int | None
    ended: int | None
    remaining: int | None

    @property
    def wanted(self) -> SessionFilter:
        """The filters, as they were given."""
        return SessionFilter(**json.loads(self.filter))

    @property
    def excepted(self) -> tuple[SessionKey, ...]:
        """The sessions that it never ends."""
        return tuple(SessionKey(key) for key in (self.except_ids or "").split(",") if key)

    @property
    def counted(self) -> Numbers:
        """What was counted when it was made."""
        return Numbers(**json.loads(self.numbers))


_ALIVE = select(func.count()).select_from(_S).where(_S.c.tenant_id == _TENANT)
_KEPT = [_P.c[name] for name in PlanRow._fields]
GET = Statement(select(*_KEPT).where(_ONE))
OPEN = Statement(
    select(*_KEPT).where(_P.c.tenant_id == _TENANT, _P.c.open_since.is_not(None)).order_by(_P.c.open_since, _P.c.id)
)
TENANTS = Statement(select(_P.c.tenant_id).distinct().where(_P.c.open_since.is_not(None)))
"""Those with plans that are being carried out, for a unit of everybody's."""
NOT_TOLD = Statement(
    select(
        _S.c.tenant_id,
        _S.c.id,
        _S.c.user_id,
        FACTS_OF_END["revoked_at"],
        FACTS_OF_END["reason_code"],
        LAST_ACCESS_TOKEN_EVER,
    ).where(_S.c.tenant_id == _TENANT, being_revoked()),
    plans_anew=True,
)
_GIVEN = ("id", "created_at", "expires_at", "kept_until", "reason", "reason_code", "trusted_devices")
_WRITTEN = (*_GIVEN, "filter", "except_ids", "numbers", *_FILTERS)
ADD = Statement(insert(_P).values(tenant_id=_TENANT, **{name: bindparam(name) for name in _WRITTEN}))
BEGIN = Statement(
    update(_P)
    .where(_ONE, _P.c.applied_at.is_(None))
    .values(
        applied_at=bindparam("since"),
        open_since=bindparam("since"),
        applied_by=bindparam("by"),
        initiated_by=bindparam("initiated_by"),
        matched=bindparam("matched"),
        remaining=bindparam("matched"),
        ended=bindparam("nothing"),
    )
)
_ENDED = bindparam("count", type_=_P.c.ended.type)
ADVANCE = Statement(
    update(_P)
    .where(_ONE)
    .values(
        ended=_P.c.ended + _ENDED,
        remaining=latest(_P.c.remaining - _ENDED, literal_column("0")),
    )
)
FINISH = Statement(
    update(_P)
    .where(_ONE, _P.c.open_since.is_not(None))
    .values(
        open_since=null(),
        remaining=literal_column("0"),
        finished_at=bindparam("now"),
        kept_until=bindparam("kept_until"),
    )
)
PURGE = Statement(
    delete(_P).where(_P.c.tenant_id == _TENANT, _P.c.open_since.is_(None), _P.c.kept_until <= bindparam("now"))
)
FORGET_USER = Statement(delete(_P).where(_P.c.tenant_id == _TENANT, _P.c.user_id == bindparam("user_id")))
UNNAME = Statement(
    update(_P)
    .where(_P.c.tenant_id == _TENANT, _P.c.applied_by == bindparam("user_id"))
    .values(applied_by=bindparam("nobody"))
)
AMONG = Statement(
    select(*COLUMNS).where(_S.c.tenant_id == _TENANT, is_among(_S.c.id, bindparam("keys"))).order_by(_S.c.id.desc())
)


class Counts(NamedTuple):
    """The statements that count what fits, for one set of filters."""

    groups: Statement
    users: Statement
    sample: Statement
    before: Statement
    since: Statement


@lru_cache(maxsize=256)
def _counts(names: frozenset[str], *, has_exceptions: bool) -> Counts:
    """The statements for the conditions with these names."""
    fits = [_S.c.tenant_id == _TENANT, _S.c.due_at.is_not(None), OPEN_ONES]
    fits += [CONDITIONS[name] for name in sorted(names)]
    if has_exceptions:
        fits.append(not_(is_among(_S.c.id, bindparam("excepted"))))
    groups = select(_S.c.app_id, _S.c.device_type, _S.c.geoip, func.count()).where(*fits)
    return Counts(
        groups=Statement(groups.group_by(_S.c.app_id, _S.c.device_type, _S.c.geoip), plans_anew=True),
        users=Statement(select(func.count(_S.c.user_id.distinct())).where(*fits), plans_anew=True),
        sample=Statement(
            select(_S.c.id).where(*fits).order_by(_S.c.id.desc()).limit(bindparam("limit")).offset(literal_column("0")),
            plans_anew=True,
        ),
        before=Statement(_ALIVE.where(*fits, _S.c.id < bindparam("edge")), plans_anew=True),
        since=Statement(_ALIVE.where(*fits, _S.c.id >= bindparam("edge")), plans_anew=True),
    )


def _asked(wanted: SessionFilter, excepted: Iterable[SessionKey], *, now: Instant) -> tuple[Counts, dict[str, Any]]:
    """The statements that count the active and suspended sessions that fit, and their values."""
    asked = replace(wanted, status=None)
    but, values = Many(excepted), values_of(asked, now) | {"now": now}
    if but:
        values["excepted"] = but
    return _counts(names_of(asked), has_exceptions=bool(but)), values


async def count(unit: UnitOfWork, wanted: SessionFilter, *, excepted: tuple[SessionKey, ...], now: Instant) -> Numbers:
    """What would end now: active and suspended sessions that fit, but for those excepted. It looks at all of them."""
    statements, values = _asked(wanted, excepted, now=now)
    by_app: Counter[str] = Counter()
    by_country: Counter[str] = Counter()
    by_device_type: Counter[str] = Counter()
    with unit.snapshot():
        for app_id, device_type, place, number in await unit.all(statements.groups, **values):
            by_app[app_id or "unknown"] += number
            by_country[country_of(place) or "unknown"] += number
            by_device_type[device_type or "unknown"] += number
        users: int = await unit.value(statements.users, **values)
        sample = [row[0] for row in await unit.all(statements.sample, **values, limit=SAMPLE)]
    return Numbers(
        sessions=by_app.total(),
        users=users,
        by_app=largest(by_app),
        by_country=largest(by_country),
        by_device_type=largest(by_device_type),
        sample=sample,
    )


async def count_before(unit: UnitOfWork, plan: PlanRow, *, edge: SessionKey, now: Instant) -> int:
    """How many sessions fit a plan now, of those with ids before `edge`."""
    statements, values = _asked(plan.wanted, plan.excepted, now=now)
    number: int = await unit.value(statements.before, **values, edge=edge)
    return number


async def count_since(unit: UnitOfWork, plan: PlanRow, *, edge: SessionKey, now: Instant) -> int:
    """The same of those with the id `edge` or a later one."""
    statements, values = _asked(plan.wanted, plan.excepted, now=now)
    number: int = await unit.value(statements.since, **values, edge=edge)
    return number


async def add(unit: UnitOfWork, plan: NewPlan, *, numbers: Numbers) -> None:
    """Keep a plan with what was counted for it."""
    compared = values_of(plan.wanted, plan.created_at)
    await unit.run(
        ADD,
        **{name: getattr(plan, name) for name in _GIVEN},
        filter=json.dumps(plan.wanted.given()),
        except_ids=f",{','.join(plan.excepted)}," if plan.excepted else None,
        numbers=json.dumps(numbers._asdict()),
        **{name: compared.get(name) for name in _FILTERS},
    )


async def get(unit: UnitOfWork, key: str) -> PlanRow | None:
    """A plan in any state, or None."""
    row = await unit.one(GET, id=key)
    return None if row is None else PlanRow._make(row)


async def shown_sample(unit: UnitOfWork, keys: list[SessionKey]) -> list[SessionRow]:
    """The sessions of a plan's sample that are still kept, newest first."""
    return sessions.shown(unit, await unit.all(AMONG, keys=Many(keys)))


async def begin(unit: UnitOfWork, key: str, *, since: Instant, by: str, initiated_by: str, matched: int) -> bool:
    """Apply a plan: from the commit on, its sessions are revoked `since`; False when it was applied before."""
    facts = {"since": since, "by": by, "initiated_by": initiated_by, "matched": matched, "nothing": 0}
    return await unit.run(BEGIN, id=key, **facts) == 1


async def open_ones(unit: UnitOfWork) -> list[PlanRow]:
    """The tenant's plans that are being carried out, in the order in which they were applied."""
    return [PlanRow._make(row) for row in await unit.all(OPEN)]


async def tenants_with_open_ones(unit: UnitOfWork) -> list[TenantId]:
    """The tenants whose plans are being carried out; the unit is everybody's."""
    return [TenantId(row[0]) for row in await unit.all(TENANTS)]


async def not_told(unit: UnitOfWork, *, number: int, instant: Instant) -> list[LiveRow]:
    """The tenant's sessions that are revoked and whose end was not told yet, as if it had been told under a number.

    Those are left out that have no tokens good after `instant`.
    """
    return ends_not_told(await unit.all(NOT_TOLD), number=number, instant=instant)


async def advance(unit: UnitOfWork, key: str, *, count: int) -> None:
    """So many more rows have ended."""
    await unit.run(ADVANCE, id=key, count=count)


async def finish(unit: UnitOfWork, key: str, *, now: Instant, kept_until: Instant) -> None:
    """Every row has ended."""
    await unit.run(FINISH, id=key, now=now, kept_until=kept_until)


async def purge(unit: UnitOfWork, now: Instant) -> int:
    """Forget plans that are kept no longer; how many went."""
    return await unit.run(PURGE, now=now)


async def forget_user(unit: UnitOfWork, user_id: str, *, nobody: str) -> None:
    """Forget the plans that are about one user, and that this user applied any."""
    await unit.run(FORGET_USER, user_id=user_id)
    await unit.run(UNNAME, user_id=user_id, nobody=nobody)
