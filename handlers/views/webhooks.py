"""Endpoints and deliveries as administrators see them. A secret is nowhere in them."""

import json

from sojourn.domain.clock import Instant
from sojourn.domain.webhooks import Attempt
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.deliveries import DeliveryRow
from sojourn.storage.queries.webhooks import WebhookRow

FIRST_PAGE = 2**63 - 1
"""Behind the newest event of all."""


def webhook_response(row: WebhookRow, now: Instant) -> View:
    """`WebhookResponse`. That it is held, or has a second secret, is shown while it is so."""
    view = {
        "id": row.id,
        "url": row.url,
        "events": row.types,
        "description": row.description,
        "enabled": row.disabled_at is None,
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
        "disabled_because": row.disabled_because,
        "held_until": _future(row.held_until, now),
        "previous_secret_until": _future(row.previous_until, now),
    }
    return {name: value for name, value in view.items() if value is not None}


def logout_client_response(row: WebhookRow, now: Instant) -> View:
    """`LogoutClientResponse`. That nothing is sent to it for a while is shown while it is so."""
    view = {
        "client_id": row.client,
        "uri": row.url,
        "session_required": bool(row.session_required),
        "apps": row.wanted_apps,
        "enabled": row.disabled_at is None,
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
        "disabled_because": row.disabled_because,
        "held_until": _future(row.held_until, now),
    }
    return {name: value for name, value in view.items() if value is not None}


def test_response(attempt: Attempt) -> View:
    """`WebhookTestResponse`."""
    view: View = {"delivered": attempt.was_delivered, "duration_ms": attempt.duration_ms}
    return view if attempt.status is None else {**view, "status": attempt.status}


def delivery_list(rows: list[DeliveryRow], *, limit: int) -> View:
    """`DeliveryListResponse`; one more row tells that there are more."""
    shown, more = rows[:limit], len(rows) > limit
    view: View = {"items": [_delivery(row) for row in shown], "has_more": more}
    return {**view, "next_cursor": f"{shown[-1].number:016x}"} if more else view


def _delivery(row: DeliveryRow) -> View:
    state = "pending" if row.due_at is not None else "delivered" if row.delivered_at is not None else "failed"
    view = {
        "id": row.id,
        "type": row.type,
        "state": state,
        "created_at": row.created_at,
        "tries": row.tries,
        "next_attempt_at": row.due_at,
        "delivered_at": row.delivered_at,
        "attempts": json.loads(row.attempts or "[]"),
    }
    return {name: value for name, value in view.items() if value is not None}


def _future(instant: str | None, now: Instant) -> str | None:
    return instant if instant is not None and instant > now else None
