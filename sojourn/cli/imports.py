"""`sojourn import`: takes live sessions of another system out of a file of JSON lines."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import IO, NamedTuple, TypeVar

import click

from sojourn.cli.databases import existing_database, with_database
from sojourn.cli.import_lines import LineReader, lines_of
from sojourn.cli.import_report import Report, told
from sojourn.cli.options import database_url, settings_from
from sojourn.cli.records import record
from sojourn.cli.trail import Trail
from sojourn.domain.clock import to_text, utc_now
from sojourn.domain.errors import SignInSuperseded, TenantLimitReached, TenantNotFound, Unavailable, ValidationFailed
from sojourn.domain.ids import TenantId
from sojourn.domain.values import Tenant
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.queries import imports
from sojourn.storage.queries.imports import Bounds, Import

T = TypeVar("T")

AT_ONCE = 500
"""How many sessions one transaction takes."""
LOOKED_AT = 5_000
"""How many lines are read before they are written: those of one tenant go together."""
SIDE_BY_SIDE = 4
"""How many transactions, of as many tenants, go on at once."""


PAUSES = (0.5, 1, 2, 4, 8, 16, 30)
"""Seconds before each further try of what the database was too busy for: nothing of it was written."""


class Numbered(NamedTuple):
    """A session and the line that it stands in."""

    line: int
    found: Import


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Import nothing; say what would be imported.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@database_url
@click.pass_context
def import_sessions(
    ctx: click.Context, file: IO[bytes], *, dry_run: bool, as_json: bool, database_url: str | None
) -> None:
    """Import live sessions of another system from FILE, or from standard input where it is -.

    Each line is one JSON object (`ImportedSession` in the contract). A session is taken once, by its tenant, source and
    source_id: an import that was stopped is run again. No deadline is later than the timeouts allow; what is over
    already is left out. A tenant's limit of sessions refuses none: it holds from the next sign-in on, and the lines
    beyond it are named. Servers may go on meanwhile. The status is 1 when a line was refused.
    """
    settings = settings_from(database_url=database_url)
    if dry_run:
        existing_database(settings)
    reader = LineReader(settings)
    report = Report(as_json=as_json, dry_run=dry_run)
    with_database(
        settings,
        lambda database: Importing(settings, database, dry_run=dry_run).run(file, reader, report=report),
        connections=SIDE_BY_SIDE,
    )
    report.end()
    if report.counts["imported"] and not dry_run:
        record(settings, "sessions.imported", count=report.counts["imported"])
    if report.counts["refused"]:
        ctx.exit(1)


class Importing:
    """An import into an open database."""

    def __init__(self, settings: Settings, database: Database, *, dry_run: bool) -> None:
        self._database = database
        self._dry_run = dry_run
        self._trail = None if dry_run else Trail(settings)
        self._bounds = Bounds(
            settings.max_sessions_per_user, settings.max_tenants, tenants_provisioned=settings.tenants_provisioned
        )
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def run(self, file: IO[bytes], reader: LineReader, *, report: Report) -> None:
        """Import the lines of a file."""
        for some in _parts(lines_of(file), LOOKED_AT):
            refused: dict[int, list[dict[str, str]]] = {}
            by_tenant = _read(some, reader, report=report, refused=refused)
            if by_tenant and self._trail is not None:
                await self._record_once()
            work = [self._take(Tenant(key), found, report=report, refused=refused) for key, found in by_tenant.items()]
            await asyncio.gather(*work)
            for line in sorted(refused):
                report.refuse(line, refused[line])
            if sys.stderr.isatty():
                click.echo(f"\r{some[-1][0]:,} lines ", nl=False, err=True)

    async def _record_once(self) -> None:
        """Sessions are written in many transactions: the record is there before the first one."""
        trail, self._trail = self._trail, None
        if trail is not None:
            append = partial(trail.append, action="sessions.imported")
            await _patiently(lambda: self._database.write_system(append))

    async def _take(
        self, tenant: Tenant, found: list[Numbered], *, report: Report, refused: dict[int, list[dict[str, str]]]
    ) -> None:
        """Import the sessions of one tenant."""
        for some in _parts(found, AT_ONCE):
            wanted = [one.found for one in some]
            try:
                async with self._places:
                    verdicts = await _patiently(partial(self._decide, tenant, wanted))
            except (TenantNotFound, TenantLimitReached) as error:
                refused.update({one.line: told(error, "tenant_id") for one in some})
                continue
            for one, verdict in zip(some, verdicts, strict=True):
                if verdict == "sign_in_superseded":
                    refused[one.line] = told(SignInSuperseded(), "created_at")
                    continue
                report.counts["imported" if verdict in imports.NEW else verdict] += 1
                if verdict == "over_limit":
                    report.over_limit.append(one.line)

    async def _decide(self, tenant: Tenant, wanted: list[Import]) -> list[imports.Verdict]:
        if self._dry_run:
            return await self._database.read(tenant, partial(imports.judge, found=wanted, now=to_text(utc_now())))
        take = partial(imports.take, found=wanted, now=to_text(utc_now()), bounds=self._bounds)
        return await self._database.write(tenant, take)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, tried again while the database is busy. Raises Unavailable once it was for a minute."""
    for pause in PAUSES:
        try:
            return await work()
        except Unavailable:
            await asyncio.sleep(pause)
    return await work()


def _parts(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in their order, so many at a time."""
    left = iter(items)
    while some := tuple(islice(left, size)):
        yield some


def _read(
    some: tuple[tuple[int, bytes], ...],
    reader: LineReader,
    *,
    report: Report,
    refused: dict[int, list[dict[str, str]]],
) -> dict[TenantId, list[Numbered]]:
    """The sessions of some lines, by tenant."""
    by_tenant: dict[TenantId, list[Numbered]] = defaultdict(list)
    now = utc_now()
    for number, text in some:
        try:
            line = reader.read(text, now)
        except ValidationFailed as error:
            refused[number] = told(error, "line")
            continue
        if line.found is None:
            report.counts["expired"] += 1
        else:
            by_tenant[line.tenant_id].append(Numbered(number, line.found))
    return by_tenant
