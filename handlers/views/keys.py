"""API keys and tenants as those who manage them see them."""

from typing import Any

from sojourn.domain.api_keys import prefix_of
from sojourn.domain.clock import Instant
from sojourn.domain.scopes import scopes_of
from sojourn.handlers.views.envelopes import View
from sojourn.storage.queries.api_keys import ApiKeyRow
from sojourn.storage.queries.tenants import TenantRow


def api_key_response(row: ApiKeyRow, now: Instant) -> View:
    """`ApiKeyResponse`: all of a key but its secret."""
    state = "good" if row.is_good(now) else "revoked" if row.revoked_at is not None else "expired"
    view = {
        "id": row.id,
        "prefix": prefix_of(row.id),
        "name": row.name,
        "state": state,
        "scopes": sorted(scopes_of(row.scopes)),
        "tenants": row.tenants,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
        "previous_secret_until": row.previous_until,
    }
    return {name: value for name, value in view.items() if value is not None}


def tenant_response(row: TenantRow) -> View:
    """`TenantResponse`."""
    view: View = {"tenant_id": row.id, "created_at": row.created_at}
    return view if row.name is None else {**view, "name": row.name}


def cursor_list(items: list[View], *, limit: int, cursor: str) -> View:
    """Up to `limit` of the items; one more tells that there are more. `cursor` names the member to go on by."""
    shown, more = items[:limit], len(items) > limit
    view: dict[str, Any] = {"items": shown, "has_more": more}
    return {**view, "next_cursor": shown[-1][cursor]} if more else view
