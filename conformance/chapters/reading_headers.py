"""The five reads and the headers of a request: what one operation honours, each honours, in every circumstance.

The five pages name few headers. A server may leave the others alone; it may not honour them here and not there.
"""

import time
from collections.abc import Iterator
from typing import Any

from sojourn.conformance.chapters.reading import (
    ADMINISTRATIVE,
    INTERNAL,
    PAGED,
    first_row,
    takes,
    told,
    valid,
)
from sojourn.conformance.chapters.seed import SEEDS, ask, some_users
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import World, expect

TURNS = ("zh-CN", "zh-CN", "en", "zh-CN", "en")
"""Each language is asked for in an even and in an odd turn."""
A_MOMENT = 1.6
"""Seconds after which an instant in whole seconds is another."""
Facts = dict[str, dict[str, str]]
"""What is honoured → how → the first circumstance in which it was so."""


def circumstances(world: World, operation: str) -> Iterator[tuple[str, Raw]]:
    """The read plainly, and with each parameter that the server knows of it."""
    user = next(iter(some_users(world)))
    plain = valid(world, operation, user=user)
    yield operation, plain
    if operation in PAGED and takes(world, operation, page="1"):
        for name, value in (("page", "2"), ("page_size", "2")):
            yield f"{operation} with {name}={value}", plain.with_query(name, value)
    if operation == "list_all_sessions" and takes(world, operation, limit="1"):
        yield f"{operation} with limit=1", plain.with_query("limit", "1")
        yield f"{operation} with a cursor", plain.with_query("cursor", first_row(world)).with_query("limit", "1")


def ways(world: World, request: Raw) -> Iterator[tuple[str, Raw]]:
    """The request as it is, with a form that cannot be, and refused in two ways; in a third where callers were given.

    Those are a key that is not valid for the tenant, and a user without the role of an administrator.
    """
    yield "answers", request
    yield "answers to those who take pictures alone", request.with_header("Accept", "image/png")
    yield "refusals of callers", request.without("X-API-Key", "Authorization")
    yield "refusals of parameters", request.with_query("colour", "1")
    key, token = world.target.limited_api_key, world.target.user_token
    names = {name.lower() for name, _ in request.headers}
    if key is not None and "x-api-key" in names:
        yield "refusals of others", request.with_header("X-API-Key", key)
    if token is not None and "authorization" in names:
        yield "refusals of others", request.with_header("Authorization", f"Bearer {token}")


def note(world: World, facts: Facts, *, where: str, way: str, request: Raw, language: str) -> None:
    """Ask, and note what of the headers is honoured."""
    number = world.random.getrandbits(128) | 1
    own = f"read{number:032x}"
    named = request.with_header("X-Request-ID", own).with_header("Accept-Language", language)
    reply = world.send(named.with_header("traceparent", f"00-{number:032x}-{number >> 64 | 1:016x}-01"))
    found: dict[str, Any] = {"X-Request-ID": "given back" if reply.headers.get("x-request-id") == own else "another"}
    found[f"Cache-Control of {way}"] = reply.headers.get("cache-control", "none")
    operation = where.partition(" ")[0]
    for header in documented(world, operation, reply=reply):
        found[f"{header} of {way} of {operation}"] = "there" if header.lower() in reply.headers else "left out"
    found[f"Status of {way}"] = reply.status
    if reply.status >= 400:
        found |= of_a_problem(reply, trace=f"{number:032x}", language=language)
    for name, value in found.items():
        facts.setdefault(name, {}).setdefault(str(value), where)


def documented(world: World, operation: str, *, reply: Reply) -> list[str]:
    """The headers that the contract has in every such response: a server has each always, or never."""
    response = world.operation(operation).responses.get(reply.status, {})
    return [name for name, header in response.get("headers", {}).items() if header.get("required")]


def of_a_problem(reply: Reply, *, trace: str, language: str) -> dict[str, Any]:
    """What a problem shows of the language and the trace that were asked for."""
    problem = reply.json
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in str(problem.get("title", "")))
    found = {f"Accept-Language {language}": f"{reply.headers.get('content-language')}, Chinese: {chinese}"}
    if "trace_id" in problem:
        found["traceparent"] = "continued" if trace in str(problem["trace_id"]) else "not continued"
    return found


def differing(facts: Facts) -> list[str]:
    """What is honoured in one circumstance and not in another."""
    return [
        f"{name}: " + "; ".join(f"{value} in {where}" for value, where in values.items())
        for name, values in facts.items()
        if len(values) > 1
    ]


@check(
    "SED-030",
    "What the headers of a request ask for MUST be honoured by all five reads in every circumstance, or by none.",
    source="RFC 9110 sections 5.2 and 12; W3C Trace Context section 3.2; the seed pages",
    profile="seed",
)
def test_headers_are_honoured_everywhere_or_nowhere(world: World) -> None:
    facts: Facts = {}
    for operation in SEEDS:
        for where, request in circumstances(world, operation):
            for way, asked in ways(world, request):
                for language in TURNS:
                    note(world, facts, where=where, way=way, request=asked, language=language)
    found = differing(facts)
    assert not found, " | ".join(found[:5])


@check(
    "SED-031",
    "A key that is not valid for the tenant MUST be refused with 403, every time.",
    source="the seed pages, 403",
    profile="seed",
)
def test_a_key_of_another_tenant_opens_nothing(world: World) -> None:
    key = world.target.limited_api_key
    if key is None:
        raise NotApplicable("needs --limited-api-key")
    for operation in INTERNAL:
        for where, request in circumstances(world, operation):
            for _ in range(2):
                reply = world.send(request.with_header("X-API-Key", key))
                assert reply.status == 403, f"{where}: answered {reply.status}, wanted 403"


@check(
    "SED-032",
    "The instants that say when a response was made MUST be those of this response, not of an earlier one.",
    source="the seed pages, timestamp and updated_at",
    profile="seed",
)
def test_an_answer_is_of_now(world: World) -> None:
    def instants(operation: str) -> dict[str, str]:
        reply = ask(world, operation)
        told(reply)  # a tenant that the server does not know is skipped
        return {name: str(reply.json[name]) for name in ("timestamp", "updated_at") if name in reply.json}

    before = {operation: instants(operation) for operation in SEEDS}
    time.sleep(A_MOMENT)
    for operation in (*INTERNAL, *ADMINISTRATIVE):
        for name, value in instants(operation).items():
            assert value > before[operation][name], f"{operation}: {name} is {value}, as it was {A_MOMENT} s ago"


@check(
    "SED-033",
    "A page far past the end MUST be empty and say which it is.",
    source="the contract, pagination",
    profile="seed",
)
def test_a_page_far_past_the_end_is_empty(world: World) -> None:
    for operation in PAGED:
        if not takes(world, operation, page="1"):
            continue
        for user in [*some_users(world)][:2]:
            for number in (1000, 2000):
                page = expect(ask(world, operation, user=user, page=number, page_size=1), 200).json
                assert page["items"] == [], f"{operation}: page {number} has rows"
                said = page["pagination"]["page"]
                assert said == number, f"{operation}: asked for page {number}, told is page {said}"
