"""A model of what a server has to store: sessions, trusted devices and refused tokens of two tenants.

It is pure: its input is what was done, its output is what every operation must return from then on.
"""

from dataclasses import dataclass, field
from typing import Any

from sojourn.conformance.world import SignIn

VIEWED = ("device_id", "device_type", "ip", "user_agent")


@dataclass(slots=True)
class Kept:
    """A session as it must be told."""

    made: SignIn
    facts: dict[str, Any]
    active: bool = True
    amr: tuple[str, ...] = ("password",)
    reason: str | None = None
    uses: int = 0
    refused: set[str] = field(default_factory=set)
    """Its tokens that were refused."""
    old: list[str] = field(default_factory=list)
    """Its access tokens that ended when it was raised."""
    spent: list[str] = field(default_factory=list)
    """Its refresh tokens that have a successor."""
    cut: bool = False
    """Whether all of its tokens were refused while it goes on."""

    @property
    def good(self) -> bool:
        """Whether its latest access token opens something."""
        return self.active and not self.cut and self.made.access not in self.refused

    def row(self) -> dict[str, Any]:
        """What every view of it holds."""
        status = "active" if self.active else "revoked"
        return {
            "id": self.made.id,
            "user_id": self.made.user,
            "status": status,
            "amr": ",".join(self.amr),
            **self.facts,
        }


@dataclass(slots=True)
class Shelf:
    """What a tenant has, the oldest first."""

    sessions: list[Kept] = field(default_factory=list)
    devices: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Trusted devices by user and fingerprint."""
    refused: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Blacklisted texts by user and text."""

    def of(self, user: str) -> list[Kept]:
        """A user's sessions, the newest first."""
        return [kept for kept in reversed(self.sessions) if kept.made.user == user]

    def active(self, user: str) -> list[Kept]:
        """Those that are active."""
        return [kept for kept in self.of(user) if kept.active]

    def usable(self, user: str) -> list[Kept]:
        """Those of the active ones whose tokens are good."""
        return [kept for kept in self.active(user) if kept.good]

    def end(self, kept: Kept, *, reason: str | None = None) -> None:
        """A session is over; the first reason stays."""
        if kept.active:
            kept.active, kept.reason = False, reason or "unspecified"

    def trusted(self, user: str) -> list[dict[str, Any]]:
        """A user's trusted devices, the newest first."""
        return [facts for (owner, _), facts in reversed(self.devices.items()) if owner == user]

    def entries(self, user: str) -> list[dict[str, Any]]:
        """A user's refused tokens, the newest first."""
        return [facts for (owner, _), facts in reversed(self.refused.items()) if owner == user]
