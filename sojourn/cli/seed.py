"""`sojourn seed`: a database full of made-up data, for tests of size."""

import asyncio
import re
import sys
import time
from datetime import datetime

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import ask, database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.synthetic.sessions import SPAN, sessions_of_old
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.ids import TenantId
from sojourn.domain.sessions import Timeouts
from sojourn.settings import Settings
from sojourn.settings.strength import shown_url
from sojourn.storage.database import Database
from sojourn.storage.engines import Unreachable, open_loader
from sojourn.storage.upkeep.bulk import AlreadyLoaded, batches
from sojourn.storage.upkeep.counting import anchor_again
from sojourn.storage.upkeep.housekeeping import all_tenants

_MADE = re.compile(r"tnt_[0-9]{4,}")


class Instant(click.ParamType[datetime]):
    """An instant in RFC 3339 form."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware instant; fails with one sentence."""
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None or not 2000 <= instant.year <= 9000:
            self.fail(f"{value!r} is not an instant such as 2026-04-15T08:00:00Z", param, ctx)
        return instant


@click.command()
@click.option(
    "--tenants",
    type=click.IntRange(1, 10_000),
    default=3,
    show_default=True,
    metavar="N",
    help="How many tenants.",
)
@click.option(
    "--users",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="How many users, in all tenants together.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, 1_000_000_000),
    default=10_000,
    show_default=True,
    metavar="N",
    help="How many sessions, in all tenants together.",
)
@click.option(
    "--seed",
    "seed_number",
    type=int,
    default=1,
    show_default=True,
    metavar="S",
    help="The same seed makes the same data.",
)
@click.option(
    "--until",
    type=Instant(),
    metavar="INSTANT",
    help="Where the data ends. Without: now, so that some sessions are active.",
)
@click.option("--yes", "agreed", is_flag=True, help="Do it without asking.")
@database_url
def seed(
    tenants: int,
    users: int,
    *,
    sessions: int,
    seed_number: int,
    until: datetime | None,
    agreed: bool,
    database_url: str | None,
) -> None:
    """Fill a database with sessions of made-up people: active, expired and revoked ones of the last 30 days.

    On a terminal it asks first, and it goes nowhere unasked where there are tenants that it has not made.
    It is written in bulk, past the service, and adds to what is there. The same numbers, --seed and --until
    make the same sessions.
    """
    if users < tenants or sessions < tenants:
        raise click.UsageError(
            "each tenant needs a user and a session: raise --users or --sessions, or lower --tenants"
        )
    settings = settings_from(database_url=database_url)
    if not agreed and (sys.stdin.isatty() or with_database(settings, _holds_others)):
        ask(f"Write {sessions:,} made-up sessions into {shown_url(settings.database_url)}?")
    end = until or utc_now()
    with_database(settings, lambda database: database.create_partitions(end - SPAN, end))
    started = time.perf_counter()
    try:
        asyncio.run(_load(settings, tenants, users=users, sessions=sessions, seed_number=seed_number, until=end))
    except AlreadyLoaded:
        raise click.ClickException("the database holds this data already; change --seed or --until") from None
    except Unreachable as error:
        raise click.ClickException(f"cannot write to {shown_url(settings.database_url)}: {error}") from None
    seconds = time.perf_counter() - started
    with_database(settings, anchor_again)
    click.echo(
        f"{sessions:,} sessions of {users:,} users in {tenants:,} tenants: {seconds:.1f} s, {sessions / seconds:,.0f}/s"
    )
    record(settings, "data.seeded", count=sessions)


async def _holds_others(database: Database) -> bool:
    """Whether somebody else's data are here."""
    return any(_MADE.fullmatch(tenant.id) is None for tenant in await all_tenants(database))


async def _load(
    settings: Settings, tenants: int, *, users: int, sessions: int, seed_number: int, until: datetime
) -> None:
    timeouts = Timeouts(settings.idle_timeout, settings.absolute_timeout)
    bar = click.progressbar(length=sessions, label="sessions", show_pos=True, file=sys.stderr)
    async with open_loader(settings.database_url) as loader:
        with bar as progress:
            for number in range(tenants):
                rows = sessions_of_old(
                    f"{seed_number}/{number}",
                    people=_share(users, tenants, number=number),
                    count=_share(sessions, tenants, number=number),
                    until=until,
                    timeouts=timeouts,
                )
                for batch in batches(TenantId(f"tnt_{number + 1:04d}"), rows, now=to_text(until)):
                    await loader.write(batch)
                    progress.update(len(batch.sessions))


def _share(whole: int, parts: int, *, number: int) -> int:
    """An even share; the first parts take what does not divide."""
    return whole // parts + (number < whole % parts)
