"""Limits for each caller. They stop abuse and are far above what ordinary callers need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many live sessions, trusted devices and blacklist entries of each user; tenants made on first use;
    webhooks of each tenant.

    An entry counts that the user's own bearer token made and that still stands.
    """

    sessions_per_user: int
    trusted_devices: int
    blacklist_entries: int
    tenants: int
    webhooks: int
