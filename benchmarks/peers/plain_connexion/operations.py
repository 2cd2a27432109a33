"""The operations that are measured, named as in the contract."""

from typing import Any

from connexion import request
from connexion.exceptions import Forbidden

from benchmarks.peers.session_store import SessionStore, as_text, utc_now
from benchmarks.peers.session_views import creation_view, list_view, statistics_view
from benchmarks.peers.surroundings import ADMIN_ROLES, DATABASE

Answer = tuple[dict[str, Any], int, dict[str, str]]

_JSON = {"Content-Type": "application/json"}
_PROBLEM = {"Content-Type": "application/problem+json"}
_store = SessionStore(DATABASE)


async def check_user_active(user_id: str) -> Answer:
    """Whether a user is signed in."""
    count = _store.count_active(_tenant(), user_id, as_text(utc_now()))
    return {"active": count > 0, "session_count": count}, 200, _JSON


async def list_user_sessions(user_id: str, page: int, page_size: int) -> Answer:
    """One page of a user's active sessions."""
    now = as_text(utc_now())
    rows, total = _store.list_active(_tenant(), user_id, now, page, page_size)
    return list_view(rows, total, page, page_size, now), 200, _JSON


async def create_session(body: dict[str, Any]) -> Answer:
    """Record a sign-in."""
    now = utc_now()
    row, pair = _store.create(_tenant(), body, now)
    return creation_view(row, pair, as_text(now)), 201, _JSON


async def get_session_stats(token_info: dict[str, Any]) -> Answer:
    """A tenant's numbers."""
    if not ADMIN_ROLES.intersection(token_info.get("roles", ())):
        raise Forbidden()
    now = as_text(utc_now())
    numbers = _store.statistics(token_info["tenant_id"], now)
    if numbers is None:
        return {"type": "about:blank", "title": "Tenant not found", "status": 404}, 404, _PROBLEM
    return statistics_view(numbers, token_info["sub"], now), 200, _JSON


async def not_measured(**arguments: Any) -> Answer:
    """Any other operation of the contract."""
    return {"type": "about:blank", "title": "Not implemented", "status": 501}, 501, _PROBLEM


def _tenant() -> str:
    """The tenant of the request; Connexion passes no headers as arguments."""
    return str(request.headers["X-Tenant-ID"])
