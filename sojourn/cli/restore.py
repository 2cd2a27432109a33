"""`sojourn restore`: makes a restored backup safe: it ends everything that may have been revoked since."""

import click

from sojourn.authentication.signing_keys import new_epoch, new_key
from sojourn.authentication.vault import Vault
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import asked_first, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import Instant, to_text, utc_now
from sojourn.domain.endings import RESTORED, Ending
from sojourn.domain.values import Tenant
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.unit_of_work import SystemUnit
from sojourn.storage.upkeep.housekeeping import all_tenants
from sojourn.storage.upkeep.mass_revocation import end_all
from sojourn.storage.upkeep.restoring import Retired, UnknownApiKeys, begin_again

keep_api_key = click.option(
    "--keep-api-key", "keep", multiple=True, metavar="ID", help="A stored API key that stays good; may be repeated."
)


@click.command()
@keep_api_key
@asked_first
@database_url
def restore(keep: tuple[str, ...], database_url: str | None) -> None:
    """Make a restored backup safe to serve. Run it before clients are let in; servers may go on meanwhile.

    A backup knows nothing of what was revoked since it was made. Every signing key is retired and a new one signs,
    every stored API key is revoked but those named, every token issued so far is refused and every session ends.
    Keys of the environment are not stored: change those by hand.
    """
    begin_anew(settings_from(database_url=database_url), keep=frozenset(keep), ending=RESTORED)


def begin_anew(settings: Settings, *, keep: frozenset[str], ending: Ending) -> None:
    """Retire all keys and end all sessions, and say how many. Raises ClickException."""
    existing_database(settings)
    now = utc_now()
    try:
        signing_key = new_key(Vault.open(settings), settings.token_algorithm, now=now, signs_from=now)
    except OSError as error:
        raise click.ClickException(f"cannot use the key file: {error}") from None
    epoch, text, trail = new_epoch(), to_text(now), Trail(settings)

    async def run(database: Database) -> tuple[Retired, int]:
        async def work(unit: SystemUnit) -> Retired:
            retired = await begin_again(unit, epoch, signing_key=signing_key, keep=keep, now=text)
            numbers = {"signing_keys": retired.signing_keys, "api_keys": retired.api_keys, "kept": sorted(keep)}
            await trail.append(unit, "service.restored", after=numbers)
            return retired

        retired = await database.write_system(work)
        return retired, await end_sessions_of(database, await all_tenants(database), now=text, ending=ending)

    try:
        retired, ended = with_database(settings, run)
    except UnknownApiKeys as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{retired.signing_keys:,} signing keys retired")
    click.echo(f"{retired.api_keys:,} API keys revoked")
    click.echo(f"{ended:,} sessions ended")
    record(
        settings,
        "service.restored",
        reason=ending.reason,
        count=ended,
        signing_keys=retired.signing_keys,
        api_keys=retired.api_keys,
        kept=sorted(keep),
    )


async def end_sessions_of(database: Database, tenants: list[Tenant], *, now: Instant, ending: Ending) -> int:
    """End every session of some tenants; how many were active."""
    return sum([await end_all(database, tenant, now=now, ending=ending) for tenant in tenants])
