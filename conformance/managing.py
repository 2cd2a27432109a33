"""Managing keys with the key that the suite was given for that, where it was given one."""

from typing import Any

from sojourn.conformance.checks import NotApplicable
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import World, expect

LIFETIME = "2h"
"""How long keys that the suite makes are valid: no run leaves one behind."""


def manage(world: World, operation_id: str, *, body: Any = None, **known: Any) -> Reply:
    """Ask an operation of keys or tenants. Raises NotApplicable without a key that may, or without the operation."""
    key = world.target.manage_api_key
    if key is None:
        raise NotApplicable("--manage-api-key was not given: nothing is said of the keys that it would make")
    if operation_id not in world.contract.left_out:
        raise NotApplicable(f"the contract has no operation {operation_id}")
    request = world.first.request(operation_id, body=body, **known)
    return world.send(request.with_header("X-API-Key", key))


def make_key(world: World, *scopes: str) -> dict[str, Any]:
    """A key for the first tenant with these scopes; with none, scopes are not named. The answer, secret and all."""
    body = {"name": "conformance", "tenants": [world.first.id], "expires_in": LIFETIME}
    made: dict[str, Any] = expect(
        manage(world, "create_api_key", body={**body, "scopes": list(scopes)} if scopes else body), 201
    ).json
    return made


def key_with(world: World, *scopes: str) -> str:
    """The secret of a key with these scopes, made once in a run."""
    if scopes not in world.keys:
        world.keys[scopes] = str(make_key(world, *scopes)["key"])
    return world.keys[scopes]


def scopes_of(world: World) -> list[str]:
    """The scopes that operations of the contract ask for, but for that of managing keys."""
    return sorted({item.scope for item in world.contract.operations.values() if item.scope is not None})
