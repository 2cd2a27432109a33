"""`sojourn migrate`: the database's tables, brought to what this release needs."""

import asyncio

import click

from sojourn.cli.options import database_url, settings_from
from sojourn.settings import Settings
from sojourn.settings.strength import shown_url
from sojourn.storage import engines
from sojourn.storage.schema.revisions import HEAD, SchemaOutdated


@click.command()
@database_url
@click.option("--check", is_flag=True, help="Change nothing; status 1 when the tables are older than this release.")
def migrate(check: bool, **flags: object) -> None:
    """Bring the database's tables to this release. Servers may go on meanwhile.

    Run it before the new release is started; instances of the release before can go on serving.
    """
    settings = settings_from(**flags)
    try:
        asyncio.run(_check_or_migrate(settings, check))
    except SchemaOutdated as error:
        raise click.ClickException(str(error)) from None
    except engines.Unreachable as error:
        raise click.ClickException(f"cannot migrate {shown_url(settings.database_url)}: {error}") from None
    click.echo(f"schema {HEAD}: up to date")


async def _check_or_migrate(settings: Settings, check: bool) -> None:
    if not check:
        await engines.migrate(settings.database_url, settings.busy_timeout)
    await engines.require_current(settings.database_url)
