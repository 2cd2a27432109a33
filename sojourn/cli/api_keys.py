"""`sojourn api-key`: the keys of internal services."""

from collections.abc import Mapping
from datetime import timedelta

import click

from sojourn.cli import listing
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import Duration, TenantParameter, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.api_keys import MintedKey, mint_api_key, mint_secret_of
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.scopes import SCOPES, scopes_of
from sojourn.storage.database import Database
from sojourn.storage.queries import api_keys
from sojourn.storage.queries.api_keys import ApiKeyRow
from sojourn.storage.unit_of_work import SystemUnit


@click.group("api-key")
def api_key() -> None:
    """Make, list, rotate and revoke the API keys of internal services.

    Several keys are valid at once. A key that is rotated keeps its id, scopes and tenants; its old secret is valid
    for a while beside the new one.
    """


@api_key.command()
@click.option("--name", required=True, metavar="N", help="Whose key it is, such as `login-service`.")
@click.option(
    "--tenant",
    "tenants",
    multiple=True,
    type=TenantParameter(),
    metavar="T",
    help="A tenant it covers; may be repeated. Without: every tenant.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do; may be repeated. Without: everything but `manage`.",
)
@click.option("--ttl", type=Duration(), help="How long it is valid. Without: until it is revoked.")
@database_url
def create(
    name: str, tenants: tuple[str, ...], *, scopes: tuple[str, ...], ttl: timedelta | None, database_url: str | None
) -> None:
    """Make a key and print it. It is shown this once: only its hash is kept.

    The key is all that is on standard output; a running server accepts it at once.
    """
    if not name.strip() or len(name) > 255 or not name.isprintable():
        raise click.BadParameter("must be 1 to 255 printable characters", param_hint="--name")
    now = utc_now()
    minted = mint_api_key(now)
    row = ApiKeyRow(
        id=minted.id,
        name=name,
        secret_hash=minted.secret_hash,
        tenants=sorted(set(tenants)) or None,
        created_at=to_text(now),
        expires_at=None if ttl is None else to_text(now + ttl),
        scopes=sorted(set(scopes)) or None,
    )
    settings = settings_from(database_url=database_url)
    trail = Trail(settings)
    with_database(settings, lambda database: _add(database, row, trail=trail))
    _show(minted)
    record(settings, "api_key.created", key_id=minted.id, tenants=row.tenants)


async def _add(database: Database, row: ApiKeyRow, *, trail: Trail) -> None:
    async def work(unit: SystemUnit) -> None:
        await api_keys.add(unit, row)
        after = {"scopes": sorted(scopes_of(row.scopes)), "tenants": row.tenants, "expires_at": row.expires_at}
        await trail.append(unit, "api_key.created", target=row.id, of_tenants=row.tenants, after=after)

    await database.write_system(work)


async def _recorded(
    unit: SystemUnit, trail: Trail, *, action: str, key_id: str, done: bool, after: Mapping[str, str] | None = None
) -> bool:
    """Record what was done to a key; nothing where nothing was."""
    row = await api_keys.find(unit, key_id) if done else None
    if row is not None:
        await trail.append(unit, action, target=key_id, of_tenants=row.tenants, after=after)
    return done


def _show(minted: MintedKey) -> None:
    click.echo(minted.text)
    click.echo(f"Keep it now, it is not shown again. Its id is {minted.id}.", err=True)


@api_key.command("list")
@listing.as_json
@database_url
def list_(as_json: bool, database_url: str | None) -> None:
    """List the stored keys, oldest first, the revoked ones too. Secrets are not kept, so none is shown."""
    now = utc_now()

    async def find(database: Database) -> list[ApiKeyRow]:
        async with database.system() as unit:
            return await api_keys.all_keys(unit)

    items = [
        {
            "id": row.id,
            "state": _state(row, to_text(now)),
            "name": row.name,
            "tenants": "every tenant" if row.tenants is None and not as_json else row.tenants,
            "scopes": sorted(scopes_of(row.scopes)),
            "made": listing.ago(row.created_at, now),
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "revoked_at": row.revoked_at,
            "last_used_at": row.last_used_at,
        }
        for row in with_database(settings_from(database_url=database_url), find, existing=True)
    ]
    listing.show(
        items,
        columns=("id", "state", "made", "name", "tenants", "scopes"),
        none_yet="make a key with `sojourn api-key create --name NAME`",
        as_json=as_json,
    )


def _state(row: ApiKeyRow, now: str) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "good"


@api_key.command()
@click.argument("key_id", metavar="ID")
@database_url
def revoke(key_id: str, database_url: str | None) -> None:
    """End the key with this ID; the next request that brings it is refused."""

    settings = existing_database(settings_from(database_url=database_url))
    trail = Trail(settings)

    async def end(database: Database) -> bool:
        async def work(unit: SystemUnit) -> bool:
            done = await api_keys.revoke(unit, key_id, now=to_text(utc_now()))
            return await _recorded(unit, trail, action="api_key.revoked", key_id=key_id, done=done)

        return await database.write_system(work)

    if not with_database(settings, end):
        raise click.ClickException(f"no key with the id {key_id} is good; see `sojourn api-key list`")
    record(settings, "api_key.revoked", key_id=key_id)


@api_key.command()
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    help="How long the old secret stays valid beside the new one.",
)
@database_url
def rotate(key_id: str, overlap: timedelta, *, database_url: str | None) -> None:
    """Give the key with this ID another secret and print the key. The old one is valid until the overlap is over.

    A key that has leaked is not rotated but revoked.
    """
    now = utc_now()
    minted = mint_secret_of(key_id)
    settings = existing_database(settings_from(database_url=database_url))
    trail, until = Trail(settings), to_text(now + overlap)

    async def change(database: Database) -> bool:
        async def work(unit: SystemUnit) -> bool:
            done = await api_keys.rotate(
                unit, key_id, secret_hash=minted.secret_hash, previous_until=until, now=to_text(now)
            )
            after = {"previous_secret_until": until}
            return await _recorded(unit, trail, action="api_key.rotated", key_id=key_id, done=done, after=after)

        return await database.write_system(work)

    if not with_database(settings, change):
        raise click.ClickException(f"no key with the id {key_id} is good; see `sojourn api-key list`")
    _show(minted)
    record(settings, "api_key.rotated", key_id=key_id)
