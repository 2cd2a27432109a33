"""What a request changes: nothing where it was refused, and nobody but whom it names where it was done.

Every operation that changes something is asked, in each tenant; what the tenant knows of the users is read before and
after: their sessions, tokens, devices and uses, the refused tokens, the endpoint, application or plan that was named;
and what is decided for the whole tenant.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from sojourn.conformance.chapters.events import all_behind
from sojourn.conformance.chapters.walks import plain_refusals, without_instants
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import authorised, values_for
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import Tenant, World, expect

OF_THE_TENANT = ("purge_expired_sessions",)
"""They change what is other users', too: that is what they are for."""
OF_ACTIVITY = ("last_active_at", "idle_expires_at", "expires_at", "last_ip", "last_user_agent")
"""Members of a session and its tokens that its own activity moves, perhaps a moment after the request that it was."""
OF_A_NAME = {
    "webhook_id": "get_webhook",
    "client_id": "get_logout_client",
    "plan_id": "get_revocation_plan",
}
"""The operation that shows what has the name, where it is no user's."""
TURNS = 2
"""How often each request is sent: a server may treat the second unlike the first."""
A_TEXT = "A Text with Capitals, longer than Most, Übung"
MOST_TOLD = 4
ANY = range(200, 500)
"""What a request may be answered that was done already."""
Named = tuple[dict[str, Any], Raw]
"""What a request names, and the request."""
_SOURCE = "the contract, introduction; RFC 9110 section 9.2"


def changes_something(operation: Operation) -> bool:
    """Whether its requests may change what the server knows of a user."""
    return operation.method != "GET" and not operation.definition.get("x-safe") and operation.scheme is not None


def known_of(tenant: Tenant, values: dict[str, Any]) -> dict[str, Any]:
    """What the tenant is shown of a user, by the operation that shows it."""
    user = values["user_id"]
    found = {
        "export_user_data": tenant.service("export_user_data", body={"user_id": user}),
        "list_user_trusted_devices": tenant.service("list_user_trusted_devices", user_id=user),
        "list_blacklisted_tokens": tenant.admin("list_blacklisted_tokens", user_id=user),
        "list_tokens": tenant.admin("list_tokens", user_id=user),
    }
    for name, operation in OF_A_NAME.items():
        if name in values:
            found[operation] = tenant.admin(operation, **{name: values[name]})
    return {name: _shown(reply) for name, reply in found.items()}


def all_known_of(tenant: Tenant, values: dict[str, Any]) -> dict[str, Any]:
    """The same, and what the tenant has decided for all of its users."""
    decided = {name: _shown(tenant.admin(name)) for name in ("get_token_config", "get_session_policy")}
    return known_of(tenant, values) | decided


def _shown(reply: Reply) -> Any:
    return (reply.status, without_instants(expect(reply, 200, 404).json) if reply.status == 200 else None)


def without_activity(value: Any) -> Any:
    """What is known of a user without what the user's own activity moves."""
    if isinstance(value, dict):
        return {name: without_activity(item) for name, item in value.items() if name not in OF_ACTIVITY}
    return [without_activity(item) for item in value] if isinstance(value, list | tuple) else value


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """A sentence for each view that differs."""
    return [f"{name} shows something else" for name in before if before[name] != after[name]]


def of_tenants(world: World) -> Iterator[Tenant]:
    """Both, or the one whose credentials were given."""
    yield from (tenant for tenant in (world.first, world.second) if tenant is not None)


def with_everything(operation: Operation, tenant: Tenant) -> tuple[dict[str, Any], Raw]:
    """A request that the operation would fulfil, and what it names: a user with a session and a device."""
    values = values_for(operation, tenant)
    user = values["user_id"]
    if "{device_fingerprint}" in operation.path:
        values["device_fingerprint"] = f"sha256:{user}"
    if "session_id" not in values:
        tenant.sign_in(user, device_id=f"dev_{user}", amr=["password"])
    body = {"user_id": user, "device_fingerprint": f"sha256:{user}"}
    expect(tenant.service("trust_device", body=body), 200)
    return values, authorised(operation, tenant, request=operation.request(values))


@check(
    "EFF-001",
    "A request that is refused MUST change nothing, in any tenant and for whatever reason it is refused.",
    source=_SOURCE,
)
def test_a_refusal_changes_nothing(world: World, operation: Operation) -> None:
    if not changes_something(operation):
        raise NotApplicable("changes nothing")
    wrong: list[str] = []
    for tenant in of_tenants(world):
        values, request = with_everything(operation, tenant)
        before = all_known_of(tenant, values)
        for status, sent in (*plain_refusals(operation, request, tenant=tenant),) * TURNS:
            expect(world.send(sent), status)
        if differences(before, all_known_of(tenant, values)):
            wrong += each_alone(world, operation, tenant=tenant)
    assert not wrong, f"{len(wrong)}: " + "; ".join(wrong[:MOST_TOLD])


def each_alone(world: World, operation: Operation, *, tenant: Tenant) -> list[str]:
    """Which refusal it was that changed something: each alone, about something new."""
    found: list[str] = []
    number = len(list(plain_refusals(operation, with_everything(operation, tenant)[1], tenant=tenant)))
    for place in range(number):
        values, request = with_everything(operation, tenant)
        before = all_known_of(tenant, values)
        status, sent = list(plain_refusals(operation, request, tenant=tenant))[place]
        for _ in range(TURNS):
            world.send(sent)
        found += [f"after {status} in {tenant.id} {what}" for what in differences(before, all_known_of(tenant, values))]
    return found or [f"after several refusals in {tenant.id} something is shown otherwise"]


@check(
    "EFF-002",
    "What is done to one user MUST leave every other user of the tenant, and that user of another one, as they were.",
    source=_SOURCE,
)
def test_what_is_done_to_one_leaves_all_others(world: World, operation: Operation) -> None:
    if not changes_something(operation) or operation.id in OF_THE_TENANT:
        raise NotApplicable("changes nothing of a user, or the whole tenant")
    wrong: list[str] = []
    for tenant in of_tenants(world):
        neighbours = [with_everything(operation, tenant) for _ in range(TURNS)]
        asked = [with_everything(operation, tenant) for _ in range(TURNS)]
        for turn in range(TURNS):
            wrong += _changed_beside(tenant, operation, neighbours=neighbours, asked=asked, first=turn == 0)
    assert not wrong, f"{len(wrong)}: " + "; ".join(wrong[:MOST_TOLD])


def _changed_beside(
    tenant: Tenant, operation: Operation, *, neighbours: list[Named], asked: list[Named], first: bool
) -> Iterator[str]:
    """What changes of the users before, and of those who were asked for in the other tenant.

    There are two of each, and no request comes twice in a turn: so one of each comes in an even turn.
    """
    statuses = (operation.success,) if first else ANY
    for _, request in neighbours:
        expect(tenant.world.send(request), *statuses)
    for values, _ in neighbours:
        undone(tenant, values)
    known = partial(_known_beside, tenant, moves=operation.needs_a_session)
    before = [known(values) for values, _ in neighbours]
    twins = [_twin_of(tenant.world, tenant, values=values) for values, _ in asked]
    for _, request in asked:
        expect(tenant.world.send(request), *statuses)
    for (values, _), was in zip(neighbours, before, strict=True):
        for what in differences(was, known(values)):
            yield f"{what} of a user before, in {tenant.id}"
    for (values, _), twin in zip(asked, twins, strict=True):
        if twin is not None:
            for what in differences(twin[1], all_known_of(twin[0], _named(values))):
                yield f"{what} of the user in {twin[0].id}"


def _known_beside(tenant: Tenant, values: dict[str, Any], *, moves: bool) -> dict[str, Any]:
    """What is known of a user whom nobody asks for: the own activity too, unless there may have been some just now."""
    found = known_of(tenant, values)
    return dict(without_activity(found)) if moves else found


def texts(operation: Operation, values: dict[str, Any], *, number: int) -> Iterator[tuple[str, str, str]]:
    """The members of the body that are any text, and no name of anything, or an address: how a text begins, the text.

    Each begins like no other that was sent: by the user's name, or by a number that was drawn.
    """
    mark = values["user_id"].removeprefix("usr_").replace("_", ".")
    network = f"2001:db8:{1 + number % 0xFFFF:x}:{1 + (number >> 16) % 0xFFFF:x}:"
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        free = schema.get("type") == "string" and not {"enum", "format", "anyOf"} & set(schema)
        if free and name not in values and re.search(schema.get("pattern", ""), A_TEXT):
            yield name, mark, f"{mark} {A_TEXT}"
        if any(one.get("format") == "ipv6" for one in schema.get("anyOf", ())):
            yield name, network, f"{network}abcd:ef12:3456:789a"


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from strings(item)


def all_shown(tenant: Tenant, values: dict[str, Any], *, after: str) -> list[Any]:
    """What the tenant is shown of a user, of the session that was named, and of what happened since."""
    found: list[Any] = [known_of(tenant, values), all_behind(tenant, after)]
    if "session_id" in values:
        found.append(_shown(tenant.admin("get_session", session_id=values["session_id"])))
    return found


@check(
    "EFF-003",
    "A text that a request had MUST be shown as it was sent, in full, wherever it is shown.",
    source="the contract, schemas; RFC 8259 section 8.3",
    profile="full",
    feature="events",
)
def test_a_text_is_shown_in_full(world: World, operation: Operation) -> None:
    if not changes_something(operation):
        raise NotApplicable("changes nothing")
    wrong: list[str] = []
    names: list[str] = []
    for tenant in of_tenants(world):
        names = [name for name, _, _ in texts(operation, values_for(operation, tenant), number=0)]
        for name in names:
            values, request = with_everything(operation, tenant)
            number = world.random.getrandbits(32)
            begins = {member: (mark, text) for member, mark, text in texts(operation, values, number=number)}
            mark, written = begins[name]
            sent = {**json.loads(request.body or b"{}"), name: written}
            cursor = expect(tenant.service("get_revocations"), 200).json["cursor"]
            shown = [world.send(request.with_body(sent)) for _ in range(TURNS)]
            if any(reply.status == 400 for reply in shown):
                wrong.append(f"the {name} {written!r} is refused as malformed in {tenant.id}")
            told = [reply.json for reply in shown if reply.media_type == "application/json"]
            for text in strings([told, all_shown(tenant, values, after=cursor)]):
                if text.lower().startswith(mark) and text != written:
                    wrong.append(f"the {name} {sent[name]!r} is shown as {text!r} in {tenant.id}")
    if not names:
        raise NotApplicable("takes no text")
    assert not wrong, f"{len(wrong)}: " + "; ".join(wrong[:MOST_TOLD])


def undone(tenant: Tenant, values: dict[str, Any]) -> None:
    """Let there be again what a request may have taken away: what is done once more to the user is seen only then."""
    user = values["user_id"]
    tenant.sign_in(user, device_id=f"dev_{user}", amr=["password"])
    expect(tenant.service("trust_device", body={"user_id": user, "device_fingerprint": f"sha256:{user}"}), 200)
    for entry in expect(tenant.admin("list_blacklisted_tokens", user_id=user), 200).json["items"]:
        expect(tenant.admin("remove_blacklist_entry", entry_id=entry["id"]), 200)
    if "client_id" in values:
        name = values["client_id"]
        expect(tenant.admin("remove_logout_client", client_id=name), 204, 404)
        body = {"client_id": name, "uri": "https://shop.example.com/another", "enabled": False}
        expect(tenant.admin("create_logout_client", body=body), 201)


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {"user_id": values["user_id"]}


def _twin_of(world: World, tenant: Tenant, *, values: dict[str, Any]) -> tuple[Tenant, dict[str, Any]] | None:
    """The user of the same name in the other tenant, with a session and a device, and what is known of them there."""
    other = next((one for one in of_tenants(world) if one is not tenant), None)
    if other is None:
        return None
    user = values["user_id"]
    other.sign_in(user, device_id=f"dev_{user}", amr=["password"])
    expect(other.service("trust_device", body={"user_id": user, "device_fingerprint": f"sha256:{user}"}), 200)
    return other, all_known_of(other, _named(values))
