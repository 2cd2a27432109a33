"""Policies of the tenants under judgement: a rule that one check left would refuse what the next ones ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sojourn.conformance.instants import duration
from sojourn.conformance.laws import is_success, name_of
from sojourn.conformance.world import Tenant, World, expect

SET, CLEAR, SIMULATE = "set_session_policy", "reset_session_policy", "simulate_session_policy"


def clear_policies(world: World, *, since: int) -> None:
    """Clear the policies of both tenants where an exchange since this one may have left rules there."""
    if not any(is_success(exchange) and name_of(exchange) == SET for exchange in world.traffic.exchanges[since:]):
        return
    for tenant in (world.first, world.second):
        if tenant is not None:
            tenant.admin(CLEAR)


@contextmanager
def limited(tenant: Tenant, count: int, **members: str) -> Iterator[None]:
    """So many sessions of each user are allowed while the block runs."""
    with ruled(tenant, {"max_sessions": {"count": count, **members}}):
        yield


def is_shown(value: Any, told: Any) -> bool:
    """Whether a rule is shown as it was set: a duration may be written otherwise, and what was left out be added."""
    if isinstance(value, dict):
        return isinstance(told, dict) and all(told.get(name) == one for name, one in value.items())
    return isinstance(told, str) and duration(told) == duration(value)


@contextmanager
def ruled(tenant: Tenant, rules: dict[str, Any]) -> Iterator[Any]:
    """The tenant has these rules while the block runs, which is given the policy."""
    policy = expect(tenant.admin(SET, body=rules), 200).json
    try:
        for shown in (policy, *(expect(tenant.admin("get_session_policy"), 200).json for _ in range(2))):
            wrong = [name for name, value in rules.items() if not is_shown(value, shown.get(name))]
            assert not wrong, f"set were {rules}, the policy is {shown}"
        yield policy
    finally:
        expect(tenant.admin(CLEAR), 204)
