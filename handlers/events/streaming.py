"""Who follows the events as a stream of server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import lru_cache
from random import randint, uniform

import orjson

from sojourn.domain.clock import Instant
from sojourn.domain.cursors import Cursor
from sojourn.handlers.answers import Stream
from sojourn.handlers.context import Context, commits_itself
from sojourn.handlers.events.wanted import cursor_of, wanted_events
from sojourn.handlers.feed import Feed, Page, Wanted
from sojourn.handlers.views.envelopes import View
from sojourn.handlers.views.events import event_response
from sojourn.storage.queries.feed import EventRow

CHECKPOINT_SECONDS = 3.0
"""How often a stream says that nothing happened. The contract promises five seconds."""
_LEAST_AGE = 0.8
"""Streams that began together do not end together: each lasts between so much of the greatest age and all of it."""
_RETRY_MILLISECONDS = 500, 2500
"""When a client connects again. Those that lost one process do not all come to the next at once."""


@commits_itself
async def stream_events(
    ctx: Context,
    last_event_id: str | None,
    *,
    after: str | None,
    types: str | None,
    limit: int,
    x_tenant_id: str | None,
) -> Stream:
    """Events behind a cursor, and those to come, until the stream is old enough. Raises CursorExpired."""
    wanted, feed = wanted_events(ctx, x_tenant_id, types=types), ctx.service.feed
    page = await feed.page(wanted, cursor_of(last_event_id or after), limit=limit, wait_seconds=0)
    return Stream(_messages(feed, wanted, page=page, limit=limit, max_age=ctx.service.stream_max_age))


async def _messages(
    feed: Feed, wanted: Wanted, *, page: Page, limit: int, max_age: timedelta
) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    end = clock() + max_age.total_seconds() * uniform(_LEAST_AGE, 1)  # noqa: S311 - no secret
    yield b": events\nretry: %d\n\n" % randint(*_RETRY_MILLISECONDS)  # noqa: S311 - no secret
    due = clock()
    while True:
        messages = [_event(row, page.cursor.epoch) for row in page.rows]
        if not page.has_more and (messages or clock() >= due):
            messages.append(_checkpoint(page.cursor, page.as_of))
            due = clock() + CHECKPOINT_SECONDS
        if messages:
            yield b"".join(messages)
        if feed.has_ended or clock() >= end:
            return
        wait_seconds = 0.0 if page.has_more else min(due, end) - clock()
        page = await feed.following(wanted, page.cursor, limit=limit, wait_seconds=wait_seconds)


@lru_cache(maxsize=1024)
def _event(row: EventRow, epoch: str) -> bytes:
    """The same bytes for all streams: they are written once."""
    event = event_response(row, epoch)
    return _message(str(event["cursor"]), str(event["type"]), data=event)


@lru_cache(maxsize=64)
def _checkpoint(cursor: Cursor, as_of: Instant) -> bytes:
    """Everything up to the cursor was sent, and all that was committed until the instant is before the cursor."""
    text = str(cursor)
    return b":\n" + _message(text, "checkpoint", data={"cursor": text, "as_of": as_of})


def _message(cursor: str, kind: str, *, data: View) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), kind.encode(), orjson.dumps(data))
