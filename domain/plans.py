"""How long a plan of revocations is good."""

from datetime import timedelta

from sojourn.domain.clock import Instant

GOOD_FOR = timedelta(hours=1)
"""What a plan has counted may not be true any more after this."""
KEPT_AFTER = timedelta(days=1)
"""For so long a plan that has expired is still known to have been one."""


def is_good(applied_at: Instant | None, expires_at: Instant, *, now: Instant) -> bool:
    """Whether a plan can be looked at and applied: one that was applied is good for as long as it is kept."""
    return applied_at is not None or now < expires_at
