"""What the clients of a service were told, call by call: all that is known of a run, and all that is judged."""

import threading
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["create", "touch", "refresh", "revoke", "check", "list"]
Outcome = Literal["acknowledged", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its answer. Instants are seconds of one monotonic clock, taken by the client.

    `outcome` is `acknowledged` for 2xx, `refused` for any other answer, `unknown` when no whole answer came.
    """

    action: Action
    tenant: str
    session: str | None
    started: float
    ended: float
    outcome: Outcome
    status: int = 0
    says: str = ""
    """What a check was told of the session (`active`, `revoked`, `expired`, `absent`), or what else came back."""
    problem: bool = False
    """Whether a refusal was a problem document that agrees with its status (and says when to come back: 503)."""
    rows: tuple[tuple[str, str], ...] = ()
    """Tenant and id of each session that a list showed."""
    spent: str = ""
    """A refresh: the token that was shown."""
    gained: str = ""
    """A refresh: the token that came back."""


@dataclass(slots=True)
class History:
    """The calls of one run. `healed_at` is when the fault was over: from then on everything must work again."""

    calls: list[Call] = field(default_factory=list)
    healed_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: Call) -> None:
        """Remember a call; from any thread."""
        with self._lock:
            self.calls.append(call)
