"""`sojourn migrate`: the database's tables, brought to what this release needs."""

import asyncio

import click

from sojourn.cli.databases import require_place
from sojourn.cli.options import database_url, settings_from
from sojourn.cli.records import record
from sojourn.settings import Settings
from sojourn.settings.strength import shown_url
from sojourn.storage import engines
from sojourn.storage.schema.revisions import HEAD, SchemaMismatch


@click.command()
@database_url
@click.option("--check", is_flag=True, help="Change nothing, say what is to do; status 1 when there is something.")
@click.option("--contract", is_flag=True, help="No server of an older release is left: finish, and refuse those.")
@click.option(
    "--distribute",
    type=click.Choice(["citus"]),
    help="Then spread the tables over the nodes of a cluster, by tenant; servers wait meanwhile.",
)
def migrate(check: bool, *, contract: bool, distribute: str | None, **flags: object) -> None:
    """Bring the database's tables to this release. Servers may go on meanwhile.

    Run it before the new release is started; instances of the release before can go on serving. Once the last of them
    has stopped, run it with --contract. A run that was interrupted is run again: it goes on where it stopped.
    """
    settings = settings_from(**flags)
    require_place(settings)
    try:
        run = _check if check else _migrate
        asyncio.run(run(settings, contract=contract, distribute=distribute is not None))
    except SchemaMismatch as error:
        raise click.ClickException(str(error)) from None
    except engines.Unreachable as error:
        raise click.ClickException(f"cannot migrate {shown_url(settings.database_url)}: {error}") from None
    click.echo(f"schema {HEAD}: up to date")


async def _check(settings: Settings, *, contract: bool, distribute: bool) -> None:
    lines = await engines.plan_migration(settings.database_url, contract=contract)
    if distribute:
        lines += await engines.plan_distribution(settings.database_url)
    for line in lines:
        click.echo(line)
    await engines.require_current(settings.database_url)
    if lines:
        command = "sojourn migrate" + " --contract" * contract + " --distribute citus" * distribute
        raise click.ClickException(f"the migration is not at its end: run `{command}`")


async def _migrate(settings: Settings, *, contract: bool, distribute: bool) -> None:
    wait, taken = settings.busy_timeout, 0

    def tell(line: str) -> None:
        nonlocal taken
        taken += line.endswith(" ms)")  # a step; other lines say what is waited for
        click.echo(line, err=True)

    try:
        await engines.migrate(settings.database_url, wait, tell=tell, contract=contract, distribute=distribute)
    finally:  # a step that was done stays done, whatever becomes of the next
        if taken:
            record(settings, "schema.migrated", revision=HEAD, count=taken)
    await engines.require_current(settings.database_url)
