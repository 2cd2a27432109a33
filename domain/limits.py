"""How much one caller may take. Walls against abuse, far above what honest callers need."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many live sessions and trusted devices for each user, and tenants made on first use."""

    sessions_per_user: int
    trusted_devices: int
    tenants: int
