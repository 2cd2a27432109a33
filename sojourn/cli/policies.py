"""`sojourn policy`: a tenant's own rules of sessions."""

import json
from datetime import timedelta
from typing import Any, NamedTuple, get_args

import click

from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import Duration, TenantParameter, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.durations import format_duration
from sojourn.domain.ids import TenantId
from sojourn.domain.policy_simulations import known_since
from sojourn.domain.session_binding import NO_BINDING, Bind, Binding
from sojourn.domain.session_policies import (
    LONGEST_TIMEOUT,
    MOST_SESSIONS,
    NO_TIMEOUTS,
    SHORTEST_TIMEOUT,
    OnLimit,
    OwnTimeouts,
    Per,
    SessionLimit,
    SessionPolicy,
    in_milliseconds,
)
from sojourn.domain.values import Tenant
from sojourn.handlers.views.policies import session_policy, session_policy_simulation
from sojourn.storage.database import Database
from sojourn.storage.queries import policy_simulations, session_policies, tenants
from sojourn.storage.queries.policy_simulations import Simulated
from sojourn.storage.unit_of_work import SystemUnit, UnitOfWork


class Timeout(Duration):
    """A time-out that a tenant may have, in whole milliseconds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration that was written; fails with one sentence."""
        span = super().convert(value, param, ctx)
        if not SHORTEST_TIMEOUT <= span <= LONGEST_TIMEOUT:
            bounds = f"{format_duration(SHORTEST_TIMEOUT)} to {format_duration(LONGEST_TIMEOUT)}"
            self.fail(f"{value!r} is not in the range {bounds}", param, ctx)
        return in_milliseconds(span)


of_tenant = click.option("--tenant", type=TenantParameter(), metavar="T", required=True, help="The tenant.")
as_object = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
max_sessions = click.option(
    "--max-sessions",
    type=click.IntRange(1, MOST_SESSIONS),
    metavar="N",
    help="How many sessions may be open at once, suspended ones included. Without: as many as the service allows.",
)
per = click.option(
    "--per", type=click.Choice(get_args(Per)), default="user", show_default=True, help="What is counted together."
)
on_limit = click.option(
    "--on-limit",
    type=click.Choice(get_args(OnLimit)),
    default="end_idlest",
    show_default=True,
    help="What a sign-in above the limit does: it is refused, or ends the oldest or the idlest session.",
)
bind_country = click.option(
    "--bind-country",
    type=click.Choice(get_args(Bind)),
    help="What happens if a session is used from another country than it was created in.",
)
bind_asn = click.option(
    "--bind-asn",
    type=click.Choice(get_args(Bind)),
    help="What happens if a session is used from another network operator than it was created with.",
)
idle_timeout = click.option(
    "--idle-timeout", type=Timeout(), help="How long a session lasts without activity, such as `30m`."
)
absolute_timeout = click.option(
    "--absolute-timeout", type=Timeout(), help="How long a session lasts at most, such as `8h`."
)


class Rules(NamedTuple):
    """What a tenant's policy shall be."""

    limit: SessionLimit | None
    timeouts: OwnTimeouts
    binding: Binding


NO_RULES = Rules(None, NO_TIMEOUTS, NO_BINDING)


@click.group()
def policy() -> None:
    """Show, try out, set or clear a tenant's own rules for its sessions.

    Administrators do the same with `/admin/policies/sessions`.
    """


@policy.command()
@of_tenant
@as_object
@database_url
def show(tenant: TenantId, *, as_json: bool, database_url: str | None) -> None:
    """Print the rules of the tenant."""

    async def find(unit: UnitOfWork) -> SessionPolicy | None:
        return await session_policies.get(unit) if await tenants.exists(unit) else None

    async def read(database: Database) -> SessionPolicy | None:
        return await database.read(Tenant(tenant), find)

    found = with_database(settings_from(database_url=database_url), read, existing=True)
    if found is None:
        raise _no_tenant(tenant)
    _show(found, as_json=as_json)


@policy.command("set")
@of_tenant
@max_sessions
@per
@on_limit
@idle_timeout
@absolute_timeout
@bind_country
@bind_asn
@as_object
@database_url
def set_(
    tenant: TenantId,
    *,
    max_sessions: int | None,
    per: Per,
    on_limit: OnLimit,
    idle_timeout: timedelta | None,
    absolute_timeout: timedelta | None,
    bind_country: Bind | None,
    bind_asn: Bind | None,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Replace the rules of the tenant as a whole: what is left out is no rule.

    A limit holds from the next sign-in on, a binding from the next use of a session on. A time-out that becomes shorter
    ends at once what has lasted longer. The service's own time-outs hold where they are shorter.
    """
    limit = None if max_sessions is None else SessionLimit(max_sessions, per, on_limit)
    binding = Binding(asn=bind_asn, country=bind_country)
    wanted = _some(Rules(limit, OwnTimeouts(idle_timeout, absolute_timeout), binding))
    _show(_changed(tenant, wanted, database_url=database_url), as_json=as_json)


@policy.command()
@of_tenant
@max_sessions
@per
@on_limit
@idle_timeout
@absolute_timeout
@bind_country
@bind_asn
@as_object
@database_url
def simulate(
    tenant: TenantId,
    *,
    max_sessions: int | None,
    per: Per,
    on_limit: OnLimit,
    idle_timeout: timedelta | None,
    absolute_timeout: timedelta | None,
    bind_country: Bind | None,
    bind_asn: Bind | None,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Print what rules would do if they were set. Nothing changes and no session ends.

    A binding may be given, and is counted nowhere: it acts when a session is used, so it ends none now.
    """
    settings = settings_from(database_url=database_url)
    limit = None if max_sessions is None else SessionLimit(max_sessions, per, on_limit)
    binding = Binding(asn=bind_asn, country=bind_country)
    rules = _some(Rules(limit, OwnTimeouts(idle_timeout, absolute_timeout), binding))
    now = utc_now()
    since = known_since(now, retention=settings.session_retention)

    async def find(unit: UnitOfWork) -> Simulated | None:
        if not await tenants.exists(unit):
            return None
        return await policy_simulations.simulate(
            unit, rules.limit, timeouts=rules.timeouts, since=since, now=to_text(now)
        )

    async def read(database: Database) -> Simulated | None:
        return await database.read_long(Tenant(tenant), find)

    found = with_database(settings, read, existing=True)
    if found is None:
        raise _no_tenant(tenant)
    foretold = found.foretold
    if as_json:
        view = session_policy_simulation(foretold, is_complete=found.is_complete, since=since, now=to_text(now))
        click.echo(json.dumps(view))
        return
    by_rule = f"idle timeout {foretold.idle}, absolute timeout {foretold.absolute}, max sessions {foretold.above}"
    click.echo(f"would end now: {foretold.ends} sessions of {foretold.users_with_ends} users ({by_rule})")
    click.echo(f"would have denied since {since}: {foretold.denied} sign-ins of {foretold.users_denied} users")
    click.echo(f"would have ended for other sign-ins since then: {foretold.ended_for_others} sessions")
    more = "" if found.is_complete else "; there are more"
    click.echo(f"looked at: {foretold.sessions} sessions of {foretold.users} users{more}")


@policy.command()
@of_tenant
@as_object
@database_url
def clear(tenant: TenantId, *, as_json: bool, database_url: str | None) -> None:
    """Take away every rule of the tenant. The settings of the service still apply."""
    _show(_changed(tenant, NO_RULES, database_url=database_url), as_json=as_json)


def _some(rules: Rules) -> Rules:
    """Rules that are at least one. Raises UsageError."""
    if rules == NO_RULES:
        raise click.UsageError("give a rule, such as --max-sessions")
    return rules


def _changed(tenant: TenantId, wanted: Rules, *, database_url: str | None) -> SessionPolicy:
    """Change the rules of a tenant and record it. Raises ClickException where there is no such tenant."""
    settings = existing_database(settings_from(database_url=database_url))
    trail = Trail(settings)
    action = "session_policy.cleared" if wanted == NO_RULES else "session_policy.set"

    async def work(unit: SystemUnit) -> SessionPolicy:
        own = unit.of(Tenant(tenant))
        if not await tenants.exists(own):
            raise _no_tenant(tenant)
        before = await session_policies.get_alone(own)
        now = to_text(utc_now())
        after = await session_policies.change(
            own,
            before,
            limit=wanted.limit,
            timeouts=wanted.timeouts,
            binding=wanted.binding,
            now=now,
            by="operator",
            initiated_by="system",
        )
        was, is_now = session_policy(before), session_policy(after)
        await trail.append(unit, action, of_tenants=[tenant], before=was, after=is_now)
        return after

    async def change(database: Database) -> SessionPolicy:
        return await database.write_system(work)

    after = with_database(settings, change, existing=True)
    record(settings, action, tenant=tenant, version=after.version)
    return after


def _show(found: SessionPolicy, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(session_policy(found)))
        return
    limit, (idle, absolute) = found.max_sessions, found.timeouts
    rules = [] if limit is None else [f"max sessions {limit.most} per {limit.per}, on limit {limit.on_limit}"]
    rules += [] if idle is None else [f"idle timeout {format_duration(idle)}"]
    rules += [] if absolute is None else [f"absolute timeout {format_duration(absolute)}"]
    rules += [f"bind {name} {rule}" for name, rule in found.binding._asdict().items() if rule is not None]
    click.echo(f"version {found.version}: {'; '.join(rules) or 'no rules'}")


def _no_tenant(tenant: TenantId) -> click.ClickException:
    return click.ClickException(f"there is no tenant {tenant}; see `sojourn tenant list`")
