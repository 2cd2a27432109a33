"""`sojourn events`: what happened, on the terminal."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import click

from sojourn.cli.databases import with_database
from sojourn.cli.options import TenantParameter, database_url, settings_from
from sojourn.domain.clock import utc_now
from sojourn.domain.cursors import Cursor, read_cursor
from sojourn.domain.errors import CursorExpired
from sojourn.domain.ids import TenantId
from sojourn.handlers.feed import Wanted
from sojourn.handlers.views.events import event_response
from sojourn.serving.feed import Feed
from sojourn.storage.database import Database
from sojourn.storage.queries.events import EVENT_TYPES

PAGE = 100
WAIT_SECONDS = 30.0

Line = dict[str, Any]


class CursorParameter(click.ParamType[Cursor]):
    """A cursor of the feed of events."""

    name = "cursor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Cursor:
        """The cursor that was written; fails with one sentence."""
        if isinstance(value, Cursor):
            return value
        try:
            return read_cursor(value)
        except ValueError:
            self.fail(f"{value!r} is not a cursor: 28 hexadecimal digits, as events have them", param, ctx)


@click.group()
def events() -> None:
    """Show what happened: sessions that began and ended, tokens that are refused, devices that are trusted."""


@events.command()
@click.option("--tenant", type=TenantParameter(), metavar="T", help="This tenant only. Without: every tenant.")
@click.option("--type", "types", type=click.Choice(EVENT_TYPES), multiple=True, metavar="TYPE", help="This only.")
@click.option("--after", type=CursorParameter(), help="Begin behind this cursor. Without: with what is still to come.")
@click.option("--all", "from_first", is_flag=True, help="Begin with the oldest event that is kept.")
@click.option("--no-follow", is_flag=True, help="End once everything was shown, and wait for nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as `GET /internal/events` has it.")
@database_url
def tail(
    tenant: TenantId | None,
    types: tuple[str, ...],
    *,
    after: Cursor | None,
    from_first: bool,
    no_follow: bool,
    as_json: bool,
    database_url: str | None,
) -> None:
    """Print events as they happen, one a line, until interrupted.

    A line has the instant, the tenant, the type, and what the event is about.
    """
    if after is not None and from_first:
        raise click.UsageError("--after and --all say two beginnings")
    settings = settings_from(database_url=database_url)
    wanted = Wanted(None if tenant is None else (tenant,), frozenset(types))

    async def work(database: Database) -> None:
        feed = Feed(lambda: database, utc_now, retention=settings.event_retention)
        await feed.follow(database)
        start = after if after is not None or from_first else await _end_of(feed)
        async with aclosing(_events(feed, wanted, start=start, follows=not no_follow)) as found:
            async for event in found:
                click.echo(json.dumps(event, ensure_ascii=False) if as_json else _readable(event))

    try:
        with_database(settings, work, existing=True)
    except CursorExpired:
        raise click.ClickException(
            "events behind this cursor are not kept any more, or it is a cursor of another database: begin with --all"
        ) from None


async def _end_of(feed: Feed) -> Cursor:
    ends, _ = await feed.ends()
    return Cursor(ends.epoch, ends.newest)


async def _events(feed: Feed, wanted: Wanted, *, start: Cursor | None, follows: bool) -> AsyncGenerator[Line, None]:
    """Events in their order, from the oldest on without a start, until a signal comes."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, feed.end)
    looking = asyncio.create_task(feed.run())
    try:
        page = await feed.page(wanted, start, limit=PAGE, wait_seconds=0)
        while True:
            for row in page.rows:
                yield event_response(row, page.cursor.epoch)
            if feed.has_ended or (not follows and not page.has_more):
                return
            wait_seconds = 0.0 if page.has_more else WAIT_SECONDS
            page = await feed.following(wanted, page.cursor, limit=PAGE, wait_seconds=wait_seconds)
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def _readable(event: Line) -> str:
    told = " ".join(f"{name}={_shown(value)}" for name, value in event["data"].items())
    return f"{event['occurred_at']} {event['tenant_id']} {event['type']} {told}".rstrip()


def _shown(value: Any) -> str:
    """A value on a terminal: what others wrote must not look like another member, nor move the cursor."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    is_plain = text.isprintable() and not set(text) & set(' "=\\')
    return text if is_plain else json.dumps(text, ensure_ascii=not text.isprintable())
