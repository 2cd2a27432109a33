"""The envelope of successful responses; `code` 0 means success."""

from typing import Any

from sojourn.domain.clock import Instant
from sojourn.domain.paging import Page, page_info

View = dict[str, Any]

SUCCESS = 0


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
