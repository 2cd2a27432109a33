"""Headers that Schemathesis cannot fill, whoever it calls as. Loaded by the runner, alone or from `hooks`."""

import uuid
from typing import Any

import schemathesis

from sojourn.conformance.fuzzing import removal  # noqa: F401 - registers its hook

_CONDITION = "If-None-Match"
_OF_A_CHANGE = "If-Match"
_RETRY = "Idempotency-Key"
_POLICIES = ("/admin/policies/sessions", "/admin/policies/sessions/simulations")
_MANY = 10_000
_LONG = "1000h"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Leave the header out where no valid value of it was found.

    Schemathesis then fills an optional header with 0 and calls the request valid. It also takes one key for requests
    that differ, which is no retry: each request that is valid otherwise gets a key of its own. A tag
    that it makes up is of nothing that is there: a change is asked for whatever is there. A limit of sessions that it
    draws would refuse the run's own sign-ins, or end its sessions: it is a high one instead, and so is a time-out,
    which may also be of no length in the form of a duration. A binding that ends them reports.
    """
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    if case.operation.path in _POLICIES and isinstance(case.body, dict):
        _widen(case.body)
    if not case.headers:
        return
    if case.headers.get(_CONDITION) == "0":
        del case.headers[_CONDITION]
    if _OF_A_CHANGE in case.headers:
        case.headers[_OF_A_CHANGE] = "*"
    if _RETRY in case.headers:
        case.headers[_RETRY] = str(uuid.uuid4())


def _widen(policy: dict[str, Any]) -> None:
    """Let a policy allow more than the run needs."""
    limit, bound = policy.get("max_sessions"), policy.get("bind")
    if isinstance(limit, dict) and isinstance(limit.get("count"), int):
        policy["max_sessions"] = {**limit, "count": _MANY}
    if isinstance(bound, dict):
        policy["bind"] = {name: "report" if rule == "end" else rule for name, rule in bound.items()}
    for name in ("idle_timeout", "absolute_timeout"):
        if isinstance(policy.get(name), str):
            policy[name] = _LONG
