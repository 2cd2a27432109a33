"""Retries: a request with an Idempotency-Key is done once, and each retry is answered as the first request was."""

import functools
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import Tenant, World, expect

AT_ONCE = 8

retried = functools.partial(
    check, source="the contract, the parameter Idempotency-Key", profile="full", feature="idempotency"
)


def create(tenant: Tenant, key: str, **body: Any) -> Raw:
    """A create of a service of the tenant, with a key. Raises NotApplicable where the contract has none."""
    if not any(item["name"] == "Idempotency-Key" for item in tenant.world.operation("create_session").named("header")):
        raise NotApplicable("the contract has no Idempotency-Key")
    request = tenant.request("create_session", body=body).with_header("X-API-Key", tenant.world.target.api_key)
    return request.with_header("Idempotency-Key", key)


def active(tenant: Tenant, user: str) -> int:
    """How many sessions of a user are active."""
    count: int = expect(tenant.service("check_user_active", user_id=user), 200).json["session_count"]
    return count


@retried("RTY-001", "A retry MUST get the response of the first request, and nothing MUST be done again.")
def test_a_retry_is_answered_as_the_first_request_was(world: World) -> None:
    user = world.new_user()
    request = create(world.first, str(uuid.uuid4()), auth_user_id=user)
    first, again = (expect(world.send(request), 201).json for _ in range(2))
    assert again == first, "the retry got another response"
    assert active(world.first, user) == 1, "it was done again"


@retried("RTY-002", "A key that comes with another request MUST be 422, and nothing MUST be done.")
def test_the_key_of_another_request_is_refused(world: World) -> None:
    user, key = world.new_user(), str(uuid.uuid4())
    expect(world.send(create(world.first, key, auth_user_id=user)), 201)
    refused = expect(world.send(create(world.first, key, auth_user_id=user, app_id="another")), 422).json
    assert str(refused["type"]).endswith("/idempotency-key-reused"), f"it is {refused['type']}"
    assert active(world.first, user) == 1, "it was done"


@retried("RTY-003", "Retries that arrive at once MUST have one effect and one response.")
def test_retries_at_once_have_one_effect(world: World) -> None:
    user = world.new_user()
    request = create(world.first, str(uuid.uuid4()), auth_user_id=user)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda _: expect(world.send(request), 201).json, range(AT_ONCE)))
    assert all(answer == found[0] for answer in found), "the responses differ"
    assert active(world.first, user) == 1, "it was done more than once"


@retried("RTY-004", "A key MUST belong to one tenant.", needs=("second_admin_token",))
def test_a_key_of_one_tenant_is_another_in_the_next(world: World) -> None:
    if world.second is None:
        raise NotApplicable("there is no second tenant")
    user, key = world.new_user(), str(uuid.uuid4())
    made = [
        expect(world.send(create(tenant, key, auth_user_id=user)), 201).json["data"]["session"]
        for tenant in (world.first, world.second)
    ]
    assert made[0]["id"] != made[1]["id"], "the second tenant was told of the first one's session"
    assert [active(world.first, user), active(world.second, user)] == [1, 1], "a session is missing"
