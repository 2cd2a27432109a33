"""Policies as the contract shows them."""

from sojourn.domain.clock import Instant
from sojourn.domain.durations import format_duration
from sojourn.domain.policy_simulations import Foretold
from sojourn.domain.session_policies import SessionPolicy
from sojourn.handlers.views.envelopes import View


def session_policy(policy: SessionPolicy) -> View:
    """`SessionPolicy`: only rules that the tenant has."""
    view: View = {"version": policy.version}
    if policy.timeouts.idle is not None:
        view["idle_timeout"] = format_duration(policy.timeouts.idle)
    if policy.timeouts.absolute is not None:
        view["absolute_timeout"] = format_duration(policy.timeouts.absolute)
    limit = policy.max_sessions
    if limit is not None:
        view["max_sessions"] = {"count": limit.most, "per": limit.per, "on_limit": limit.on_limit}
    bound = {name: rule for name, rule in policy.binding._asdict().items() if rule is not None}
    if bound:
        view["bind"] = bound
    return view


def session_policy_simulation(foretold: Foretold, *, is_complete: bool, since: Instant, now: Instant) -> View:
    """`SessionPolicySimulation`: each sum beside how many users it concerns."""
    return {
        "would_end_now": {
            "sessions": foretold.ends,
            "users": foretold.users_with_ends,
            "by_rule": {
                "idle_timeout": foretold.idle,
                "absolute_timeout": foretold.absolute,
                "max_sessions": foretold.above,
            },
        },
        "would_deny": {
            "sign_ins": foretold.denied,
            "users": foretold.users_denied,
            "by_rule": {"max_sessions": foretold.denied},
            "ended_for_others": foretold.ended_for_others,
            "basis": "sessions_kept",
            "since": since,
        },
        "counted": {"sessions": foretold.sessions, "users": foretold.users, "complete": is_complete},
        "as_of": now,
    }
