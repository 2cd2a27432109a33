"""Plans: administrators say which sessions are to end, see how many that are, and end exactly those."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sojourn.domain.clock import Instant, read_instant, to_text
from sojourn.domain.errors import PlanExpired, PlanNotFound, RevocationNotFound, ValidationFailed, Violation
from sojourn.domain.ids import SessionKey, first_uuid7, session_key, uuid7
from sojourn.domain.plans import GOOD_FOR, KEPT_AFTER, RECENT, is_good, require_no_drift
from sojourn.handlers import auditing
from sojourn.handlers.context import Context, prepared_by
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.plans import plan_id, plan_key, revocation, revocation_at_first, revocation_key
from sojourn.handlers.views.plans import revocation_plan as plan_view
from sojourn.storage.queries import revocation_plans, sign_ins
from sojourn.storage.queries.revocation_plans import NewPlan, Numbers, PlanRow
from sojourn.storage.queries.session_filters import SessionFilter

_INSTANTS = ("auth_time_before", "created_after", "created_before", "active_after", "active_before")
_MILLISECOND = timedelta(milliseconds=1)


class Planned(NamedTuple):
    """What was counted, and when."""

    wanted: SessionFilter
    excepted: tuple[SessionKey, ...]
    numbers: Numbers
    now: datetime


class Counted(NamedTuple):
    """How many sessions with an id before `edge` fit a plan."""

    number: int
    edge: SessionKey


async def _count_plan(ctx: Context, body: dict[str, Any]) -> Planned:
    """Count what a plan would end. Raises ValidationFailed for a filter of everything by mistake, TenantNotFound."""
    await require_tenant(ctx)
    given, is_everything = body["filter"], "everything" in body
    if is_everything and given:
        raise ValidationFailed([Violation("everything", "not_beside", {"other": f"filter.{min(given)}"}, True)])
    if not is_everything and not given:
        raise ValidationFailed([Violation("everything", "required")])
    values: dict[str, Any] = {
        name: to_text(read_instant(value)) if name in _INSTANTS else value for name, value in given.items()
    }
    wanted = SessionFilter(**values)
    keys = map(session_key, body.get("except_session_ids", ()))
    excepted = tuple(key for key in keys if key is not None)
    numbers = await revocation_plans.count(ctx.db, wanted, excepted=excepted, now=ctx.now_text)
    return Planned(wanted, excepted, numbers, ctx.now)


@prepared_by(_count_plan)
async def create_revocation_plan(ctx: Context, body: dict[str, Any]) -> View:
    """Keep a plan with what was counted for it. Raises ValidationFailed, TenantNotFound."""
    planned: Planned = ctx.prepared
    expires = planned.now + GOOD_FOR
    plan = NewPlan(
        id=uuid7(planned.now),
        created_at=to_text(planned.now),
        expires_at=to_text(expires),
        kept_until=to_text(expires + KEPT_AFTER),
        wanted=planned.wanted,
        excepted=planned.excepted,
        trusted_devices=body.get("trusted_devices", "keep"),
        reason=body["reason"],
        reason_code=body.get("reason_code", "plan"),
    )
    await revocation_plans.add(ctx.db, plan, numbers=planned.numbers)
    view = await _shown(ctx, await _plan(ctx, plan_id(plan.id)))
    await auditing.record(ctx, "plan.created", target=plan_id(plan.id), after={"sessions": planned.numbers.sessions})
    return view


async def get_revocation_plan(ctx: Context, plan_id: str) -> View:
    """A plan as it was made. Raises PlanNotFound, PlanExpired."""
    row = await _plan(ctx, plan_id)
    if not is_good(row.applied_at, row.expires_at, now=ctx.now_text):
        raise PlanExpired()
    return await _shown(ctx, row)


async def _count_most(ctx: Context, plan_id: str, *, body: dict[str, Any] | None) -> Counted:
    """Count all but the youngest sessions that fit a plan. Raises PlanNotFound, PlanExpired."""
    row = await _plan(ctx, plan_id)
    edge = SessionKey(first_uuid7(to_text(ctx.now - RECENT)))
    if row.applied_at is not None:
        return Counted(0, edge)
    if not is_good(row.applied_at, row.expires_at, now=ctx.now_text):
        raise PlanExpired()
    return Counted(await revocation_plans.count_before(ctx.db, row, edge=edge, now=ctx.now_text), edge)


@prepared_by(_count_most)
async def apply_revocation_plan(ctx: Context, plan_id: str, *, body: dict[str, Any] | None) -> View:
    """Revoke what fits a plan now, once. Raises PlanNotFound, PlanExpired, PlanDrifted.

    Sign-ins under way are waited for, and no other begins meanwhile: the plan is dated after the former and, by the
    response at the latest, before the latter.
    """
    counted: Counted = ctx.prepared
    await sign_ins.stop(ctx.db)
    row = await _plan(ctx, plan_id)
    if row.applied_at is None:
        now = ctx.service.clock()
        recent = await revocation_plans.count_since(ctx.db, row, edge=counted.edge, now=to_text(now))
        await _begin(ctx, row, matched=counted.number + recent, most=(body or {}).get("max_sessions"), now=to_text(now))
        row = await _plan(ctx, plan_id)
        await auditing.record(ctx, "plan.applied", target=plan_id, after={"sessions": row.matched})
    ctx.db.after_commit(partial(_tell, ctx))
    return revocation_at_first(row)


async def get_revocation(ctx: Context, revocation_id: str) -> View:
    """How far a plan is carried out. Raises RevocationNotFound."""
    key = revocation_key(revocation_id)
    row = None if key is None else await revocation_plans.get(ctx.db, key)
    if row is None or row.applied_at is None:
        raise RevocationNotFound()
    return revocation(row)


async def _begin(ctx: Context, row: PlanRow, *, matched: int, most: int | None, now: Instant) -> None:
    require_no_drift(matched, planned=row.counted.sessions, max_sessions=most)
    await revocation_plans.begin(ctx.db, row.id, since=now, by=ctx.caller.id, initiated_by="admin", matched=matched)


async def _tell(ctx: Context) -> None:
    """Once it is in force: the rows may end now. The response comes after the plan's instant, not at it."""
    ctx.service.revoking.look(ctx.tenant)
    await asyncio.sleep(_MILLISECOND.total_seconds())


async def _plan(ctx: Context, public_id: str) -> PlanRow:
    key = plan_key(public_id)
    row = None if key is None else await revocation_plans.get(ctx.db, key)
    if row is None:
        raise PlanNotFound()
    return row


async def _shown(ctx: Context, row: PlanRow) -> View:
    sample = await revocation_plans.shown_sample(ctx.db, row.counted.sample)
    return plan_view(row, sample, now=ctx.now_text)
