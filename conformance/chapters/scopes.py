"""Scopes: what an API key may do, on every operation that takes one."""

import functools

from sojourn.conformance.chapters.authentication import bare
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.managing import key_with, make_key, manage, scopes_of
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

_RULE = "the contract, `x-scope` of each operation"
MANAGE = "manage"

scoped = functools.partial(check, source=_RULE, profile="full", feature="scopes")


def with_key(request: Raw, operation: Operation, *, world: World, key: str) -> Raw:
    """The request with this key, and the administrator's token where the key stands beside one."""
    request = request.with_header("X-API-Key", key)
    if operation.scheme == "http":
        request = request.with_header("Authorization", f"Bearer {world.first.admin_token}")
    return request


def asked(world: World, operation: Operation, *, key: str) -> Reply:
    """What the operation says to this key about what does not exist."""
    return world.send(with_key(bare(operation, world), operation, world=world, key=key))


@scoped("SCO-001", "A key MUST be good for the operations of its scope, and be refused with 403 for every other.")
def test_a_key_does_what_its_scope_says_and_nothing_else(world: World, operation: Operation) -> None:
    if operation.scope is None:
        raise NotApplicable("takes no API key")
    for scope in (*scopes_of(world), MANAGE):
        key = key_with(world, scope)
        if scope != operation.scope:
            expect(asked(world, operation, key=key), 403)
            continue
        reply = world.send(with_key(valid_request(operation, world.first), operation, world=world, key=key))
        assert 200 <= reply.status < 300, f"the scope {scope} is answered {reply.status}: {reply.text[:300]}"


@scoped("SCO-002", "A refusal for a missing scope MUST name that scope.")
def test_a_refusal_names_the_scope_that_is_missing(world: World, operation: Operation) -> None:
    if operation.scope is None:
        raise NotApplicable("takes no API key")
    other = next(scope for scope in (*scopes_of(world), MANAGE) if scope != operation.scope)
    problem = expect(asked(world, operation, key=key_with(world, other)), 403).json
    assert str(problem.get("type", "")).endswith("/insufficient-scope"), f"its type is {problem.get('type')}"
    assert operation.scope in problem.get("detail", ""), f"{operation.scope} is not in {problem.get('detail')!r}"
    assert problem.get("i18n_args") == {"scope": operation.scope}, f"i18n_args are {problem.get('i18n_args')}"


@scoped("SCO-003", "Only a key with the scope `manage` MUST manage keys and tenants, whatever else it may do.")
def test_keys_and_tenants_are_managed_with_that_scope_alone(world: World) -> None:
    managing = {name: found for name, found in world.contract.left_out.items() if found.scope == MANAGE}
    for scopes in ((), *((scope,) for scope in scopes_of(world)), tuple(scopes_of(world))):
        key = key_with(world, *scopes)
        for operation in managing.values():
            problem = expect(asked(world, operation, key=key), 403).json
            assert problem.get("i18n_args") == {"scope": MANAGE}, f"i18n_args are {problem.get('i18n_args')}"
    manager = key_with(world, MANAGE)
    for operation in managing.values():
        if operation.method == "GET":
            expect(asked(world, operation, key=manager), 200)


@scoped("SCO-004", "A key of which no scope was named MUST be good for every operation but those of `manage`.")
def test_a_key_without_named_scopes_does_all_but_manage(world: World, operation: Operation) -> None:
    if operation.scope is None:
        raise NotApplicable("takes no API key")
    reply = world.send(with_key(valid_request(operation, world.first), operation, world=world, key=key_with(world)))
    assert 200 <= reply.status < 300, f"answered {reply.status}: {reply.text[:300]}"


@scoped("SCO-005", "Both secrets of a rotated key MUST be valid during the overlap, and none of a revoked key.")
def test_a_key_is_rotated_with_an_overlap_and_revoked_at_once(world: World) -> None:
    made = make_key(world)
    renewed = expect(manage(world, "rotate_api_key", key_id=made["id"], body={"overlap": "1h"}), 200).json
    assert renewed["key"] != made["key"], "the secret is the same"
    read = world.operation("list_user_sessions")
    for key in (made["key"], renewed["key"]):
        expect(asked(world, read, key=key), 200)
    expect(manage(world, "revoke_api_key", key_id=made["id"]), 204)
    for key in (made["key"], renewed["key"]):
        expect(asked(world, read, key=key), 401)
