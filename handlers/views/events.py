"""Events as the contract shows them."""

import json
from typing import Any

from sojourn.domain.cursors import Cursor
from sojourn.domain.ids import SessionKey, session_id
from sojourn.handlers.feed import Page
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.feed import EventRow


def event_list(page: Page) -> View:
    """`EventListResponse`."""
    return {
        "items": [event_response(row, page.cursor.epoch) for row in page.rows],
        "next_cursor": str(page.cursor),
        "has_more": page.has_more,
        "as_of": page.as_of,
    }


def event_response(row: EventRow, epoch: str) -> View:
    """`Event`: what concerns every tenant has the tenant `*`."""
    return {
        "id": row.id,
        "cursor": str(Cursor(epoch, row.number)),
        "type": row.type,
        "tenant_id": row.tenant_id,
        "occurred_at": row.occurred_at,
        "data": event_data(row),
    }


def session_event(row: EventRow) -> View:
    """`SessionEvent`. It has no cursor: one that was just written may have no place among all events yet."""
    return {"id": row.id, "type": row.type, "occurred_at": row.occurred_at, "data": event_data(row)}


def event_data(row: EventRow) -> dict[str, Any]:
    """What has a value. An end also says when; what refuses tokens, until when these could still be valid."""
    named = {
        "session_id": None if row.session_id is None else session_id(SessionKey(row.session_id)),
        "user_id": row.user_id,
        "app_id": row.app_id,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "initiated_by": row.initiated_by,
        "actor": row.actor,
    }
    if row.type == "session.ended":
        named |= {"ended_at": row.occurred_at, "tokens_valid_until": row.forget_at or row.occurred_at}
    elif row.forget_at is not None:
        named["tokens_valid_until"] = row.forget_at
    found = {name: value for name, value in named.items() if value is not None}
    return found | (json.loads(row.data) if row.data else {})
