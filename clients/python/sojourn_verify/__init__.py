"""Verify the access tokens of a Sojourn session service in your own process.

`Verifier` knows what the service refuses, because it follows the service's feed, and never accepts a token while it
does not know.
"""

from sojourn_verify.outcomes import (
    AssuranceRaised,
    Expired,
    InvalidToken,
    Refused,
    Revoked,
    Session,
    Stale,
    WrongAudience,
    WrongTenant,
)
from sojourn_verify.verifier import Verifier
from sojourn_verify.version import __version__

__all__ = [
    "AssuranceRaised",
    "Expired",
    "InvalidToken",
    "Refused",
    "Revoked",
    "Session",
    "Stale",
    "Verifier",
    "WrongAudience",
    "WrongTenant",
    "__version__",
]
