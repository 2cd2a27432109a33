"""The audit trail: a record for each act, in a chain that shows what was changed, with nobody's name in it."""

import functools
import hashlib
from typing import Any

import rfc8785

from sojourn.conformance.chapters.effects import of_tenants
from sojourn.conformance.chapters.walks import plain_refusals
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import valid_request
from sojourn.conformance.managing import make_key, manage
from sojourn.conformance.wire import Reply
from sojourn.conformance.world import Tenant, World, expect

_RULE = "the contract, list_audit_records"
READS = ("introspect_token", "export_user_data", "simulate_session_policy")
"""They are POST for the sake of their body, and change nothing."""
LIMIT = "500"
Record = dict[str, Any]

audited = functools.partial(check, source=_RULE, profile="full", feature="audit")


def records_after(tenant: Tenant, after: str, **filters: str) -> tuple[list[Record], str]:
    """The tenant's records behind a cursor, and the cursor behind them."""
    if "list_audit_records" not in tenant.world.contract.operations:
        raise NotApplicable("the contract has no operation list_audit_records")
    found: list[Record] = []
    while True:
        page = expect(tenant.admin("list_audit_records", after=after, limit=LIMIT, **filters), 200).json
        found += page["items"]
        after = page["next_cursor"]
        if not page["has_more"]:
            return found, after


def new_records(tenant: Tenant) -> list[Record]:
    """What was added to the trail since it was read last."""
    found, tenant.trail_read = records_after(tenant, tenant.trail_read)
    return found


def records_of(tenant: Tenant, reply: Reply) -> list[Record]:
    """The records that the request of this answer left."""
    return of_request(reply, new_records(tenant))


def of_request(reply: Reply, records: list[Record]) -> list[Record]:
    """Those of some records that the request of this answer left."""
    wanted = reply.headers.get("x-request-id")
    return [record for record in records if record["request_id"] == wanted]


def is_act_like(record: Record, other: Record, *, world: World) -> bool:
    """Whether two records are of the same action by the same actor, and nobody else of the suite acts meanwhile."""
    names = ("action", "actor") if world.target.parallel == 1 else ("action", "actor", "target")
    return all(record[name] == other[name] for name in names)


def is_act(operation: Operation) -> bool:
    """Whether an operation is recorded: an administrator changes something, or somebody is erased."""
    changes = operation.method != "GET" and operation.id not in READS
    return changes and (bool(operation.roles) or operation.scope == "erase")


@audited("AUD-001", "Each act of an administrator, and each erasure, MUST be one record that says who did what.")
def test_each_act_is_one_record(world: World, operation: Operation) -> None:
    if not is_act(operation):
        raise NotApplicable("is no act")
    request = valid_request(operation, world.first)
    new_records(world.first)
    reply = world.send(request)
    added = new_records(world.first)
    again = (world.send(request), new_records(world.first))
    if operation.id == "set_token_config":
        world.first.admin("reset_token_config")
    assert 200 <= reply.status < 300, f"answered {reply.status}: {reply.text[:300]}"
    found = of_request(reply, added)
    assert len(found) == 1, f"{len(found)} records with its request id"
    for asked, records in ((reply, added), again):
        alike = [record for record in records if is_act_like(record, found[0], world=world)]
        assert len(alike) == len(of_request(asked, alike)), f"one request left {len(alike)} records of its action"
    kind = "service" if operation.scheme == "apiKey" else "admin"
    assert found[0]["actor"]["kind"] == kind, f"the actor is {found[0]['actor']}"
    assert found[0]["actor"]["id"], "nobody is named"


@audited("AUD-002", "The records MUST chain by hash from the first one on: none MUST be missing, changed or moved.")
def test_the_records_chain(world: World) -> None:
    acts(world.first, 2)
    found, _ = records_after(world.first, "0")
    assert len(found) >= 2, f"{len(found)} records after two acts"
    previous = ""
    for position, record in enumerate(found, 1):
        said = record["hash"]
        whole = {**record, "tenant_id": world.first.id, "position": position, "previous": previous}
        computed = hashlib.sha256(rfc8785.dumps({name: whole[name] for name in whole if name != "hash"})).hexdigest()
        assert computed == said, f"record {position} has the hash {said}, its members and those before give {computed}"
        previous = said


@audited("AUD-003", "What stands in the trail MUST stay as it is, when a user in it is erased too.")
def test_records_stay_as_they_are(world: World) -> None:
    user = acts(world.first, 2)
    before, cursor = records_after(world.first, "0")
    expect(world.first.service("erase_user_data", body={"user_id": user}), 200)
    after, _ = records_after(world.first, "0")
    assert after[: len(before)] == before, "records of before are others now"
    assert len(after) > len(before), "the erasure is no record"
    assert after[len(before) :] == records_after(world.first, cursor)[0], "a cursor of before leads elsewhere"


@audited("AUD-004", "Users MUST stand in the trail under a pseudonym, the same in each record of a user.")
def test_users_stand_in_the_trail_under_a_pseudonym(world: World) -> None:
    new_records(world.first)
    user = acts(world.first, 2)
    found = [record for record in new_records(world.first) if record["target"] is not None]
    called = {record["target"] for record in found}
    assert len(called) == 1, f"one user is called {sorted(called)}"
    assert user not in str(found), "the user's id is in the record"


@audited("AUD-005", "The filters of the trail MUST choose the records of an action and of an actor, and no other.")
def test_the_filters_choose(world: World) -> None:
    acts(world.first, 1)
    expect(world.first.service("erase_user_data", body={"user_id": world.new_user()}), 200)
    every, _ = records_after(world.first, "0")
    for action in sorted({record["action"] for record in every}):
        wanted = [record for record in every if record["action"] == action]
        assert records_after(world.first, "0", action=action)[0] == wanted, f"others than those of {action}"
    for actor in sorted({record["actor"]["id"] for record in every}):
        wanted = [record for record in every if record["actor"]["id"] == actor]
        assert records_after(world.first, "0", actor=actor)[0] == wanted, f"others than those of {actor}"


@audited(
    "AUD-006",
    "What is done to an API key of a tenant MUST be one record each in its trail, and its secret in none.",
)
def test_what_is_done_to_keys_is_recorded(world: World) -> None:
    new_records(world.first)
    made = make_key(world)
    created = new_records(world.first)
    rotated = manage(world, "rotate_api_key", key_id=made["id"], body={"overlap": "1h"})
    secret = expect(rotated, 200).json["key"]
    in_between = records_of(world.first, rotated)
    revoked = expect(manage(world, "revoke_api_key", key_id=made["id"]), 204)
    ended = records_of(world.first, revoked)
    about = [record for record in created if record["target"] == made["id"]]
    for act, found in (("making", about), ("rotating", in_between), ("revoking", ended)):
        assert [record["target"] for record in found] == [made["id"]], f"{act} a key left {len(found)} records of it"
    assert made["key"] not in str(about), "a record holds the key"
    assert secret not in str(in_between), "a record holds the key"


@audited(
    "AUD-007",
    "What an administrator does to a user's session MUST be a record, and what users and services do MUST be none.",
)
def test_only_what_administrators_do_to_sessions_is_recorded(world: World) -> None:
    new_records(world.first)
    for who, wanted in (("administrator", 1), ("user", 0), ("service", 0)):
        made = world.first.sign_in()
        if who == "administrator":
            reply = world.first.admin("revoke_session", session_id=made.id)
        elif who == "user":
            reply = world.first.bearer(made.access, "revoke_session", session_id=made.id)
        else:
            reply = world.first.service("revoke_session_as_service", session_id=made.id)
        found = records_of(world.first, expect(reply, 204))
        assert len(found) == wanted, f"the {who} ended a session: {len(found)} records"


@audited(
    "AUD-008",
    "What was refused MUST leave no record, and what was done to one thing none of another or in another tenant.",
)
def test_only_what_was_done_is_recorded(world: World, operation: Operation) -> None:
    if not is_act(operation):
        raise NotApplicable("is no act")
    for tenant in of_tenants(world):
        requests = [valid_request(operation, tenant) for _ in range(2)]
        refused = [one for _, one in plain_refusals(operation, requests[1], tenant=tenant)] * 2
        for one in of_tenants(world):
            new_records(one)
        done = [world.send(request) for request in requests]
        added = {one.id: new_records(one) for one in of_tenants(world)}
        mine = [record for reply in done for record in of_request(reply, added[tenant.id])]
        assert mine, f"no record of two requests in {tenant.id}"
        acted(
            "done",
            mine,
            others={where: [one for one in records if one not in mine] for where, records in added.items()},
        )
        for request in refused:
            world.send(request)
        acted("refused", mine, others={one.id: new_records(one) for one in of_tenants(world)})


def acted(what: str, mine: list[Record], *, others: dict[str, list[Record]]) -> None:
    """Fail where records of a tenant are of the action of some others, and of what these named."""
    names = {(record["action"], record["target"]) for record in mine}
    for where, records in others.items():
        for record in records:
            known = (record["action"], record["target"])
            assert known not in names, f"what was {what} is recorded in {where}, too: {known}"


def acts(tenant: Tenant, count: int) -> str:
    """Let the administrator end the sessions of a new user so often; the user."""
    user = tenant.world.new_user()
    for _ in range(count):
        tenant.sign_in(user)
        expect(tenant.admin("revoke_sessions_of_user", user_id=user, body={"reason": "conformance"}), 200)
    return user
