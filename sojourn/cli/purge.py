"""`sojourn purge`: delete what is past its retention now, for a server that is not running or cannot keep up."""

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import database_url, settings_from
from sojourn.domain.clock import to_text, utc_now
from sojourn.storage.database import Database
from sojourn.storage.upkeep import overdue
from sojourn.storage.upkeep.housekeeping import all_tenants, purge_all
from sojourn.storage.upkeep.overdue import Overdue


@click.command()
@database_url
@click.option("--dry-run", is_flag=True, help="Delete nothing; say what would be deleted.")
def purge(dry_run: bool, **flags: object) -> None:
    """Delete what is kept no longer, in every tenant, a batch at a time. Servers may go on meanwhile.

    Sessions that ended longer ago than SOJOURN_SESSION_RETENTION go with all that hangs on them, tokens and trust of
    the same age, and blacklist entries of tokens that have expired.
    """
    settings = settings_from(**flags)
    now = utc_now()
    before, text = to_text(now - settings.session_retention), to_text(now)

    async def count(database: Database) -> Overdue:
        found = [
            await database.read(tenant, lambda unit: overdue.count(unit, before, now=text))
            for tenant in await all_tenants(database)
        ]
        return Overdue(*(sum(numbers) for numbers in zip(*found, strict=True))) if found else Overdue(0, 0, 0, 0)

    async def delete(database: Database) -> Overdue:
        counted = await count(database)
        await purge_all(database, before, now=text)
        return counted

    gone = with_database(settings, count if dry_run else delete)
    click.echo(
        f"{'would delete' if dry_run else 'deleted'}: {gone.sessions:,} sessions, {gone.tokens:,} tokens, "
        f"{gone.blacklist_entries:,} blacklist entries, {gone.trusted_devices:,} trusted devices"
    )
