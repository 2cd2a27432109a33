"""How long a plan of revocations is good, and how many sessions it may end."""

from datetime import timedelta

from sojourn.domain.clock import Instant
from sojourn.domain.errors import PlanDrifted

GOOD_FOR = timedelta(hours=1)
"""What a plan has counted may not be true any more after this."""
KEPT_AFTER = timedelta(days=1)
"""For so long a plan that has expired is still known to have been one."""


RECENT = timedelta(minutes=1)
"""Sessions that are younger than this are counted in the transaction that applies a plan; the others before it."""


def is_good(applied_at: Instant | None, expires_at: Instant, *, now: Instant) -> bool:
    """Whether a plan can be looked at and applied: one that was applied is good for as long as it is kept."""
    return applied_at is not None or now < expires_at


def require_no_drift(matched: int, *, planned: int, max_sessions: int | None) -> None:
    """Raise PlanDrifted where more sessions fit than may end: as many as were planned, unless the caller says."""
    allowed = planned if max_sessions is None else max_sessions
    if matched > allowed:
        raise PlanDrifted(sessions=matched, max_sessions=allowed)
