"""Trusted devices: how long trust lasts.

Trust is a signal for decisions about re-authentication. It never replaces authentication (NIST SP 800-63B-4 §5.1) and
never changes a session's `amr`.
"""

from datetime import datetime, timedelta


def trusted_until(now: datetime, window: timedelta) -> datetime:
    """The end of the trust that is given `now`; trusting again starts the window anew."""
    return now + window
