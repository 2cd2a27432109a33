"""A tenant's sessions by filters, in pages or step by step, for administrators."""

from collections.abc import Callable
from typing import Literal

from sojourn.domain.clock import Instant, read_instant, to_text
from sojourn.domain.errors import ValidationFailed, Violation
from sojourn.domain.paging import Page
from sojourn.domain.session_cursors import Place, list_name, read_cursor, write_cursor
from sojourn.domain.sessions import Status
from sojourn.handlers.context import Context, reads_at_length
from sojourn.handlers.tenancy import require_tenant
from sojourn.handlers.views.envelopes import View, Walk, list_response, walk_response
from sojourn.handlers.views.sessions import session_record, shown_members
from sojourn.storage.queries import sessions
from sojourn.storage.queries.session_filters import SessionFilter
from sojourn.storage.queries.session_rows import SessionRow
from sojourn.storage.queries.session_search import Sort, page_of, step_of

STEP = 20
"""How many sessions a step of a walk shows where nobody says it."""

Shown = Callable[[SessionRow], View]


@reads_at_length
async def list_tenant_sessions(
    ctx: Context,
    user_id: str | None,
    status: Status | None,
    app_id: str | None,
    device_id: str | None,
    device_type: str | None,
    device_fingerprint: str | None,
    ip: str | None,
    country: str | None,
    asn: int | None,
    user_agent_contains: str | None,
    amr: str | None,
    auth_time_before: str | None,
    created_after: str | None,
    created_before: str | None,
    active_after: str | None,
    active_before: str | None,
    sort: Sort,
    cursor: str | None,
    limit: int | None,
    count: Literal["exact", "none"],
    fields: str | None,
    page: int,
    page_size: int,
) -> View:
    """The tenant's sessions that fit all filters: one page, or a step of a walk where `limit` or `cursor` is given."""
    await require_tenant(ctx)
    wanted = SessionFilter(
        user_id=user_id,
        status=status,
        app_id=app_id,
        device_id=device_id,
        device_type=device_type,
        device_fingerprint=device_fingerprint,
        ip=ip,
        country=country,
        asn=asn,
        user_agent_contains=user_agent_contains,
        amr=amr,
        auth_time_before=_instant(auth_time_before),
        created_after=_instant(created_after),
        created_before=_instant(created_before),
        active_after=_instant(active_after),
        active_before=_instant(active_before),
    )

    def show(row: SessionRow) -> View:
        return shown_members(session_record(row, ctx.now_text), fields)

    counts = count == "exact"
    if limit is not None or cursor is not None:
        return await walk(ctx, wanted, sort=sort, cursor=cursor, limit=limit or STEP, counts=counts, show=show)
    return await paged(ctx, wanted, sort=sort, page=Page(page, page_size), counts=counts, show=show)


async def list_of_user(
    ctx: Context,
    user_id: str,
    *,
    status: Status,
    sort: Sort,
    cursor: str | None,
    limit: int | None,
    page: Page,
    show: Shown,
) -> View:
    """A user's sessions in one state: one page, or a step of a walk where `limit` or `cursor` is given.

    Raises ValidationFailed for a cursor of another list.
    """
    wanted = SessionFilter(user_id=user_id, status=status)
    if limit is not None or cursor is not None:
        return await walk(ctx, wanted, sort=sort, cursor=cursor, limit=limit or STEP, counts=True, show=show)
    if status != "active" or sort != "-created_at":
        return await paged(ctx, wanted, sort=sort, page=page, counts=True, show=show)
    rows, total = await sessions.list_active_of_user(ctx.db, user_id, now=ctx.now_text, page=page)
    return list_response([show(row) for row in rows], total, page=page, now=ctx.now_text)


async def paged(ctx: Context, wanted: SessionFilter, *, sort: Sort, page: Page, counts: bool, show: Shown) -> View:
    """One page of the sessions that fit."""
    found = await page_of(ctx.db, wanted, now=ctx.now_text, page=page, sort=sort, counts=counts)
    total = page.offset + len(found.rows) if found.total is None else found.total
    view = list_response([show(row) for row in found.rows], total, page=page, now=ctx.now_text)
    if found.total is None:
        view["pagination"]["has_next"] = found.next is not None
    if found.window is not None:
        view["pagination"]["window"] = found.window
    return view


async def walk(
    ctx: Context, wanted: SessionFilter, *, sort: Sort, cursor: str | None, limit: int, counts: bool, show: Shown
) -> View:
    """A step of a walk through the sessions that fit. Raises ValidationFailed for a cursor of another list."""
    name = list_name(ctx.tenant.id, wanted.given(), sort=sort)
    behind = None if cursor is None else place_of(name, cursor)
    found = await step_of(ctx.db, wanted, now=ctx.now_text, limit=limit, behind=behind, sort=sort, counts=counts)
    shown = (0 if behind is None else behind.shown) + len(found.rows)
    following = None if found.next is None else write_cursor(name, found.next)
    said = Walk(found.total, shown, following, found.window)
    return walk_response([show(row) for row in found.rows], said, limit=limit, now=ctx.now_text)


def place_of(name: str, cursor: str) -> Place:
    """Where a cursor goes on. Raises ValidationFailed for a cursor of another list."""
    try:
        return read_cursor(name, cursor)
    except ValueError:
        raise ValidationFailed([Violation("cursor", "foreign_cursor", {}, cursor)]) from None


def _instant(text: str | None) -> Instant | None:
    return None if text is None else to_text(read_instant(text))
