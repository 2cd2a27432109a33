"""`sojourn plan`: how many sessions fit some filters, and the end of exactly those."""

import asyncio
import json
from typing import Any

import click

from sojourn.cli import listing
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import TenantParameter, ask, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.session_filters import filtered_in_any_state
from sojourn.cli.session_walk import known_tenant
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.errors import PlanDrifted
from sojourn.domain.ids import SessionKey, TenantId, first_uuid7, session_key, uuid7
from sojourn.domain.plans import GOOD_FOR, KEPT_AFTER, RECENT, is_good, require_no_drift
from sojourn.domain.values import Tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.plans import plan_id as shown_id
from sojourn.handlers.views.plans import plan_key, revocation, revocation_plan
from sojourn.storage.database import Database
from sojourn.storage.queries import revocation_plans, sign_ins
from sojourn.storage.queries.revocation_plans import Devices, NewPlan, PlanRow
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork

LOOK_SECONDS = 0.5
"""How often `watch` looks."""
EXCEPTIONS = 100
"""How many sessions a plan excepts at most, as in the contract."""
_GROUPS = ("by_app", "by_country", "by_device_type")

of_tenant = click.option(
    "--tenant", "tenant_id", type=TenantParameter(), required=True, metavar="T", help="The tenant whose sessions."
)
as_object = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")


@click.group()
def plan() -> None:
    """See how many sessions fit some filters, then end exactly those, as with `/admin/revocation-plans`.

    A plan concerns active and suspended sessions, and is good for an hour.
    """


@plan.command()
@of_tenant
@filtered_in_any_state
@click.option("--everything", is_flag=True, help="Every session of the tenant: instead of filters.")
@click.option("--except", "excepted", multiple=True, metavar="ID", help="A session that never ends. Repeatable.")
@click.option(
    "--trusted-devices",
    type=click.Choice(("keep", "forget")),
    default="keep",
    show_default=True,
    help="Whether users go on trusting the devices on which the sessions run.",
)
@click.option("--reason", required=True, metavar="R", help="Kept with each session.")
@click.option(
    "--reason-code",
    type=click.Choice(("plan", "credential_change", "account_disabled", "unspecified")),
    default="plan",
    show_default=True,
    help="Kept with each session as its reason_code.",
)
@as_object
@database_url
def create(
    tenant_id: TenantId,
    *,
    wanted: SessionFilter,
    everything: bool,
    excepted: tuple[str, ...],
    trusted_devices: Devices,
    reason: str,
    reason_code: str,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Count the sessions that fit, and keep that as a plan. Nothing ends yet."""
    if bool(wanted.given()) == everything:
        raise click.UsageError("say which sessions: by filters, or all of the tenant with --everything")
    if not reason.strip() or len(reason) > 255 or not reason.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--reason")
    keys = tuple(dict.fromkeys(map(_session, excepted)))
    if len(keys) > EXCEPTIONS:
        raise click.BadParameter(f"a plan excepts at most {EXCEPTIONS} sessions", param_hint="--except")
    settings = existing_database(settings_from(database_url=database_url))
    now, trail = utc_now(), Trail(settings)
    new = NewPlan(
        id=uuid7(now),
        created_at=to_text(now),
        expires_at=to_text(now + GOOD_FOR),
        kept_until=to_text(now + GOOD_FOR + KEPT_AFTER),
        wanted=wanted,
        excepted=keys,
        trusted_devices=trusted_devices,
        reason=reason,
        reason_code=reason_code,
    )

    async def make(database: Database) -> View:
        tenant = await known_tenant(database, tenant_id)
        numbers = await database.read_long(
            tenant, lambda unit: revocation_plans.count(unit, wanted, excepted=keys, now=new.created_at)
        )

        async def keep(unit: SystemUnit) -> None:
            await revocation_plans.add(unit.of(tenant), new, numbers=numbers)
            after = {"sessions": numbers.sessions}
            await trail.append(unit, "plan.created", target=shown_id(new.id), of_tenants=[tenant_id], after=after)

        await database.write_system(keep)
        return await _view(database, tenant, row=await _found(database, tenant, public_id=shown_id(new.id)))

    view = with_database(settings, make)
    _show(view, as_json=as_json)
    record(settings, "plan.created", tenant=tenant_id, plan_id=view["plan_id"], reason=reason, count=view["sessions"])


@plan.command()
@click.argument("plan_id", metavar="ID")
@of_tenant
@as_object
@database_url
def show(plan_id: str, tenant_id: TenantId, *, as_json: bool, database_url: str | None) -> None:
    """Show the plan with this ID, as it was counted."""

    async def find(database: Database) -> View:
        tenant = await known_tenant(database, tenant_id)
        return await _view(database, tenant, row=await _found(database, tenant, public_id=plan_id))

    _show(with_database(settings_from(database_url=database_url), find, existing=True), as_json=as_json)


@plan.command()
@click.argument("plan_id", metavar="ID")
@of_tenant
@click.option(
    "--max-sessions",
    type=click.IntRange(0),
    metavar="N",
    help="The most sessions that may end. Without: as many as the plan counted.",
)
@click.option("--yes", "agreed", is_flag=True, help="Do it without asking.")
@as_object
@database_url
def apply(
    plan_id: str,
    tenant_id: TenantId,
    *,
    max_sessions: int | None,
    agreed: bool,
    as_json: bool,
    database_url: str | None,
) -> None:
    """End the sessions that fit the plan with this ID now. From then on, all of their tokens are refused.

    If more fit than may end, nothing ends. The rows end one after the other, by the servers that run: see
    `sojourn plan watch`. A plan that was applied before is not applied again.
    """
    settings = existing_database(settings_from(database_url=database_url))
    trail = Trail(settings)

    async def find(database: Database) -> PlanRow:
        return await _found(database, await known_tenant(database, tenant_id), public_id=plan_id)

    row = with_database(settings, find)
    most = row.counted.sessions if max_sessions is None else max_sessions
    if row.applied_at is None and not agreed:
        ask(f"End up to {most:,} sessions of the tenant {tenant_id}?")
    was_applied, done = with_database(
        settings, lambda database: _apply(database, trail, row=row, of=Tenant(tenant_id), most=most)
    )
    if as_json:
        click.echo(json.dumps(revocation(done), indent=2))
    else:
        click.echo(
            f"{done.matched or 0:,} sessions are revoked{'' if was_applied else ', since ' + str(done.applied_at)}"
        )
    if was_applied:
        record(settings, "plan.applied", tenant=tenant_id, plan_id=plan_id, count=done.matched)


@plan.command()
@click.argument("plan_id", metavar="ID")
@of_tenant
@click.option("--seconds", type=click.IntRange(0), metavar="N", help="No longer than this. Without: until it is done.")
@as_object
@database_url
def watch(plan_id: str, tenant_id: TenantId, *, seconds: int | None, as_json: bool, database_url: str | None) -> None:
    """Say how many rows of an applied plan have ended, until it is all of them.

    The exit status is 1 when some are left. Their tokens are refused all the same.
    """

    async def follow(database: Database) -> View:
        tenant, last = await known_tenant(database, tenant_id), ""
        time = asyncio.get_running_loop().time
        ends = None if seconds is None else time() + seconds
        while True:
            row = await _found(database, tenant, public_id=plan_id)
            if row.applied_at is None:
                raise click.ClickException(f"{plan_id} was not applied; see `sojourn plan apply`")
            view = revocation(row)
            told = f"{view['ended']:,} ended, {view['remaining']:,} left"
            if not as_json and told != last:
                click.echo(told)
            if row.finished_at is not None or (ends is not None and time() >= ends):
                return view
            last = told
            await asyncio.sleep(LOOK_SECONDS)

    view = with_database(settings_from(database_url=database_url), follow, existing=True)
    if as_json:
        click.echo(json.dumps(view, indent=2))
    if view["remaining"]:
        raise click.exceptions.Exit(1)


async def _apply(database: Database, trail: Trail, *, row: PlanRow, of: Tenant, most: int) -> tuple[bool, PlanRow]:
    """Apply a plan that was not applied yet; whether it was applied by this, and what it says then.

    All but the youngest sessions are counted before sign-ins are stopped. Raises ClickException when more fit.
    """
    edge = SessionKey(first_uuid7(to_text(utc_now() - RECENT)))
    older = 0
    if row.applied_at is None:
        older = await database.read_long(
            of, lambda unit: revocation_plans.count_before(unit, row, edge=edge, now=to_text(utc_now()))
        )

    async def begin(system: SystemUnit) -> bool:
        unit: UnitOfWork = system.of(of)
        await sign_ins.stop(unit)
        now = to_text(utc_now())
        known = await revocation_plans.get(unit, row.id)
        if known is None or known.applied_at is not None:
            return False
        matched = older + await revocation_plans.count_since(unit, row, edge=edge, now=now)
        require_no_drift(matched, planned=row.counted.sessions, max_sessions=most)
        facts: dict[str, Any] = {"since": now, "by": "operator", "initiated_by": "system", "matched": matched}
        await revocation_plans.begin(unit, row.id, **facts)
        await trail.append(
            system, "plan.applied", target=shown_id(row.id), of_tenants=[of.id], after={"sessions": matched}
        )
        return True

    try:
        was_applied = await database.write_system(begin)
    except PlanDrifted as error:
        fit = error.params["sessions"]
        raise click.ClickException(
            f"{fit:,} sessions fit now and {most:,} may end, so none ended; to end them, add --max-sessions {fit}"
        ) from None
    return was_applied, await _found(database, of, public_id=shown_id(row.id))


async def _found(database: Database, tenant: Tenant, *, public_id: str) -> PlanRow:
    """A plan that can be looked at. Raises ClickException."""
    key = plan_key(public_id)
    row = None if key is None else await database.read(tenant, lambda unit: revocation_plans.get(unit, key))
    if row is None:
        raise click.ClickException(f"the tenant {tenant.id} has no plan {public_id}; see `sojourn plan create`")
    if not is_good(row.applied_at, row.expires_at, now=to_text(utc_now())):
        raise click.ClickException(f"{public_id} expired at {row.expires_at}; make another with `sojourn plan create`")
    return row


async def _view(database: Database, tenant: Tenant, *, row: PlanRow) -> View:
    sample = await database.read(tenant, lambda unit: revocation_plans.shown_sample(unit, row.counted.sample))
    return revocation_plan(row, sample, now=to_text(utc_now()))


def _show(view: View, *, as_json: bool) -> None:
    """A plan as JSON, or as people read it: the numbers, and the shares of each with the most first."""
    if as_json:
        click.echo(json.dumps(view, ensure_ascii=False, indent=2))
        return
    rows = [{"what": name, "of": "", "sessions": view[name]} for name in ("sessions", "users")]
    for group in _GROUPS:
        shares = sorted(view[group].items(), key=lambda share: -share[1])
        rows += [{"what": group, "of": name, "sessions": number} for name, number in shares]
    click.echo(f"{view['plan_id']}  until {view['expires_at']}")
    listing.show(rows, columns=("what", "of", "sessions"), none_yet="", as_json=False)


def _session(public_id: str) -> SessionKey:
    key = session_key(public_id)
    if key is None:
        raise click.BadParameter(
            f"{public_id!r} is not the id of a session, which begins with sess_", param_hint="--except"
        )
    return key
