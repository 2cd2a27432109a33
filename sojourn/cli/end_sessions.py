"""`sojourn end-sessions`: ends every session at once, for example after tokens or keys have leaked."""

import click

from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import TenantParameter, asked_first, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.restore import begin_anew, end_sessions_of, keep_api_key
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.endings import Ending, ReasonCode
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.upkeep.housekeeping import all_tenants
from sojourn.storage.upkeep.mass_revocation import count_active


@click.command("end-sessions")
@click.option(
    "--tenant", "tenant_id", type=TenantParameter(), metavar="ID", help="Only this tenant's; keys stay valid then."
)
@click.option(
    "--reason", default="restored", show_default=True, metavar="R", help="Kept with each session as its revoke_reason."
)
@keep_api_key
@click.option(
    "--reason-code",
    type=click.Choice(("restored", "credential_change", "account_disabled", "unspecified")),
    default="restored",
    show_default=True,
    help="Kept with each session as its reason_code.",
)
@click.option("--dry-run", is_flag=True, help="End nothing; say how many sessions would end.")
@asked_first
@database_url
def end_sessions(
    tenant_id: TenantId | None,
    reason: str,
    *,
    reason_code: ReasonCode,
    keep: tuple[str, ...],
    dry_run: bool,
    database_url: str | None,
) -> None:
    """End every session and refuse every token issued so far. Servers may go on meanwhile.

    Without --tenant it does what `sojourn restore` does: it also retires every signing key and revokes every stored
    API key but those named with --keep-api-key. Everybody signs in again.
    """
    if not reason.strip() or len(reason) > 255 or not reason.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--reason")
    settings = existing_database(settings_from(database_url=database_url))
    if tenant_id is not None and keep:
        raise click.UsageError("--keep-api-key goes with every tenant: with --tenant no API key is revoked")
    ending = Ending("operator", reason, reason_code)
    if dry_run:
        _count(settings, tenant_id)
    elif tenant_id is None:
        begin_anew(settings, keep=frozenset(keep), ending=ending)
    else:
        _end(settings, tenant_id, ending=ending)


def _count(settings: Settings, tenant_id: TenantId | None) -> None:
    """Say how many sessions would end."""

    async def count(database: Database) -> tuple[int, int]:
        tenants = await all_tenants(database) if tenant_id is None else [await _tenant(database, tenant_id)]
        return await count_active(database, tenants, now=to_text(utc_now()))

    sessions, users = with_database(settings, count)
    click.echo(f"{sessions:,} sessions of {users:,} users would end")


async def _tenant(database: Database, tenant_id: TenantId) -> Tenant:
    """The tenant. Raises ClickException."""
    wanted = Tenant(tenant_id)
    if wanted not in await all_tenants(database):
        raise click.ClickException(f"there is no tenant {tenant_id}; see `sojourn tenant list`")
    return wanted


def _end(settings: Settings, tenant_id: TenantId, *, ending: Ending) -> None:
    """End the sessions of one tenant."""
    now, trail = to_text(utc_now()), Trail(settings)

    async def end(database: Database) -> int:
        wanted = await _tenant(database, tenant_id)
        # Sessions end in many transactions: the record is there before the first one does.
        await database.write_system(
            lambda unit: trail.append(
                unit, "tenant.ended", target=tenant_id, of_tenants=[tenant_id], after={"reason_code": ending.code}
            )
        )
        return await end_sessions_of(database, [wanted], now=now, ending=ending)

    ended = with_database(settings, end)
    click.echo(f"{ended:,} sessions ended")
    record(settings, "tenant.ended", tenant=tenant_id, reason=ending.reason, count=ended)
