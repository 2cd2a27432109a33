"""What is refused, as the snapshot and the events of the service say it.

One thread writes and others read: each change is one assignment, and `version` grows after it. Who has judged a token
at a version need not judge it again while it stays the same.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

UNKNOWN_END_SECONDS = 7 * 24 * 3600.0
"""For so long is kept what does not say until when it matters."""

_EXPIRED_CODES = frozenset({"idle_timeout", "absolute_timeout"})


class CutOff(NamedTuple):
    """What was issued at `until` or earlier is refused. Instants in seconds since 1970; `version` says when it came."""

    until: float
    forget_at: float
    version: int


class Suspension(NamedTuple):
    """A session is refused until an instant, or for good."""

    until: float
    forget_at: float


class Refusals:
    """All that is refused. Keys begin with the tenant; the `user` of a cut-off of a whole tenant is empty.

    `tenants` are those of which everything is known here, None for all.
    """

    def __init__(self, *, version: int = 0, tenants: Iterable[str] | None = None) -> None:
        self.version = version
        self.tenants = None if tenants is None else frozenset(tenants)
        self.keys: dict[str, float] = {}
        self.tokens: dict[tuple[str, str], float] = {}
        self.sessions: dict[tuple[str, str], tuple[str, float]] = {}
        self.suspensions: dict[tuple[str, str], Suspension] = {}
        self.cut_offs: dict[tuple[str, str], CutOff] = {}
        self.raised: dict[tuple[str, str], CutOff] = {}

    @property
    def _all(self) -> tuple[dict[Any, Any], ...]:
        return self.keys, self.tokens, self.sessions, self.suspensions, self.cut_offs, self.raised

    def __len__(self) -> int:
        return sum(map(len, self._all))

    def take_item(self, item: Mapping[str, Any]) -> None:
        """Take over a `RevocationItem`. Kinds that are not known are passed over."""
        tenant, forget_at = item["tenant_id"], seconds(item["forget_at"])
        match item["kind"]:
            case "session":
                self.sessions[tenant, item["session_id"]] = _reason(item.get("reason_code")), forget_at
            case "token":
                self.tokens[tenant, item["jti"]] = forget_at
            case "key":
                self.keys[item["kid"]] = forget_at
            case "suspension":
                self._suspend(tenant, item["session_id"], item.get("until"), forget_at=forget_at)
            case "cut_off" if item["token_type"] == "access":  # noqa: S105 - a kind of token
                until = seconds(item["issued_until"])
                if "session_id" in item:
                    self._cut(self.raised, (tenant, item["session_id"]), until, forget_at=forget_at)
                else:
                    self._cut(self.cut_offs, (tenant, item.get("user_id", "")), until, forget_at=forget_at)
        self.version += 1

    def take_event(self, event: Mapping[str, Any], *, now: float) -> None:
        """Take over an `Event`. Types that refuse no access token are passed over."""
        tenant, data = event["tenant_id"], event["data"]
        end = data.get("tokens_valid_until")
        forget_at = now + UNKNOWN_END_SECONDS if end is None else seconds(end)
        match event["type"]:
            case "session.ended":
                self.sessions[tenant, data["session_id"]] = _reason(data.get("reason_code")), forget_at
            case "session.suspended":
                until = data.get("until") if data.get("then", "reactivate") == "reactivate" else None
                self._suspend(tenant, data["session_id"], until, forget_at=forget_at)
            case "session.reactivated":
                self.sessions.pop((tenant, data["session_id"]), None)
                self.suspensions.pop((tenant, data["session_id"]), None)
            case "session.elevated":
                until = seconds(event["occurred_at"])
                self._cut(self.raised, (tenant, data["session_id"]), until, forget_at=forget_at)
            case "token.refused" if "jti" in data:
                self.tokens[tenant, data["jti"]] = forget_at
            case "tokens.refused" if "access" in data["token_types"]:
                until = seconds(data["issued_until"])
                self._cut(self.cut_offs, (tenant, data.get("user_id", "")), until, forget_at=forget_at)
            case "signing_key.retired":
                self.keys[data["kid"]] = forget_at
            case _:
                return
        self.version += 1

    def forget(self, before: float) -> None:
        """Drop what concerns no token that expires after an instant."""
        for known in self._all:
            for key, value in list(known.items()):
                if (value if isinstance(value, float) else _forget_at(value)) <= before:
                    known.pop(key, None)

    def _suspend(self, tenant: str, session: str, until: str | None, *, forget_at: float) -> None:
        end = float("inf") if until is None else seconds(until)
        self.suspensions[tenant, session] = Suspension(end, forget_at)

    def _cut(
        self, known: dict[tuple[str, str], CutOff], key: tuple[str, str], until: float, *, forget_at: float
    ) -> None:
        before = known.get(key)
        if before is not None:
            until, forget_at = max(until, before.until), max(forget_at, before.forget_at)
        known[key] = CutOff(until, forget_at, self.version + 1)


def seconds(text: str) -> float:
    """The instant that a text names (RFC 3339), in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def _reason(code: str | None) -> str:
    if code in _EXPIRED_CODES:
        return "session_expired"
    return "session_not_found" if code == "erased" else "session_revoked"


def _forget_at(value: Any) -> float:
    forget_at: float = value.forget_at if isinstance(value, CutOff | Suspension) else value[1]
    return forget_at
