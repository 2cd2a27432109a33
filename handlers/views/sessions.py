"""How a session looks on the wire: one function per schema of the contract, of the same name."""

from collections.abc import Sequence

from sojourn.domain import details, factors
from sojourn.domain.breakdowns import largest
from sojourn.domain.clock import Instant
from sojourn.domain.endings import SUSPENSION_OVER, timeout_code
from sojourn.domain.ids import session_id
from sojourn.domain.places import country_of
from sojourn.domain.sessions import FOREVER, status_of
from sojourn.handlers.views.envelopes import SUCCESS, View
from sojourn.storage.queries.session_devices import DeviceRow
from sojourn.storage.queries.session_rows import SessionRow, SessionWithUser
from sojourn.storage.queries.statistics import SessionStats
from sojourn.storage.queries.usage import DailyUsage, UsageOfSession


def session_response(row: SessionRow, now: Instant) -> View:
    """`SessionResponse`. What is unknown is left out; status is decided `now`."""
    view: View = {
        "id": session_id(row.id),
        "tenant_id": row.tenant_id,
        "user_id": row.user_id,
        "status": status_of(row, now),
        "created_at": row.created_at,
        "authenticated_at": row.authenticated_at,
        "last_active_at": row.last_active_at,
        "expires_at": row.expires_at,
        "idle_expires_at": row.idle_expires_at,
    }
    if row.amr is not None:
        view["amr"] = row.amr
    if row.acr is not None:
        view["acr"] = row.acr
    if row.device_id is not None:
        view["device_id"] = row.device_id
    if row.device_type is not None:
        view["device_type"] = row.device_type
    if row.ip is not None:
        view["ip"] = row.ip
    if row.user_agent is not None:
        view["user_agent"] = row.user_agent
    if row.geoip is not None:
        view["geoip"] = row.geoip
        if (country := country_of(row.geoip)) is not None:
            view["country"] = country
    if row.app_id is not None:
        view["app_id"] = row.app_id
    if row.browser is not None:
        view["browser"] = row.browser
    if row.os is not None:
        view["os"] = row.os
    if row.last_ip is not None:
        view["last_ip"] = row.last_ip
    if row.last_user_agent is not None:
        view["last_user_agent"] = row.last_user_agent
    if row.impersonator is not None:
        view["impersonator"] = row.impersonator
    if row.idp_issuer is not None:
        named = {} if row.idp_session_id is None else {"session_id": row.idp_session_id}
        view["idp"] = {"issuer": row.idp_issuer, **named}
    if row.asn is not None:
        view["asn"] = row.asn
    if row.factors is not None:
        view["factors"] = factors.read(row.factors)
    if row.details is not None:
        view |= details.read(row.details)
    return view


def session_record(row: SessionRow, now: Instant) -> View:
    """`SessionResponse` with who recorded it and the facts of its end: for administrators, services and exports.

    A session that was ended by a release without codes has none that could be told.
    """
    view = session_response(row, now)
    recorded_by = row.recorded_by or row.impersonator
    if recorded_by is not None:
        view["recorded_by"] = recorded_by
    if view["status"] == "suspended":
        view["suspended_then"] = row.suspended_then
        if row.suspended_until != FOREVER:
            view["suspended_until"] = row.suspended_until
    if row.revoked_at is not None:
        view["revoked_at"] = row.revoked_at
        view["revoked_by"] = row.revoked_by
        view["revoke_reason"] = row.revoke_reason
        view["reason_code"] = row.reason_code or "unspecified"
    elif view["status"] == "revoked":  # with its suspension: its row does not say so yet
        ending = SUSPENSION_OVER
        view |= {"revoked_at": row.suspended_until, "revoked_by": ending.by}
        view |= {"revoke_reason": ending.reason, "reason_code": ending.code}
    elif view["status"] == "expired":
        view["reason_code"] = timeout_code(row)
    return view


ALWAYS_PRESENT = frozenset(
    ("id", "tenant_id", "user_id", "status", "created_at", "authenticated_at", "last_active_at", "expires_at",
     "idle_expires_at")
)  # fmt: skip
"""The members that every `SessionResponse` has."""


def shown_members(view: View, fields: str | None) -> View:
    """A `SessionResponse` with those members that `fields` names, joined by commas, and those it always has."""
    if fields is None:
        return view
    wanted = ALWAYS_PRESENT | set(fields.split(","))
    return {name: value for name, value in view.items() if name in wanted}


def device_sessions(row: DeviceRow, newest: View) -> View:
    """`DeviceSessions`, with its newest session as the caller may see it."""
    view: View = {} if row.device_id is None else {"device_id": row.device_id}
    return view | {"session_count": row.session_count, "active_count": row.active_count, "newest": newest}


def all_sessions_item(row: SessionWithUser) -> View:
    """`AllSessionsItem`: an active session of `list_all_sessions`. Every member is always present."""
    return {
        "session_id": row.id,
        "user_id": row.user_key,
        "username": row.username or row.user_id,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_activity": row.last_active_at,
        "ip_address": row.ip or "",
        "user_agent": row.user_agent or "",
        "auth_method": row.amr or "unknown",
        "is_active": True,
    }


def session_stats_response(stats: SessionStats, user_id: str, *, now: Instant) -> View:
    """`SessionStatsResponse` for the tenant; `user_id` is the caller's."""
    return {
        "user_id": user_id,
        "total_sessions": stats.total,
        "active_sessions": stats.active,
        "expired_sessions": stats.expired,
        "revoked_sessions": stats.revoked,
        "suspended_sessions": stats.suspended,
        "device_breakdown": largest(stats.devices),
        "updated_at": now,
    }


def session_usage_response(days: Sequence[DailyUsage], now: Instant) -> View:
    """`SessionUsageResponse`."""
    used = [{"day": day.day, "count": day.uses} for day in days]
    return {"code": SUCCESS, "message": "ok", "usage": used, "timestamp": now}


def session_day_usage(used: UsageOfSession) -> View:
    """`SessionDayUsage`."""
    return {"session_id": session_id(used.session_key), "day": used.day, "count": used.uses}
