"""`sojourn tenant`: create and list tenants."""

import click

from sojourn.cli import listing
from sojourn.cli.databases import with_database
from sojourn.cli.options import TenantParameter, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.ids import TenantId
from sojourn.storage.database import Database
from sojourn.storage.queries import tenants
from sojourn.storage.queries.tenants import TenantRow
from sojourn.storage.unit_of_work import SystemUnit


@click.group()
def tenant() -> None:
    """Make and list tenants.

    A tenant is made on first use, unless SOJOURN_TENANTS_PROVISIONED says that tenants are made by hand.
    """


@tenant.command()
@click.argument("tenant_id", type=TenantParameter(), metavar="ID")
@click.option("--name", metavar="N", help="A name for people.")
@database_url
def create(tenant_id: TenantId, name: str | None, *, database_url: str | None) -> None:
    """Make the tenant with this ID."""
    if name is not None and (not name.strip() or len(name) > 255 or not name.isprintable()):
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--name")

    settings = settings_from(database_url=database_url)
    trail = Trail(settings)

    async def add(database: Database) -> bool:
        async def work(unit: SystemUnit) -> bool:
            made = await tenants.add(unit, tenant_id, name=name, now=to_text(utc_now()))
            if made:
                await trail.append(unit, "tenant.created", target=tenant_id, of_tenants=[tenant_id])
            return made

        return await database.write_system(work)

    if not with_database(settings, add):
        raise click.ClickException(f"the tenant {tenant_id} exists already")
    record(settings, "tenant.created", tenant=tenant_id)


@tenant.command("list")
@listing.as_json
@database_url
def list_(as_json: bool, database_url: str | None) -> None:
    """List the tenants: id, when it was made, name. Tenants are made on first use, so a new database has none."""
    now = utc_now()

    async def find(database: Database) -> list[TenantRow]:
        async with database.system() as unit:
            return await tenants.all_tenants(unit)

    items = [
        {"id": row.id, "made": listing.ago(row.created_at, now), "name": row.name, "created_at": row.created_at}
        for row in with_database(settings_from(database_url=database_url), find, existing=True)
    ]
    listing.show(
        items,
        columns=("id", "made", "name"),
        none_yet="a tenant is made on its first use, or by `sojourn tenant create ID`",
        as_json=as_json,
    )
