"""`sojourn check`: whether the maintained numbers are what a recount of every session gives, and `--repair`."""

import json

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.values import Tenant
from sojourn.storage.database import Database
from sojourn.storage.engines import no_migration
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep import recount
from sojourn.storage.upkeep.housekeeping import all_tenants
from sojourn.storage.upkeep.recount import Difference

DIFFERS = 1


@click.command()
@click.option("--repair", is_flag=True, help="Put right what differs, each tenant in one transaction.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@database_url
@click.pass_context
def check(ctx: click.Context, repair: bool, *, as_json: bool, database_url: str | None) -> None:
    """Compare the numbers that are kept for every tenant with a count of its sessions. Servers may go on meanwhile.

    The status is 1 when a number differs and was not put right. Lists and single sessions never depend on these
    numbers; the statistics do. A repair waits for a migration that runs: that counts the same sessions.
    """
    settings = settings_from(database_url=database_url)

    async def look(database: Database) -> dict[str, list[Difference]]:
        tenants: list[Tenant] = await all_tenants(database)
        return {tenant.id: await database.read(tenant, recount.differences) for tenant in tenants}

    async def put_right(database: Database) -> dict[str, list[Difference]]:
        trail = Trail(settings)

        async def repair_one(unit: UnitOfWork) -> list[Difference]:
            differences = await recount.repair(unit)
            if differences:
                before = {_name(one): one.counted for one in differences}
                after = {_name(one): one.recounted for one in differences}
                tenant = unit.tenant.id
                await trail.append(unit.system(), "numbers.repaired", of_tenants=[tenant], before=before, after=after)
            return differences

        async with no_migration(settings.database_url, tell=_tell):
            tenants: list[Tenant] = await all_tenants(database)
            return {tenant.id: await database.write(tenant, repair_one) for tenant in tenants}

    found = with_database(settings, put_right if repair else look, existing=True)
    wrong = {tenant: differences for tenant, differences in found.items() if differences}
    if as_json:
        click.echo(json.dumps(_document(found, wrong, repaired=repair), indent=2))
    else:
        click.echo(_text(found, wrong, repaired=repair))
    if wrong and repair:
        record(settings, "numbers.repaired", tenants=sorted(wrong))
    elif wrong:
        ctx.exit(DIFFERS)


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _document(found: dict[str, list[Difference]], wrong: dict[str, list[Difference]], *, repaired: bool) -> object:
    return {
        "tenants": len(found),
        "repaired": repaired and bool(wrong),
        "differences": [
            {"tenant_id": tenant} | difference._asdict() for tenant, some in wrong.items() for difference in some
        ],
    }


def _text(found: dict[str, list[Difference]], wrong: dict[str, list[Difference]], *, repaired: bool) -> str:
    lines = [
        f"tenant {tenant}: {_name(one)} is kept as {one.counted:,}, a recount gives {one.recounted:,}"
        for tenant, some in wrong.items()
        for one in some
    ]
    if not wrong:
        lines.append(f"{len(found):,} tenants checked: every number is what a recount gives")
    elif repaired:
        lines.append(f"{len(wrong):,} of {len(found):,} tenants put right")
    else:
        lines.append(f"{len(wrong):,} of {len(found):,} tenants differ; `sojourn check --repair` puts them right")
    return "\n".join(lines)


def _name(difference: Difference) -> str:
    return f"{difference.kind} ({difference.device_type})" if difference.device_type else difference.kind
