"""`sojourn end-sessions`: revoke every session and token, for example after restoring a backup."""

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import TenantId, database_url, settings_from
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.upkeep.housekeeping import all_tenants
from sojourn.storage.upkeep.mass_revocation import end_all


@click.command("end-sessions")
@click.option("--tenant", "tenant_id", type=TenantId(), metavar="ID", help="Of this tenant only.")
@click.option(
    "--reason", default="restored", show_default=True, metavar="R", help="Kept with each session as its revoke_reason."
)
@database_url
def end_sessions(tenant_id: str | None, reason: str, *, database_url: str | None) -> None:
    """End every session and refuse every token issued so far. Servers may go on meanwhile.

    Run it after a backup was restored, before clients may connect: the backup does not contain the revocations made
    since. All users have to sign in again.
    """
    if not reason.strip() or len(reason) > 255 or not reason.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--reason")
    now = to_text(utc_now())

    async def end(database: Database) -> int:
        tenants = await all_tenants(database) if tenant_id is None else [Tenant(tenant_id)]
        return sum([await end_all(database, tenant, now=now, by="operator", reason=reason) for tenant in tenants])

    click.echo(f"{with_database(settings_from(database_url=database_url), end):,} sessions ended")
