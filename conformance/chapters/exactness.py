"""Identifiers are exact: a name that is almost that of something is the name of nothing.

A server that folds case, drops a blank or looks at the beginning only treats two things as one. No response need be
known beforehand: to a name that is almost right it says what it says to a name that nobody ever had.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from sojourn.conformance.chapters.effects import changes_something, known_of, with_everything, without_activity
from sojourn.conformance.chapters.walks import MOST_TOLD, without_instants
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contexts import tenants_for, user_of
from sojourn.conformance.contract import Operation
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import Tenant, World

NO_NAMES = ("cursor", "after", "access_token", "refresh_token", "token", "subject_token", "tenant_id", "X-Tenant-ID")
"""What is made up of more than a name: cursors and tokens have checks of their own, and so have tenants."""
TURNS = 2
"""How often each request is sent: a server may treat the second unlike the first."""
FIRST_ASKED, ENOUGH = 2, 8
"""Names that nobody has: so many are asked about at first, and so many before anything is called a difference."""
UNCHANGED = ("type", "code", "i18n_key")
"""Members of a refusal that say which it is."""
Place = Callable[[str], Raw]
"""From a name to the request that has it in one place, the rest of the request being as it was."""


def places(operation: Operation, values: dict[str, Any], *, request: Raw) -> Iterator[tuple[str, Place]]:
    """Each parameter and member of the request that names something, and how to put another name there."""
    for parameter in operation.parameters:
        name = parameter["name"]
        if not is_a_name(name, parameter["schema"], values=values):
            continue
        if parameter["in"] == "path":
            yield name, in_path(operation, values, name=name, request=request)
        elif parameter["in"] == "query" and "x-not-with" not in parameter:
            yield name, in_query(name, request)
    sent = json.loads(request.body or b"{}")
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        if name in sent and is_a_name(name, schema, values=values):
            yield name, in_body(name, sent, request=request)


def in_path(operation: Operation, values: dict[str, Any], *, name: str, request: Raw) -> Place:
    """Another name in the path."""
    return lambda text: request.copy(path=operation.request({**values, name: text}).path)


def in_query(name: str, request: Raw) -> Place:
    """Another name as a query parameter."""
    return lambda text: request.with_query(name, quote(text, safe=""))


def in_body(name: str, sent: dict[str, Any], *, request: Raw) -> Place:
    """Another name in the body."""
    return lambda text: request.with_body({**sent, name: text})


def is_a_name(name: str, schema: dict[str, Any], *, values: dict[str, Any]) -> bool:
    """Whether a parameter or member is the id of something that was made for this request."""
    if name in NO_NAMES or not isinstance(values.get(name), str):
        return False
    return schema.get("type") == "string" and "enum" not in schema and "format" not in schema


def almost(name: str) -> dict[str, str]:
    """What is nearly a name, and how."""
    found = {
        name.upper(): "in capitals",
        name.swapcase(): "with other capitals",
        f"{name}0": "with one more at its end",
        f"{name}.x": "with a dot behind it",
        name[:-1]: "without its last",
        f"{name} ": "with a blank behind it",
    }
    return {text: how for text, how in found.items() if text != name}


def stranger_of(name: str, world: World) -> str:
    """A name of the same form that nobody has: its last letters and digits are others."""
    drawn = iter(f"{world.random.getrandbits(160):040x}")
    kept, changed = name[:-10], name[-10:]
    return kept + re.sub("[0-9a-z]", lambda found: next(drawn), changed)


def leaves(reply: Reply, name: str) -> dict[str, Any]:
    """What a response says, place by place, without the name that it was asked about; of a refusal, which it is."""
    if reply.media_type == "application/problem+json":
        return {place: reply.json[place] for place in UNCHANGED if place in reply.json}
    if reply.status >= 300 or reply.media_type != "application/json":
        return {}
    return {place: value for place, value in _flat(without_instants(reply.json), "") if value != name}


def _flat(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        yield f"number of {place}", len(value)
        for number, item in enumerate(value):
            yield from _flat(item, f"{place}[{number}]")
    else:
        yield place, value


class Strangers:
    """What is said of names that nobody has, the first and the second time."""

    def __init__(self, world: World, put: Place, *, name: str) -> None:
        self._world, self._put, self._name = world, put, name
        self._statuses: list[int] = []
        self._steady: list[dict[str, Any]] = [{}] * TURNS
        self._asked = 0
        self._ask(FIRST_ASKED)

    def _ask(self, count: int) -> None:
        """Ask about so many more of them; what they have in common is kept."""
        for _ in range(count):
            stranger = stranger_of(self._name, self._world)
            replies = [self._world.send(self._put(stranger)) for _ in range(TURNS)]
            said = [leaves(reply, stranger) for reply in replies]
            if self._asked:
                said = [in_common(known, new) for known, new in zip(self._steady, said, strict=True)]
            self._statuses = self._statuses or [reply.status for reply in replies]
            self._steady, self._asked = said, self._asked + 1

    def change(self, known: Callable[[], Any]) -> bool:
        """Whether what is known changes when they are asked about: then the request is about more than the name."""
        before = known()
        self._ask(1)
        return bool(known() != before)

    def differences(self, text: str) -> Iterator[str]:
        """What is said of another name and of no stranger. A name may be refused for its form."""
        for turn in range(TURNS):
            reply = self._world.send(self._put(text))
            if reply.status == 400:
                continue
            if reply.status != self._statuses[turn]:
                yield f"answered {reply.status}, a name that nobody has {self._statuses[turn]}"
                continue
            found = leaves(reply, text)
            for place, value in self._unlike(found, turn).items():
                yield f"{place} is {found.get(place)!r}, of a name that nobody has {value!r}"

    def _unlike(self, found: dict[str, Any], turn: int) -> dict[str, Any]:
        """What all strangers have otherwise. Two may be alike by chance, such as ends that are drawn; many are not."""
        if self._asked < ENOUGH and in_common(self._steady[turn], found) != self._steady[turn]:
            self._ask(ENOUGH - self._asked)
        return {place: value for place, value in self._steady[turn].items() if found.get(place) != value}


def in_common(known: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What both say alike."""
    return {place: value for place, value in known.items() if place in new and new[place] == value}


def _requests(operation: Operation, world: World) -> Iterator[tuple[Tenant, dict[str, Any], Raw]]:
    """A request in each tenant with what it names, and one of a user who may send it. What may change is there."""
    for tenant in tenants_for(operation, world):
        yield (tenant, *with_everything(operation, tenant))  # of nobody there is nothing to be read
        if changes_something(operation) and operation.scheme == "http" and not operation.roles:
            values, request = with_everything(operation, tenant)
            yield tenant, values, request.with_header("Authorization", user_of(tenant, values))


def _known_of(operation: Operation, tenant: Tenant, *, values: dict[str, Any]) -> Any:
    """What the tenant is shown of what a request names; nothing where the operation changes nothing."""
    return without_activity(known_of(tenant, values)) if changes_something(operation) else None


@check(
    "EXA-001",
    "A name that is almost that of something, in other capitals, longer or shorter by one, MUST be treated as one that "
    "nobody has.",
    source="the contract, identifiers are compared byte by byte; RFC 7519 section 2 (StringOrURI)",
)
def test_a_name_that_is_almost_right_names_nothing(world: World, operation: Operation) -> None:
    wrong: list[str] = []
    found = False
    for tenant, values, request in _requests(operation, world):
        for name, put in places(operation, values, request=request):
            found = True
            strangers = Strangers(world, put, name=values[name])
            known = partial(_known_of, operation, tenant, values=values)
            others, before = strangers.change(known), known()
            for text, how in almost(values[name]).items():
                wrong += [f"{name} {how}: {what}" for what in strangers.differences(text)]
            if not others and known() != before:
                wrong.append(f"what has the {name} is changed by requests that name almost that")
    if not found:
        raise NotApplicable("names nothing")
    assert not wrong, f"{len(wrong)}: " + "; ".join(wrong[:MOST_TOLD])
