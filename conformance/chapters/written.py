"""What was written is what is read: in the response that says so, alone, again and again, in whatever state it is.

The requests come from the contract. A list is sent with several items, since a server that drops one of them drops
nothing of a list with one. Sessions are looked at when much was said of them, and when they are suspended or over:
most members are there only then.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sojourn.conformance.chapters.effects import MOST_TOLD, OF_ACTIVITY, changes_something, of_tenants
from sojourn.conformance.chapters.walks import GOES_ON, OF_NOW, shown, without_instants
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, values_for
from sojourn.conformance.instants import instant
from sojourn.conformance.laws import document_of, objects, what_was_sent_is_told
from sojourn.conformance.wire import Raw
from sojourn.conformance.world import Tenant, World, expect

TURNS = 3
"""How often each thing is read: in an even and in an odd turn, and as a second time."""
ITEMS = ("One", "two", "x-3")
"""Items of a list that may hold any text."""
OF_THE_RESPONSE = ("secret", "message", "code")
"""Members that are of this response alone."""
A_LATER_YEAR = "2096-04-15T12:00:00Z"
Members = dict[str, Any]


def with_lists(operation: Operation, request: Raw) -> Iterator[Raw]:
    """The request as it is, and with each of its lists of several items, where the items name nothing."""
    sent = json.loads(request.body or b"{}")
    yield request
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        of = schema.get("items", {})
        known = of.get("enum", ())
        fits = of.get("type") == "string" and not known and re.search(of.get("pattern", ""), ITEMS[0])
        for items in ([known[0], known[-1]], [*known]) if len(known) > 1 else ([*ITEMS],) if fits else ():
            yield request.with_body({**sent, name: [*items][: schema.get("maxItems")]})


def reading(operation: Operation, world: World) -> Operation | None:
    """The operation that shows what another one writes: of the same path, of the path above, or of what was made."""
    found = [one for one in world.contract.operations.values() if one.method == "GET" and one.scheme is not None]
    for path in (operation.path, operation.path.rpartition("/")[0]):
        for one in found:
            if one.path == path and not {"page", "limit"} & {item["name"] for item in one.named("query")}:
                return one
    above = operation.path + "/{"
    return next((one for one in found if one.path.startswith(above) and one.path.endswith("}")), None)


def contents(document: Members) -> Members:
    """What a response tells of the one thing that it is about."""
    inner = document.get("data", document)
    return dict(inner.get("session", inner)) if isinstance(inner, dict) else {}


def without_moving(members: Members) -> Members:
    """The members that only a request changes."""
    return {name: value for name, value in members.items() if name not in OF_ACTIVITY + OF_NOW + OF_THE_RESPONSE}


@check(
    "WRT-001",
    "What a request wrote MUST be what its response says, with every item of a list, and what is read from then on.",
    source="the contract, schemas of requests and responses",
)
def test_what_was_written_is_read(world: World, operation: Operation) -> None:
    shows = reading(operation, world)
    if operation.method == "DELETE" or not changes_something(operation) or shows is None:
        raise NotApplicable("writes nothing that an operation shows alone")
    wrong: list[str] = []
    for tenant in of_tenants(world):
        for number in range(len([*with_lists(operation, authorised_of(operation, tenant)[1])])):
            values, plain = authorised_of(operation, tenant)
            request = [*with_lists(operation, plain)][number]
            expect(world.send(request), operation.success)
            exchange = world.traffic.exchanges[-1]
            wrong += what_was_sent_is_told(exchange)
            told = contents(document_of(exchange))
            named = {name: value for name, value in values.items() if f"{{{name}}}" in operation.path}
            wrong += [f"in {tenant.id} {one}" for one in _unlike(shows, tenant, told=told, named=named)]
    assert not wrong, f"{len(wrong)}: " + "; ".join(wrong[:MOST_TOLD])


def authorised_of(operation: Operation, tenant: Tenant) -> tuple[Members, Raw]:
    """What a new request names, and the request."""
    values = values_for(operation, tenant)
    return values, authorised(operation, tenant, request=operation.request(values))


def _unlike(shows: Operation, tenant: Tenant, *, told: Members, named: Members) -> Iterator[str]:
    """What is read otherwise than a response told, again and again."""
    names = [item["name"] for item in shows.named("path")]
    known = {"X-Tenant-ID": tenant.id, **{name: named.get(name, told.get(name, told.get("id"))) for name in names}}
    request = authorised(shows, tenant, request=shows.request(known))
    for turn in range(TURNS):
        read = without_moving(contents(expect(tenant.world.send(request), 200).json))
        for name, value in without_moving(told).items():
            if name in read and read[name] != value:
                yield f"{name} was told as {value!r}, {shows.id} shows {read[name]!r} (turn {turn + 1})"


def suspended(tenant: Tenant, session: str) -> Members:
    """A session of which much is said, suspended for long."""
    facts = {**described(tenant, session), "suspended_until": A_LATER_YEAR, "suspended_then": "revoke"}
    if "suspend_session" not in tenant.world.contract.operations:
        return facts
    body = {"until": A_LATER_YEAR, "then": "revoke"}
    expect(tenant.admin("suspend_session", session_id=session, body=body), 200)
    return {**facts, "status": "suspended"}


def described(tenant: Tenant, session: str) -> Members:
    """A session that was raised, named and used from elsewhere."""
    expect(tenant.service("elevate_session", session_id=session, body={"amr": ["otp", "hwk"], "acr": "loa:2"}), 200)
    facts: Members = {"name": "Work Laptop", "metadata": {"Office": "Berlin 4", "floor": "2"}}
    expect(tenant.service("update_session_as_service", session_id=session, body=facts), 200)
    used = {"ip": "192.0.2.201", "user_agent": "Elsewhere/1 (Ü)"}
    expect(tenant.service("touch_session_as_service", session_id=session, body=used), 200)
    return {**facts, "acr": "loa:2", "last_ip": used["ip"], "last_user_agent": used["user_agent"], "status": "active"}


def over(tenant: Tenant, session: str) -> Members:
    """A session of which much is said, and that is over."""
    facts = described(tenant, session)
    body = {"reason": "The Owner said so"}
    expect(tenant.admin("revoke_session", session_id=session, body=body), 204)
    return {**facts, "status": "revoked", "revoke_reason": body["reason"]}


def is_alike(name: str, told: Any, *, value: Any) -> bool:
    """Whether a member is what was said of it: an instant may be written otherwise."""
    return bool(instant(str(told)) == instant(value)) if name.endswith("_until") else bool(told == value)


STATES: tuple[Callable[[Tenant, str], Members], ...] = (described, suspended, over)


@check(
    "WRT-002",
    "A session MUST be shown as what was said of it in every state, the same each time while nothing happens.",
    source="the contract, schema SessionResponse; RFC 9110 section 9.2.1",
)
def test_a_session_is_shown_the_same_in_every_state(world: World, operation: Operation) -> None:
    names = {parameter["name"] for parameter in operation.parameters}
    named = {"session_id", "user_id", "auth_user_id"} & names
    if operation.method != "GET" or not named or operation.scheme is None or operation.id in GOES_ON:
        raise NotApplicable("reads nothing of a session")
    wrong: list[str] = []
    for tenant in of_tenants(world):
        for state in STATES:
            values = values_for(operation, tenant)
            made = values.get("session_id") or tenant.sign_in(values["user_id"]).id
            facts = state(tenant, made)
            known = {**values, **{f"?{name}": values[name] for name in named if name in values}}
            request = authorised(operation, tenant, request=operation.request(known))
            read = [without_instants(shown(world.send(request))) for _ in range(TURNS + 1)]
            what = f"a session that is {state.__name__}, in {tenant.id}"
            wrong += [f"{what}: asked again, it is another one" for one in read if one != read[0]][:1]
            for told in (one for one in objects(read) if one.get("id") == made):
                wrong += [
                    f"{what}: {name} is {told[name]!r}, not {value!r}"
                    for name, value in facts.items()
                    if name in told and not is_alike(name, told[name], value=value)
                ]
    assert not wrong, f"{len(wrong)}: " + "; ".join(dict.fromkeys(wrong[:MOST_TOLD]))
