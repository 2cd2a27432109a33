"""`sojourn session`: finds sessions, shows, ends and exports them."""

import json
import sys
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO, get_args

import click
from click._termui_impl import ProgressBar

from sojourn.cli import listing
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import TenantParameter, ask, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.session_export import FORMATS
from sojourn.cli.session_filters import filtered
from sojourn.cli.session_walk import known_tenant, sessions_of, steps_of
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.endings import Ending, ReasonCode
from sojourn.domain.ids import SessionKey, TenantId, session_id, session_key
from sojourn.domain.values import Tenant
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.sessions import session_record
from sojourn.storage.database import Database
from sojourn.storage.queries import session_revocation, sessions
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.session_search import Sort
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.housekeeping import all_tenants

AT_ONCE = 500
"""How many sessions one transaction ends."""

of_tenant = click.option(
    "--tenant", "tenant_id", type=TenantParameter(), required=True, metavar="T", help="The tenant whose sessions."
)


@click.group()
def session() -> None:
    """Find the sessions of a tenant by filters, show one, end some, export all that fit.

    A session must fit every filter that is given, as with `GET /admin/sessions`.
    """


@session.command("list")
@of_tenant
@filtered
@click.option(
    "--sort", metavar="S", default="-created_at", show_default=True, help="Or `created_at`, `-last_active_at`."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N", help="At most.")
@listing.as_json
@database_url
def list_(
    tenant_id: TenantId, wanted: SessionFilter, *, sort: Sort, limit: int, as_json: bool, database_url: str | None
) -> None:
    """List sessions, the newest first, in any state."""
    if sort not in get_args(Sort):
        raise click.BadParameter(f"must be one of {', '.join(get_args(Sort))}", param_hint="--sort")
    instant = utc_now()
    now = to_text(instant)

    async def find(database: Database) -> list[SessionRow]:
        tenant, rows = await known_tenant(database, tenant_id), list[SessionRow]()
        async for row in sessions_of(database, tenant, wanted=wanted, now=now, sort=sort):
            rows.append(row)
            if len(rows) == limit:
                break
        return rows

    found = with_database(settings_from(database_url=database_url), find, existing=True)
    views = [session_record(row, now) for row in found]
    listing.show(
        views if as_json else [_row_of(view, instant) for view in views],
        columns=("id", "user", "status", "made", "used", "device", "address"),
        none_yet="no session of the tenant fits",
        as_json=as_json,
    )


@session.command()
@click.argument("public_id", metavar="ID")
@click.option("--tenant", "tenant_id", type=TenantParameter(), metavar="T", help="Look in this tenant only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@database_url
def show(public_id: str, tenant_id: TenantId | None, *, as_json: bool, database_url: str | None) -> None:
    """Show all that is known of the session with this ID."""
    key, now = _key(public_id), to_text(utc_now())

    async def find(database: Database) -> SessionRow | None:
        tenants = await all_tenants(database) if tenant_id is None else [await known_tenant(database, tenant_id)]
        for tenant in tenants:
            found = await database.read(tenant, lambda unit: sessions.get(unit, key))
            if found is not None:
                return found
        return None

    row = with_database(settings_from(database_url=database_url), find, existing=True)
    if row is None:
        raise click.ClickException(f"there is no session {public_id}; see `sojourn session list`")
    view = session_record(row, now)
    if as_json:
        click.echo(json.dumps(view, ensure_ascii=False, indent=2))
        return
    width = max(map(len, view))
    for name, value in view.items():
        told = " ".join(f"{part}={said}" for part, said in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name.ljust(width)}  {listing.printable(str(told))}")


@session.command()
@click.argument("session_ids", metavar="[ID]...", nargs=-1)
@of_tenant
@filtered
@click.option(
    "--reason", default="ended by an operator", show_default=True, metavar="R", help="Kept with each session."
)
@click.option(
    "--reason-code",
    type=click.Choice(("revoked_by_admin", "credential_change", "account_disabled", "unspecified")),
    default="revoked_by_admin",
    show_default=True,
    help="Kept with each session as its reason_code.",
)
@click.option("--dry-run", is_flag=True, help="End nothing; say how many sessions would end.")
@click.option("--yes", "agreed", is_flag=True, help="Do it without asking.")
@database_url
def end(
    session_ids: tuple[str, ...],
    tenant_id: TenantId,
    *,
    wanted: SessionFilter,
    reason: str,
    reason_code: ReasonCode,
    dry_run: bool,
    agreed: bool,
    database_url: str | None,
) -> None:
    """End the active sessions with these IDs, or those that fit the filters. Servers may go on meanwhile.

    It says how many there are and asks. To end every session of a tenant, use `sojourn end-sessions`.
    """
    if bool(session_ids) == bool(wanted.given()) or wanted.status not in (None, "active"):
        raise click.UsageError(
            "say which active sessions: by IDs or by filters; for all of them there is `sojourn end-sessions`"
        )
    if not reason.strip() or len(reason) > 255 or not reason.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--reason")
    settings = existing_database(settings_from(database_url=database_url))
    keys = {_key(one) for one in session_ids}
    now = to_text(utc_now())

    async def find(database: Database) -> list[SessionKey]:
        tenant = await known_tenant(database, tenant_id)
        if keys:
            return sorted(await database.read(tenant, lambda unit: sessions.active_among(unit, keys, now=now)))
        active = replace(wanted, status="active")
        return [row.id async for row in sessions_of(database, tenant, wanted=active, now=now)]

    found = with_database(settings, find)
    if dry_run or not found:
        click.echo(f"{len(found):,} sessions would end" if dry_run else "0 sessions ended")
        return
    if not agreed:
        ask(f"End {len(found):,} sessions of the tenant {tenant_id}?")
    ending = Ending("operator", reason, reason_code)
    ended = with_database(
        settings, lambda database: _end(database, Trail(settings), of=tenant_id, keys=found, ending=ending)
    )
    click.echo(f"{ended:,} sessions ended")
    record(settings, "sessions.ended", tenant=tenant_id, reason=reason, count=ended)


@session.command()
@of_tenant
@filtered
@click.option("--csv", "as_csv", is_flag=True, help="CSV, for spreadsheets. Without: JSON lines.")
@click.option("--output", type=click.File("w", "utf-8", lazy=True), default="-", metavar="FILE", help="Write it here.")
@database_url
def export(
    tenant_id: TenantId, wanted: SessionFilter, *, as_csv: bool, output: IO[str], database_url: str | None
) -> None:
    """Write all sessions that fit, in any state, the newest first, one a line; without filters, all of the tenant.

    A session that is there from the beginning to the end is written exactly once, whatever is created or deleted
    meanwhile. In CSV, a text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    settings = settings_from(database_url=database_url)
    now = to_text(utc_now())
    head, line = FORMATS["csv" if as_csv else "jsonl"]

    async def write(database: Database) -> int:
        tenant, count = await known_tenant(database, tenant_id), 0
        if head is not None:
            click.echo(head, output)
        bar: ProgressBar[int] | None = None
        async for found in steps_of(database, tenant, wanted=wanted, now=now):
            if bar is None and sys.stderr.isatty():
                length = found.total if found.window is None else None
                bar = click.progressbar(length=length, label="sessions", show_pos=True, file=sys.stderr)
            for row in found.rows:
                click.echo(line(session_record(row, now)), output)
            count += len(found.rows)
            if bar is not None:
                bar.update(len(found.rows))
        if bar is not None:
            bar.render_finish()
        return count

    count = with_database(settings, write, existing=True)
    click.echo(f"{count:,} sessions written", err=True)


async def _end(database: Database, trail: Trail, *, of: TenantId, keys: list[SessionKey], ending: Ending) -> int:
    """End those sessions that are still active, some at once; how many were ended."""
    return sum([
        await database.write(
            Tenant(of), partial(_end_some, trail=trail, keys=keys[first : first + AT_ONCE], ending=ending)
        )
        for first in range(0, len(keys), AT_ONCE)
    ])  # fmt: skip


async def _end_some(unit: UnitOfWork, *, trail: Trail, keys: list[SessionKey], ending: Ending) -> int:
    ended = await session_revocation.revoke_many(unit, keys, now=to_text(utc_now()), ending=ending)
    if ended:
        named = sorted(session_id(SessionKey(key)) for key in ended)
        after = {"session_ids": named, "reason_code": ending.code}
        await trail.append(unit.system(), "sessions.ended", of_tenants=[unit.tenant.id], after=after)
    return len(ended)


def _key(public_id: str) -> SessionKey:
    key = session_key(public_id)
    if key is None:
        raise click.BadParameter(f"{public_id!r} is not the id of a session, which begins with sess_", param_hint="ID")
    return key


def _row_of(view: View, now: datetime) -> View:
    """A session as people are shown it in a table."""
    return {
        "id": view["id"],
        "user": view["user_id"],
        "status": view["status"],
        "made": listing.ago(view["created_at"], now),
        "used": listing.ago(view["last_active_at"], now),
        "device": view.get("device_type"),
        "address": view.get("last_ip") or view.get("ip"),
    }
