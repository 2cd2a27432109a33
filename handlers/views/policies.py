"""Policies as the contract shows them."""

from sojourn.domain.session_policies import SessionPolicy
from sojourn.handlers.views.envelopes import View


def session_policy(policy: SessionPolicy) -> View:
    """`SessionPolicy`: only rules that the tenant has."""
    limit = policy.max_sessions
    if limit is None:
        return {"version": policy.version}
    shown = {"count": limit.most, "per": limit.per, "on_limit": limit.on_limit}
    return {"version": policy.version, "max_sessions": shown}
