"""Policies and token lifetimes of the tenants under judgement: those that one check left would hold in the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sojourn.conformance.instants import duration
from sojourn.conformance.laws import is_success, name_of
from sojourn.conformance.world import Tenant, World, expect

SET, CLEAR, SIMULATE = "set_session_policy", "reset_session_policy", "simulate_session_policy"
_CLEARED_BY = {SET: CLEAR, "set_token_config": "reset_token_config"}


def take_back(world: World, *, since: int) -> None:
    """Clear the policies and token lifetimes of both tenants where an exchange since this one may have set some."""
    recent = world.traffic.exchanges[since:]
    done = {name_of(exchange) for exchange in recent if is_success(exchange)}
    wanted = [cleared_by for set_by, cleared_by in _CLEARED_BY.items() if set_by in done]
    for cleared_by in world.contract.operations.keys() & wanted:
        for tenant in (world.first, world.second):
            if tenant is not None:
                tenant.admin(cleared_by)


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
