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
from sojourn.storage.database import Database
from sojourn.storage.upkeep.housekeeping import all_tenants


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
@asked_first
@database_url
def end_sessions(
    tenant_id: TenantId | None,
    reason: str,
    *,
    reason_code: ReasonCode,
    keep: tuple[str, ...],
    database_url: str | None,
) -> None:
    """End every session and refuse every token issued so far. Servers may go on meanwhile.

    Without --tenant it does what `sojourn restore` does: it also retires every signing key and revokes every stored
    API key but those named with --keep-api-key. Everybody signs in again.
    """
    if not reason.strip() or len(reason) > 255 or not reason.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--reason")
    settings = existing_database(settings_from(database_url=database_url))
    ending = Ending("operator", reason, reason_code)
    if tenant_id is None:
        begin_anew(settings, keep=frozenset(keep), ending=ending)
        return
    if keep:
        raise click.UsageError("--keep-api-key goes with every tenant: with --tenant no API key is revoked")
    wanted, now, trail = Tenant(tenant_id), to_text(utc_now()), Trail(settings)

    async def end(database: Database) -> int:
        if wanted not in await all_tenants(database):
            raise click.ClickException(f"there is no tenant {tenant_id}; see `sojourn tenant list`")
        # Sessions end in many transactions: the record is there before the first one does.
        await database.write_system(
            lambda unit: trail.append(
                unit, "tenant.ended", target=tenant_id, of_tenants=[tenant_id], after={"reason_code": reason_code}
            )
        )
        return await end_sessions_of(database, [wanted], now=now, ending=ending)

    ended = with_database(settings, end)
    click.echo(f"{ended:,} sessions ended")
    record(settings, "tenant.ended", tenant=tenant_id, reason=reason, count=ended)
