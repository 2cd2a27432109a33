"""Touches that are not written yet. Sessions are touched far more often than their rows need to change.

A process shows its waiting touches as if they were written. Whether a session is active is decided by its row alone: a
waiting touch does not keep a session active.
"""

from functools import reduce
from typing import Any, NamedTuple, TypeVar, cast

from sojourn.domain.clock import Instant
from sojourn.domain.ids import SessionKey, TenantId

R = TypeVar("R", bound=Any)


class Touch(NamedTuple):
    """An activity: when, the idle deadline it leads to, and the deadline that the row still has. Instants as text.

    `last_ip` and `last_user_agent` say where it came from, None where that was not told.
    """

    last_active_at: Instant
    idle_expires_at: Instant
    written_until: Instant
    last_ip: str | None = None
    last_user_agent: str | None = None


class Touches:
    """The touches of one process, by tenant and session."""

    __slots__ = ("_size", "_waiting", "_written")

    def __init__(self) -> None:
        self._waiting: dict[TenantId, dict[SessionKey, Touch]] = {}
        self._written: dict[TenantId, dict[SessionKey, Touch]] = {}
        self._size = 0

    def __len__(self) -> int:
        """How many sessions have a touch that waits."""
        return self._size

    def add(self, tenant_id: TenantId, key: SessionKey, *, touch: Touch) -> None:
        """Let a touch wait. Neither of its instants goes back, and what the row has stays what it was."""
        of_tenant = self._waiting.setdefault(tenant_id, {})
        before = of_tenant.get(key)
        if before is None:
            self._size += 1
            of_tenant[key] = touch
        else:
            of_tenant[key] = _merged(before, touch)

    def waiting(self, tenant_id: TenantId, key: SessionKey) -> Touch | None:
        """The touch of a session that is still to be written."""
        return self._waiting.get(tenant_id, {}).get(key)

    def perhaps_unwritten(self, tenant_id: TenantId, key: SessionKey) -> Touch | None:
        """What is not written yet of a session's activity: what waits, together with what is being written now."""
        found = [of.get(tenant_id, {}).get(key) for of in (self._written, self._waiting)]
        touches = [touch for touch in found if touch is not None]
        return reduce(_merged, touches) if touches else None

    def idle_deadline(self, tenant_id: TenantId, key: SessionKey, *, written: Instant) -> Instant:
        """The idle deadline of a session that was not revoked, whose row has the one that is `written`."""
        touch = self.perhaps_unwritten(tenant_id, key)
        return written if touch is None else _idle_deadline(written, touch)

    def of_tenant(self, tenant_id: TenantId) -> list[tuple[SessionKey, Touch]]:
        """What is not written yet of the activity of a tenant's sessions, by their ids in order."""
        keys = {key for of in (self._written, self._waiting) for key in of.get(tenant_id, {})}
        found = [(key, self.perhaps_unwritten(tenant_id, key)) for key in sorted(keys)]
        return [(key, touch) for key, touch in found if touch is not None]

    def take(self) -> dict[TenantId, dict[SessionKey, Touch]]:
        """All waiting touches, to be written now.

        They are still shown until the next call: a read that began before the write may end after it.
        """
        self._written, self._waiting, self._size = self._waiting, {}, 0
        return self._written

    def shown(self, tenant_id: TenantId, row: R) -> R:
        """A row of a session (a named tuple with its `id`) with what is not in it yet."""
        if not (self._waiting or self._written) or getattr(row, "revoked_at", None) is not None:
            return row
        for touches in (self._written, self._waiting):
            touch = touches.get(tenant_id, {}).get(row.id)
            if touch is not None:
                row = _over(row, touch)
        return row


def _merged(before: Touch, touch: Touch) -> Touch:
    """Two activities of one session as one: the later one says where it is used, as far as it says so."""
    later, earlier = (touch, before) if touch.last_active_at >= before.last_active_at else (before, touch)
    became_shorter = touch.written_until < before.written_until
    return Touch(
        last_active_at=later.last_active_at,
        idle_expires_at=touch.idle_expires_at if became_shorter else max(before.idle_expires_at, touch.idle_expires_at),
        written_until=min(before.written_until, touch.written_until),
        last_ip=later.last_ip or earlier.last_ip,
        last_user_agent=later.last_user_agent or earlier.last_user_agent,
    )


def _idle_deadline(written: Instant, touch: Touch) -> Instant:
    became_shorter = written < touch.written_until  # a time-out did, since the touch was judged
    return written if became_shorter else max(written, touch.idle_expires_at)


def _over(row: R, touch: Touch) -> R:
    newer: dict[str, Any] = {"last_active_at": max(row.last_active_at, touch.last_active_at)}
    if hasattr(row, "idle_expires_at"):
        newer["idle_expires_at"] = _idle_deadline(row.idle_expires_at, touch)
    if touch.last_active_at >= row.last_active_at:
        told = {"last_ip": touch.last_ip, "last_user_agent": touch.last_user_agent}
        newer |= {name: value for name, value in told.items() if value is not None and hasattr(row, name)}
    return cast(R, row._replace(**newer))
