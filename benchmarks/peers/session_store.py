"""The store of the Python peers that use the driver directly: `sqlite3`, statements as text, one connection."""

import secrets
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, NamedTuple

from benchmarks.peers.token_pair import ACCESS_SECONDS, REFRESH_LIFE, TokenPair, make_pair

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -16384", "mmap_size = 268435456")
_SHOWN = (
    "id, tenant_id, user_id, created_at, authenticated_at, last_active_at, expires_at, idle_expires_at,"
    " amr, device_id, device_type, ip, user_agent, geoip"
)
_ACTIVE = "tenant_id = ? AND user_id = ? AND revoked_at IS NULL AND expires_at > ? AND idle_expires_at > ?"
_COUNT = f"SELECT count(*) FROM sessions WHERE {_ACTIVE}"
_LIST = f"SELECT {_SHOWN} FROM sessions WHERE {_ACTIVE} ORDER BY id DESC LIMIT ? OFFSET ?"
_INSERT = (
    "INSERT INTO sessions (tenant_id, id, user_id, created_at, authenticated_at, last_active_at, expires_at,"
    " idle_expires_at, due_at, amr, role, app_id, device_id, device_fingerprint, device_type, browser, os, ip,"
    " user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INCREMENT = (
    "INSERT INTO session_counters (tenant_id, kind, device_type, value) VALUES (?, 'created', ?, 1)"
    " ON CONFLICT (tenant_id, kind, device_type) DO UPDATE SET value = value + 1"
)
_BEGIN_TOKENS = (
    "INSERT INTO session_tokens (tenant_id, session_id, first_generation, generation, nonce, token_hash, rotated_at,"
    " expires_at, successor_used, client_id) VALUES (?, ?, 0, 0, ?, ?, ?, ?, 0, ?)"
)
_ENTER_TOKEN = (
    "INSERT INTO issued_tokens (tenant_id, id, session_id, user_id, token_type, token_hash, created_at, expires_at, ip,"
    " user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COUNTERS = "SELECT kind, device_type, value FROM session_counters WHERE tenant_id = ?"
_ENDED_UNCOUNTED = "SELECT count(*) FROM sessions WHERE tenant_id = ? AND due_at IS NOT NULL AND due_at <= ?"
_ABSOLUTE = timedelta(hours=24)
_IDLE = timedelta(hours=4)


class Statistics(NamedTuple):
    """A tenant's numbers."""

    total: int
    active: int
    expired: int
    revoked: int
    devices: dict[str, int]


class SessionStore:
    """Sessions in one SQLite file. Every method blocks for some tens of microseconds, a creation for an fsync."""

    def __init__(self, path: str) -> None:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        self._execute = connection.execute

    def count_active(self, tenant: str, user: str, now: str) -> int:
        """How many sessions of a user are active."""
        count: int = self._execute(_COUNT, (tenant, user, now, now)).fetchone()[0]
        return count

    def list_active(self, tenant: str, user: str, now: str, page: int, size: int) -> tuple[list[tuple[Any, ...]], int]:
        """One page of a user's active sessions, newest first, and how many there are."""
        rows = self._execute(_LIST, (tenant, user, now, now, size, (page - 1) * size)).fetchall()
        if page == 1 and len(rows) < size:
            return rows, len(rows)
        return rows, self.count_active(tenant, user, now)

    def create(self, tenant: str, body: Mapping[str, Any], now: datetime) -> tuple[tuple[Any, ...], TokenPair]:
        """Write a session and its first tokens durably; the row as a list would show it, and the tokens."""
        key, text = f"sess_{uuid7(now)}", as_text(now)
        expires, idle = as_text(now + _ABSOLUTE), as_text(now + _IDLE)
        amr = ",".join(body["amr"]) if body.get("amr") else None
        get = body.get
        shown = (key, tenant, body["auth_user_id"], text, text, text, expires, idle)
        pair = make_pair(tenant, key, body, now)
        self._execute("BEGIN IMMEDIATE")
        try:
            self._execute(
                _INSERT,
                (
                    tenant, key, body["auth_user_id"], text, text, text, expires, idle, idle, amr, get("role"),
                    get("app_id"), get("device_id"), get("device_fingerprint"), get("device_type"),
                    get("browser"), get("os"), get("ip"), get("user_agent"),
                ),
            )  # fmt: skip
            self._execute(_INCREMENT, (tenant, get("device_type") or "unknown"))
            self._enter_pair(tenant, key, pair, body, now)
            self._execute("COMMIT")
        except BaseException:
            self._execute("ROLLBACK")
            raise
        return (*shown, amr, get("device_id"), get("device_type"), get("ip"), get("user_agent"), None), pair

    def _enter_pair(self, tenant: str, session: str, pair: TokenPair, body: Mapping[str, Any], now: datetime) -> None:
        text, refresh_end = as_text(now), as_text(now + REFRESH_LIFE)
        access_end = as_text(now + timedelta(seconds=ACCESS_SECONDS))
        state = (tenant, session, secrets.token_hex(32), pair.refresh_hash, text, refresh_end, body.get("app_id"))
        self._execute(_BEGIN_TOKENS, state)
        for token_id, kind, token_hash, end in (
            (pair.refresh_id, "refresh", pair.refresh_hash, refresh_end),
            (pair.access_id, "access", pair.access_hash, access_end),
        ):
            row = (tenant, token_id, session, body["auth_user_id"], kind, token_hash, text, end)
            self._execute(_ENTER_TOKEN, (*row, body.get("ip"), body.get("user_agent")))

    def statistics(self, tenant: str, now: str) -> Statistics | None:
        """The tenant's numbers at `now`; None for a tenant that does not exist."""
        counters = self._execute(_COUNTERS, (tenant,)).fetchall()
        if not counters:
            return None
        uncounted = self._execute(_ENDED_UNCOUNTED, (tenant, now)).fetchone()[0]
        devices = {device: value for kind, device, value in counters if kind == "created"}
        totals = {kind: value for kind, _, value in counters if kind != "created"}
        total, revoked = sum(devices.values()), totals.get("revoked", 0)
        expired = totals.get("expired", 0) + uncounted
        return Statistics(total, total - revoked - expired, expired, revoked, devices)


def utc_now() -> datetime:
    """The present instant."""
    return datetime.fromtimestamp(time(), UTC)


def as_text(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return instant.isoformat(timespec="milliseconds")[:-6] + "Z"


def uuid7(now: datetime) -> str:
    """A UUID version 7 (RFC 9562 §5.7)."""
    noise = secrets.randbits(74)
    value = int(now.timestamp() * 1000) << 80 | 7 << 76 | (noise >> 62) << 64 | 2 << 62
    return str(uuid.UUID(int=value | noise & (1 << 62) - 1))
