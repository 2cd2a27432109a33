"""How often one session may refresh: a count per session and window, in this process's memory."""

from collections import OrderedDict
from datetime import datetime, timedelta
from itertools import islice
from math import ceil

from sojourn.domain.errors import RateLimited
from sojourn.domain.ids import SessionKey, TenantId

_MAX_SESSIONS = 100_000


class RefreshLimit:
    """Counts the refreshes that came with a token of ours; forged ones cannot use up a session's share."""

    def __init__(self, count: int, window: timedelta) -> None:
        self._count = count
        self._window = window.total_seconds()
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def permit(self, tenant: TenantId, session: SessionKey, *, now: datetime) -> None:
        """Count one refresh. Raises RateLimited with the seconds until the next may come."""
        seconds, key = now.timestamp(), (tenant, session)
        self._forget(seconds)
        start, used = self._seen.get(key, (seconds, 0))
        if seconds >= start + self._window:
            start, used = seconds, 0
        if used >= self._count:
            raise RateLimited(retry_after=max(1, ceil(start + self._window - seconds)))
        self._seen[key] = (start, used + 1)
        self._seen.move_to_end(key)
        if len(self._seen) > _MAX_SESSIONS:
            self._seen.popitem(last=False)

    def __len__(self) -> int:
        """How many sessions have a count."""
        return len(self._seen)

    def _forget(self, seconds: float) -> None:
        """Drop two counts, of the sessions that were refreshed the longest ago, where their windows are over.

        Each call adds one at most, so what is kept are the sessions of one window, not all that there ever were.
        """
        for key in list(islice(self._seen, 2)):
            if seconds < self._seen[key][0] + self._window:
                return
            del self._seen[key]
