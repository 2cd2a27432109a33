"""`sojourn audit`: exports and verifies the audit trail of the tenants."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from sojourn.authentication import audit_heads
from sojourn.authentication.vault import Vault
from sojourn.cli.databases import with_database
from sojourn.cli.options import TenantParameter, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.ids import TenantId
from sojourn.domain.values import SERVICE_TRAIL, Tenant
from sojourn.settings import Settings
from sojourn.storage.audit_chain import BEFORE_THE_FIRST, faults
from sojourn.storage.database import Database
from sojourn.storage.queries import audit as trail
from sojourn.storage.unit_of_work import UnitOfWork
from sojourn.storage.upkeep.housekeeping import all_tenants

PAGE = 500
Line = dict[str, Any]


@click.group()
def audit() -> None:
    """Export and verify the audit trail: what administrators and services did that concerned others.

    The records of a tenant chain by hash, and the end of each chain is signed with a key that is not in the
    database. Users stand in the trail under a random pseudonym.
    """


@audit.command()
@click.option("--tenant", type=TenantParameter(), metavar="T", help="This tenant only. Without: every tenant.")
@database_url
def export(tenant: TenantId | None, *, database_url: str | None) -> None:
    """Print the records, oldest first, one JSON object a line; each tenant's signed end follows its records."""
    for line in with_database(
        settings_from(database_url=database_url), lambda database: _lines(database, tenant), existing=True
    ):
        click.echo(json.dumps(line, ensure_ascii=False))


@audit.command()
@database_url
def key(database_url: str | None) -> None:
    """Print the public key that verifies the signed ends (JSON Web Key). Keep it where the database is not."""
    click.echo(json.dumps(_public_keys(settings_from(database_url=database_url))[0]))


@audit.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The public key, as `sojourn audit key` printed it. Without: the one of this server's secret.",
)
@click.option(
    "--earlier",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier export: everything that it signed must still be there.",
)
@database_url
def verify(file: Path | None, key_file: Path | None, *, earlier: Path | None, database_url: str | None) -> None:
    """Verify the trail in the database, or in an exported FILE. Faults are printed, and the status is 1 then.

    A record that was changed, removed, moved or added behind the signed end is found. That records were taken off the
    end together with its signature shows only in comparison with an earlier export, kept elsewhere.
    """
    settings = settings_from(database_url=database_url)
    if file is None:
        lines = with_database(settings, lambda database: _lines(database, None), existing=True)
    else:
        lines = _read(file)
    jwks = _public_keys(settings) if key_file is None else [_key_in(key_file)]
    kept = [line for line in _read(earlier) if "head" in line] if earlier is not None else []
    found = list(_faults([*lines, *kept], jwks))
    for fault in found:
        click.echo(fault)
    if found:
        sys.exit(1)
    records = [line for line in lines if "head" not in line]
    click.echo(f"{len(records)} records verified, of {len({line['tenant_id'] for line in records})} tenants")


@audit.command()
@click.argument("pseudonym")
@click.option(
    "--tenant", type=TenantParameter(), required=True, metavar="T", help="The tenant whose trail it stands in."
)
@database_url
def who(pseudonym: str, tenant: TenantId, *, database_url: str | None) -> None:
    """Print the id of the user behind a pseudonym, and record that. Of a user who was erased nothing is known."""
    settings = settings_from(database_url=database_url)
    kept = Trail(settings)

    async def look(unit: UnitOfWork) -> str | None:
        found = await trail.resolve(unit, pseudonym)
        if found is not None:
            await kept.append(unit.system(), "user.named", target=pseudonym, of_tenants=[tenant])
        return found

    user = with_database(settings, lambda database: database.write(Tenant(tenant), look), existing=True)
    if user is None:
        raise click.ClickException(f"nobody is known behind {pseudonym}: it is none, or the user was erased")
    click.echo(user)
    record(settings, "user.named", tenant=tenant, pseudonym=pseudonym)


async def _lines(database: Database, tenant: TenantId | None) -> list[Line]:
    """The records and the signed end of one tenant, or of all."""
    lines: list[Line] = []
    for one in [SERVICE_TRAIL, *await all_tenants(database)] if tenant is None else [Tenant(tenant)]:
        lines += await _of_tenant(database, one)
    return lines


async def _of_tenant(database: Database, tenant: Tenant) -> list[Line]:
    # The end first: what is recorded meanwhile comes behind it and is left for the next export.
    signed = await database.read(tenant, trail.head)
    lines: list[Line] = []
    after, previous = 0, BEFORE_THE_FIRST
    while page := await database.read(
        tenant,
        lambda unit, after=after, previous=previous: trail.exported(  # type: ignore[misc]
            unit, after=after, previous=previous, limit=PAGE
        ),
    ):
        lines += page
        after, previous = page[-1]["position"], page[-1]["hash"]
    return [*lines, {"tenant_id": tenant.id, "head": signed}] if signed is not None else lines


def _public_keys(settings: Settings) -> list[Line]:
    """The key that signs, and that of the secret beside it where there is one."""
    try:
        vault = Vault.open(settings)
    except OSError as error:
        raise click.ClickException(f"cannot use the key file: {error}") from None
    vaults = [vault] if vault.previous is None else [vault, vault.previous]
    return [audit_heads.public_key(one.audit_key) for one in vaults]


def _key_in(file: Path) -> Line:
    try:
        found = json.loads(file.read_text("utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("crv") != "Ed25519" or "x" not in found:
        raise click.ClickException(f"{file}: holds no public key as `sojourn audit key` prints it")
    return found


def _read(file: Path) -> list[Line]:
    """The lines of an export. Raises ClickException for a file that is none."""
    lines = []
    for number, text in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not _is_line(line):
            raise click.ClickException(f"{file}: line {number} is not one of an export")
        lines.append(line)
    return lines


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict) or not isinstance(line.get("tenant_id"), str):
        return False
    if "head" in line:
        return isinstance(line["head"], str)
    return isinstance(line.get("position"), int) and {"previous", "hash"} <= line.keys()


def _faults(lines: Iterable[Line], jwks: list[Line]) -> Iterator[str]:
    records: dict[str, list[Line]] = defaultdict(list)
    heads: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        tenant = line["tenant_id"]
        if "head" not in line:
            records[tenant].append(line)
            continue
        head = _signed(line["head"], jwks)
        if head is None:
            yield f"{tenant}: the end is not signed with this key"
            continue
        if head["tenant_id"] != tenant:
            yield f"{tenant}: the signed end is another tenant's"
        heads[head["tenant_id"]].append(head)
    for tenant in sorted({*records, *heads}):
        yield from faults(tenant, records[tenant], heads=heads[tenant])


def _signed(head: str, jwks: list[Line]) -> Line | None:
    """What a head says that one of the keys has signed; None for any other."""
    for jwk in jwks:
        try:
            return audit_heads.read(jwk, head)
        except audit_heads.BadHead:
            continue
    return None
