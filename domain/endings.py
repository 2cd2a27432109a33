"""Why a session ended, as one of a closed set. The free-text reason is stored with it and never interpreted."""

from typing import Literal, NamedTuple, get_args

from sojourn.domain.sessions import Session, effective_end

ReasonCode = Literal[
    "signed_out",
    "revoked_by_user",
    "revoked_by_service",
    "revoked_by_admin",
    "bulk",
    "plan",
    "idle_timeout",
    "absolute_timeout",
    "session_limit",
    "refresh_token_reuse",
    "credential_change",
    "account_disabled",
    "restored",
    "erased",
    "binding_violated",
    "suspension_over",
    "unspecified",
]
REASON_CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)
OURSELVES = "sojourn"
"""Named as the one who ended a session when neither a person nor a service did."""
UNSTATED_REASON = "unspecified"
"""The free reason where nobody gave one."""


Initiator = Literal["admin", "user", "service", "policy", "system"]
"""Who began an end, as verifiers are told: a rule is `policy`, an operator at the command line `system`."""


class Ending(NamedTuple):
    """Who ends a session (a user, an API key, `OURSELVES`), the free reason, its code, and the kind of caller."""

    by: str
    reason: str
    code: ReasonCode
    initiated_by: Initiator = "system"


REUSE = Ending(OURSELVES, "refresh_token_reuse", "refresh_token_reuse", "policy")
"""A refresh token was sent again after it was exchanged (RFC 9700 §4.14.2)."""
LIMIT = Ending(OURSELVES, "session_limit", "session_limit", "policy")
"""The user began one session more than the limit allows: the idlest ended for it."""
MOVED = Ending(OURSELVES, "binding_violated", "binding_violated", "policy")
"""The session was used from another network or country than it began in, and its tenant's policy ends it then."""
RESTORED = Ending("operator", "restored", "restored", "system")
"""A backup was restored: it does not know what was revoked since it was made."""


SUSPENSION_OVER = Ending(OURSELVES, "suspension_over", "suspension_over", "policy")
"""The suspension of the session is over, and whoever suspended it wanted it to end then."""
ERASED = Ending(OURSELVES, "erased", "erased", "service")
"""Everything that is known of the user was deleted, the sessions too."""


def timeout_code(session: Session) -> ReasonCode:
    """Which deadline ended a session that nobody ended: the earlier one; the absolute one when they are the same."""
    return "absolute_timeout" if effective_end(session) == session.expires_at else "idle_timeout"
