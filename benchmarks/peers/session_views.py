"""The answers of the Python peers that build them by hand, as objects ready for a JSON encoder."""

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.session_store import Statistics
from benchmarks.peers.token_pair import TokenPair

_FIELDS = (
    "id", "tenant_id", "user_id", "created_at", "authenticated_at", "last_active_at", "expires_at",
    "idle_expires_at", "amr", "device_id", "device_type", "ip", "user_agent", "geoip",
)  # fmt: skip


def session_view(row: Sequence[Any]) -> dict[str, Any]:
    """An active session; what is unknown is left out."""
    view = {name: value for name, value in zip(_FIELDS, row, strict=True) if value is not None}
    view["status"] = "active"
    return view


def list_view(rows: Sequence[Sequence[Any]], total: int, page: int, page_size: int, now: str) -> dict[str, Any]:
    """One page of sessions."""
    pages = -(-total // page_size)
    return {
        "code": 0,
        "message": "ok",
        "items": [session_view(row) for row in rows],
        "total": total,
        "pagination": {
            "page": page,
            "page_size": page_size,
            "total": total,
            "total_pages": pages,
            "has_next": page < pages,
            "has_prev": page > 1 and total > 0,
        },
        "timestamp": now,
    }


def creation_view(row: Sequence[Any], pair: TokenPair, now: str) -> dict[str, Any]:
    """A session that was created, with its first tokens."""
    data = {"session": session_view(row), "tokens": pair.view()}
    return {"code": 0, "message": "ok", "data": data, "timestamp": now}


def statistics_view(numbers: Statistics, user: str, now: str) -> dict[str, Any]:
    """A tenant's numbers."""
    return {
        "user_id": user,
        "total_sessions": numbers.total,
        "active_sessions": numbers.active,
        "expired_sessions": numbers.expired,
        "revoked_sessions": numbers.revoked,
        "device_breakdown": numbers.devices,
        "updated_at": now,
    }


def problem(status: int, title: str, detail: str | None = None) -> dict[str, Any]:
    """A problem document (RFC 9457)."""
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail is not None:
        document["detail"] = detail
    return document
