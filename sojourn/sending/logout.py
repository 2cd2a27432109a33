"""Logout tokens for applications (OpenID Connect Back-Channel Logout 1.0): what the token of an ended session says."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sojourn.domain.ids import SessionKey, mint, session_id
from sojourn.domain.logout_tokens import EVENT
from sojourn.storage.queries.feed import EventRow
from sojourn.storage.queries.webhooks import WebhookRow

Sign = Callable[..., Awaitable[str]]
"""Signs claims, with `now` as a keyword; adds the issuer."""

LIFETIME = timedelta(minutes=2)
"""For so long a token is good (§2.4 recommends two minutes at most). Each attempt has a token of its own."""
FINAL = frozenset({400})
"""The status of an application that refuses a token (§2.8): the same end would be refused again."""


def logout_claims(row: WebhookRow, event: EventRow, *, now: datetime) -> dict[str, Any]:
    """The claims for one application, all but the issuer (§2.4). The user is missing where it was erased since."""
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "aud": row.client,
        "sub": event.user_id,
        "sid": None if event.session_id is None else session_id(SessionKey(event.session_id)),
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": mint("lot", now),
        "events": {EVENT: {}},
    }
    return {name: value for name, value in claims.items() if value is not None}


def logout_form(token: str) -> bytes:
    """The body of the request (§2.5)."""
    return urlencode({"logout_token": token}).encode()
