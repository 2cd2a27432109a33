"""The envelope of successful responses; `code` 0 means success."""

from typing import Any, NamedTuple

from sojourn.domain.clock import Instant
from sojourn.domain.paging import Page, page_info

View = dict[str, Any]

SUCCESS = 0


class Walk(NamedTuple):
    """What a step of a walk says of itself. `shown` counts what was shown so far; `total` is None if nobody counted."""

    total: int | None
    shown: int
    next_cursor: str | None
    window: int | None


def simple_response(message: str, now: Instant) -> View:
    """`SimpleResponse`: success without data."""
    return {"code": SUCCESS, "message": message, "timestamp": now}


def data_response(data: View, now: Instant) -> View:
    """A response whose content is one object under `data`."""
    return {"code": SUCCESS, "message": "ok", "data": data, "timestamp": now}


def list_response(items: list[View], total: int, *, page: Page, now: Instant) -> View:
    """One page of a list of `total` rows; the count stands flat and inside `pagination`."""
    info = page_info(page, total)
    return {
        "code": SUCCESS,
        "message": "ok",
        "items": items,
        "total": total,
        "pagination": {
            "page": info.page,
            "page_size": info.page_size,
            "total": info.total,
            "total_pages": info.total_pages,
            "has_next": info.has_next,
            "has_prev": info.has_prev,
        },
        "timestamp": now,
    }


def walk_response(items: list[View], walk: Walk, *, limit: int, now: Instant) -> View:
    """A step of a walk by cursor: always the first page of what is left, with the cursor of the next one."""
    total = walk.shown if walk.total is None else walk.total
    view = list_response(items, total, page=Page(1, limit), now=now)
    view["pagination"]["has_next"] = walk.next_cursor is not None
    view["pagination"]["has_prev"] = walk.shown > len(items)
    if walk.next_cursor is not None:
        view["pagination"]["next_cursor"] = walk.next_cursor
    if walk.window is not None:
        view["pagination"]["window"] = walk.window
    return view
