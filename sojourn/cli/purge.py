"""`sojourn purge`: delete what is past its retention now, for a server that is not running or cannot keep up."""

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.storage.database import Database
from sojourn.storage.upkeep import forgetting, overdue
from sojourn.storage.upkeep.forgetting import CUT_OFFS_KEPT, Due, Forgotten
from sojourn.storage.upkeep.housekeeping import all_tenants, purge_all
from sojourn.storage.upkeep.overdue import Overdue


@click.command()
@database_url
@click.option("--dry-run", is_flag=True, help="Delete nothing; say what would be deleted.")
def purge(dry_run: bool, **flags: object) -> None:
    """Delete what is kept no longer, in every tenant, a batch at a time. Servers may go on meanwhile.

    Sessions that ended longer ago than SOJOURN_SESSION_RETENTION go with all that hangs on them, tokens and trust of
    the same age, and blacklist entries of tokens that have expired. Users of whom nothing is left go too, and cut-offs
    of such users after 30 days.
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

    due = Due(before, text, min(before, to_text(now - CUT_OFFS_KEPT)))

    async def expect(database: Database) -> tuple[Overdue, Forgotten]:
        left = [
            await database.read(tenant, lambda unit: forgetting.count(unit, due))
            for tenant in await all_tenants(database)
        ]
        return await count(database), Forgotten(sum(some.users for some in left), sum(some.cut_offs for some in left))

    async def delete(database: Database) -> tuple[Overdue, Forgotten]:
        # What is deleted goes in many transactions: the record is there before the first one.
        await database.write_system(lambda unit: Trail(settings).append(unit, "data.purged", after={"before": before}))
        counted = await count(database)
        await purge_all(database, before, now=text)
        left = [await forgetting.forget(database, tenant, due=due) for tenant in await all_tenants(database)]
        return counted, Forgotten(sum(some.users for some in left), sum(some.cut_offs for some in left))

    gone, forgotten = with_database(settings, expect if dry_run else delete, existing=True)
    click.echo(
        f"{gone.sessions:,} sessions, {gone.tokens:,} tokens, {gone.blacklist_entries:,} blacklist entries, "
        f"{gone.trusted_devices:,} trusted devices, {forgotten.users:,} users, {forgotten.cut_offs:,} cut-offs "
        f"{'would be deleted' if dry_run else 'deleted'}"
    )
    if not dry_run:
        record(settings, "data.purged", count=sum(gone) + sum(forgotten))
