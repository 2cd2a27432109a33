"""`sojourn keys`: the keys that sign access tokens."""

from datetime import datetime, timedelta

import click

from sojourn.authentication.signing_keys import PUBLISHED_BEFORE_SIGNING, new_key
from sojourn.authentication.vault import Vault
from sojourn.cli import listing
from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.options import Duration, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.storage.database import Database
from sojourn.storage.queries import signing_keys
from sojourn.storage.queries.signing_keys import SigningKeyRow
from sojourn.storage.unit_of_work import SystemUnit


@click.group()
def keys() -> None:
    """Rotate, list and retire the keys that sign access tokens.

    A rotation is three steps: `rotate` publishes a key that will sign later; the old key verifies what it
    signed until that has expired; then `retire` withdraws it. After a leak, retire at once.
    """


@keys.command()
@click.option(
    "--algorithm",
    type=click.Choice(["EdDSA", "RS256"]),
    help="What the key is for. [SOJOURN_TOKEN_ALGORITHM; EdDSA]",
)
@click.option("--after", type=Duration(), help="When it begins to sign. Without: in 10 minutes.")
@click.option("--now", "at_once", is_flag=True, help="Sign with it at once, whatever others have cached.")
@database_url
def rotate(algorithm: str | None, after: timedelta | None, *, at_once: bool, database_url: str | None) -> None:
    """Publish a new key and print its id. Running servers need no restart."""
    settings = settings_from(database_url=database_url)
    now = utc_now()
    wait = timedelta(0) if at_once else after or PUBLISHED_BEFORE_SIGNING
    try:
        vault = Vault.open(settings)
    except OSError as error:
        raise click.ClickException(f"cannot use the key file: {error}") from None
    row = new_key(vault, algorithm or settings.token_algorithm, now=now, signs_from=now + wait)

    trail = Trail(settings)

    async def keep(database: Database) -> None:
        async def work(unit: SystemUnit) -> None:
            await signing_keys.add(unit, row)
            after = {"algorithm": row.algorithm, "signs_from": row.signs_from}
            await trail.append(unit, "signing_key.added", target=row.id, after=after)

        await database.write_system(work)

    with_database(settings, keep)
    click.echo(row.id)
    click.echo(f"It signs from {row.signs_from}.", err=True)
    record(settings, "signing_key.added", key_id=row.id)


@keys.command("list")
@listing.as_json
@database_url
def list_(as_json: bool, database_url: str | None) -> None:
    """List the keys, the one that signs last at the end. Private halves are never shown."""

    async def find(database: Database) -> list[SigningKeyRow]:
        async with database.system() as unit:
            return await signing_keys.all_keys(unit)

    rows = with_database(settings_from(database_url=database_url), find, existing=True)
    instant = utc_now()
    now = to_text(instant)
    signing = [row.id for row in rows if row.retired_at is None and row.signs_from <= now][-1:]
    items = [
        {
            "id": row.id,
            "state": _state(row, row.id in signing, now=now),
            "algorithm": row.algorithm,
            "signs": listing.ago(row.signs_from, instant),
            "created_at": row.created_at,
            "signs_from": row.signs_from,
            "retired_at": row.retired_at,
        }
        for row in rows
    ]
    listing.show(
        items,
        columns=("id", "state", "algorithm", "signs"),
        none_yet="a server makes its first key at its start, or use `sojourn keys rotate --now`",
        as_json=as_json,
    )


def _state(row: SigningKeyRow, signs: bool, *, now: str) -> str:
    if row.retired_at is not None:
        return "retired"
    if signs:
        return "signing"
    return "waiting" if row.signs_from > now else "verifying"


@keys.command()
@click.argument("key_id", metavar="ID")
@database_url
def retire(key_id: str, database_url: str | None) -> None:
    """Withdraw the key with this ID: what it signed is refused at the next request.

    The last key that can sign cannot be retired; rotate first.
    """
    now = utc_now()
    settings = existing_database(settings_from(database_url=database_url))
    trail = Trail(settings)

    async def end(database: Database) -> bool:
        async with database.system() as unit:
            rows = await signing_keys.all_keys(unit)
        if not any(row.id == key_id and row.retired_at is None for row in rows):
            return False
        if not _others_sign(rows, key_id, now=now):
            raise click.ClickException("no other key signs yet: run `sojourn keys rotate --now` first")

        async def work(unit: SystemUnit) -> bool:
            retired = await signing_keys.retire(unit, key_id, now=to_text(now))
            if retired:
                await trail.append(unit, "signing_key.retired", target=key_id)
            return retired

        return await database.write_system(work)

    if not with_database(settings, end):
        raise click.ClickException(f"no key with the id {key_id} is in use; see `sojourn keys list`")
    record(settings, "signing_key.retired", key_id=key_id)


def _others_sign(rows: list[SigningKeyRow], key_id: str, *, now: datetime) -> bool:
    return any(row.id != key_id and row.retired_at is None and row.signs_from <= to_text(now) for row in rows)
