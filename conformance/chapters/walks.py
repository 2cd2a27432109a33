"""Every operation in every circumstance: nothing about a request is looked at in one of them and overlooked in another.

The cases come from the contract: each operation, for each tenant and kind of caller, with each optional parameter; each
refusal in each language, asked for again and again. A list of cases would know only what its author thought of.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from sojourn.conformance import header_laws, laws
from sojourn.conformance.chapters.authentication import changed_claims, tampered, unsigned_tokens
from sojourn.conformance.chapters.statuses import names_unknown, unknown_of
from sojourn.conformance.checks import NotApplicable, check
from sojourn.conformance.contexts import Context, contexts
from sojourn.conformance.contract import Operation
from sojourn.conformance.fresh import values_for
from sojourn.conformance.laws import Law
from sojourn.conformance.probes import in_other_capitals, wrong_values
from sojourn.conformance.schemas import answer_violations
from sojourn.conformance.traffic import Exchange
from sojourn.conformance.wire import Raw, Reply
from sojourn.conformance.world import Tenant, World, expect

LAWS: tuple[Law, ...] = (
    laws.refusals_are_problems,
    laws.refused_callers_are_challenged,
    header_laws.problems_follow_the_language,
    header_laws.what_cannot_be_accepted_is_not_sent,
    header_laws.a_body_of_another_type_is_not_read,
    header_laws.traces_are_continued,
)
TURNS = ("zh-CN", "zh-CN", "en", "zh-CN", "en")
"""The languages of one request, asked again and again: each is asked for in an even and in an odd turn."""
AGAIN = ("en", "zh-CN", "en", "en")
"""The languages of a request that succeeds: the first is asked for again in an even and in an odd turn."""
OF_A_TYPE = ("title", "status", "code", "i18n_key")
"""Members of a problem that its type alone decides."""
MOST_TOLD = 6
READS_ALONE = ("get_session_stats", "count_active_sessions")
"""Reads that name nothing, and whose refusals name the broken rules."""
GOES_ON = ("get_revocation", "list_webhooks", "get_webhook", "list_webhook_deliveries", "list_logout_clients")
"""Reads of what the server works at by itself: they may differ although nobody asks for anything."""
COUNTS_UNTIL = ("get_session_series",)
"""Reads that say in `as_of` until when they have counted: the server moves it by itself, and the numbers with it."""
OF_NOW = ("timestamp", "updated_at", "evaluated_at", "exported_at", "generated_at", "as_of")
"""Members that say when a response was made."""
_SOURCE = "the contract, the responses and parameters of each operation"


def refusals(operation: Operation, context: Context) -> Iterator[tuple[tuple[int, ...], Raw]]:
    """What is wrong with a request in one way each, and the statuses that its refusal may have."""
    for status, request in plain_refusals(operation, context.request, tenant=context.tenant):
        yield (status,), request
    if operation.scheme == "http" and not operation.roles and "{session_id}" in operation.path:
        stranger = f"Bearer {context.tenant.sign_in().access}"
        yield (403, 404), context.request.with_header("Authorization", stranger)
    if names_something(operation):
        for path in others(context.request.path):
            yield (400, 404), context.request.copy(path=path)


def names_something(operation: Operation) -> bool:
    """Whether the path names a thing that may not be there."""
    return names_unknown(operation) and 404 in operation.responses


def others(path: str) -> Iterator[str]:
    """The path with an id that is almost the same: in capitals, longer by a dot, and in both ways."""
    kind = re.search(r"(?:sess|tok|bl|dev|whk)_[^/]+", path)
    if kind is not None:
        for other in (kind[0].upper(), f"{kind[0]}.x", kind[0][:4] + kind[0][4:].upper()):
            yield path.replace(kind[0], other)


def plain_refusals(operation: Operation, request: Raw, *, tenant: Tenant) -> Iterator[tuple[int, Raw]]:
    """What is wrong with a request in one way each, and the status of its refusal."""
    if operation.scheme is not None:
        yield 401, request.without("X-API-Key", "Authorization")
    if operation.roles:
        yield 403, request.with_header("Authorization", f"Bearer {tenant.sign_in().access}")
    limited = tenant.world.target.limited_api_key
    if operation.scheme == "apiKey" and 403 in operation.responses and limited is not None:
        yield 403, request.with_header("X-API-Key", limited)
    yield 400, request.with_query("colour", "red")
    if 406 in operation.responses:
        yield 406, request.with_header("Accept", header_laws.PICTURE)
    if operation.body_schema is not None:
        yield 415, request.copy(body=b"{}").with_header("Content-Type", "text/plain")
    if names_something(operation):
        nowhere = operation.request({**values_for(operation, tenant), **unknown_of(operation)})
        yield 404, request.copy(path=nowhere.path)


class Walk:
    """Sends requests that name themselves, and holds each answer to the laws."""

    def __init__(self, world: World, operation: Operation) -> None:
        self.world, self.operation = world, operation
        self.complaints: list[str] = []
        self._pages: dict[tuple[str, str], dict[str, Any]] = {}
        self._unknown: list[Any] = []

    def ask(self, request: Raw, what: str, *, language: str, wanted: tuple[int, ...] = ()) -> Reply:
        """Send it with an id, a trace and a language; note everything that is wrong with the answer."""
        number = self.world.random.getrandbits(128) | 1
        own = f"walk{number:032x}"
        named = request.with_header("X-Request-ID", own).with_header("Accept-Language", language)
        reply = self.world.send(named.with_header("traceparent", f"00-{number:032x}-{number >> 64 | 1:016x}-01"))
        exchange = self.world.traffic.exchanges[-1]
        for sentence in self._wrong(exchange, wanted):
            self.complaints.append(f"{what}: answered {reply.status}: {sentence}")
        if reply.headers.get("x-request-id") != own:
            self.complaints.append(f"{what}: X-Request-ID is {reply.headers.get('x-request-id')!r}, sent was {own!r}")
        return reply

    def _wrong(self, exchange: Exchange, wanted: tuple[int, ...]) -> Iterator[str]:
        if wanted and exchange.reply.status not in wanted:
            yield f"wanted {' or '.join(map(str, wanted))}"
        yield from answer_violations(self.operation, exchange.reply)
        for law in LAWS:
            yield from law(exchange)
        yield from self._unlike_its_page(exchange)

    def _unlike_its_page(self, exchange: Exchange) -> Iterator[str]:
        """What a problem says otherwise than the page that its `type` leads to, in the same language."""
        problem = laws.document_of(exchange) if exchange.reply.status >= 400 else {}
        language = exchange.reply.headers.get("content-language")
        if language not in header_laws.LANGUAGES or "get_problem_type" not in self.world.contract.operations:
            return
        page = self._page(str(problem.get("type")).rpartition("/")[2], language)
        if "type" in problem and not page:
            yield f"its type {problem['type']!r} leads to no page"
        for name in OF_A_TYPE:
            if name in page and name in problem and problem[name] != page[name]:
                yield f"{name} is {problem[name]!r}, the page of its type says {page[name]!r}"

    def _page(self, slug: str, language: str) -> dict[str, Any]:
        key = (slug, language)
        if key not in self._pages:
            request = self.world.first.request("get_problem_type", slug=slug)
            reply = self.world.send(request.with_header("Accept-Language", language))
            self._pages[key] = reply.json if reply.status == 200 else {}
        return self._pages[key]

    def broken(self, reply: Reply, what: str, *, field: str) -> None:
        """Note where a refusal of a parameter that nobody declared names another rule than elsewhere."""
        known = self.world.contract.operations
        elsewhere = next((name for name in READS_ALONE if name in known and name != self.operation.id), None)
        if elsewhere is None or not _rules(reply):
            return
        if not self._unknown:
            request = self.world.first.request(elsewhere).with_query(field, "red")
            asked = request.with_header("Authorization", f"Bearer {self.world.first.admin_token}")
            self._unknown = _rules(expect(self.world.send(asked), 400))
        if _rules(reply) != self._unknown:
            self.complaints.append(f"{what}: broken is {_rules(reply)}, of another operation {self._unknown}")

    def tell(self) -> None:
        """Fail with the first complaints."""
        found = list(dict.fromkeys(self.complaints))
        assert not found, f"{len(found)}: " + "; ".join(found[:MOST_TOLD])


def _rules(reply: Reply) -> list[Any]:
    """Which rules a request broke, and where, as its refusal tells programs."""
    problem = reply.json if reply.media_type == "application/problem+json" else {}
    return [(error.get("field"), error.get("code")) for error in problem.get("errors", ())]


@check(
    "WLK-001",
    "A refusal of an operation MUST be the documented problem in the reader's language, with the request's id and "
    "trace, for every tenant, caller and parameter, every time.",
    source=f"{_SOURCE}; RFC 9457; RFC 9110 section 12.5",
)
def test_every_refusal_is_the_same_in_every_circumstance(world: World, operation: Operation) -> None:
    walk = Walk(world, operation)
    for context in contexts(operation, world):
        for wanted, request in refusals(operation, context):
            for language in TURNS:
                what = f"{'/'.join(map(str, wanted))} {context.name}"
                reply = walk.ask(request, what, language=language, wanted=wanted)
                if "colour" in dict(request.query):
                    walk.broken(reply, what, field="colour")
    walk.tell()


@check(
    "WLK-002",
    "A response of an operation MUST be as documented, with the request's id, in every circumstance, every time, and "
    "the same while nothing happens.",
    source=_SOURCE,
)
def test_every_answer_is_documented_in_every_circumstance(world: World, operation: Operation) -> None:
    walk = Walk(world, operation)
    for context in contexts(operation, world):
        replies = [walk.ask(context.request, context.name, language=language) for language in AGAIN]
        alike = [reply for reply, language in zip(replies, AGAIN, strict=True) if language == AGAIN[0]]
        told = [without_instants(shown(reply)) for reply in alike]
        steady = operation.method == "GET" and operation.id not in GOES_ON and not world.target.parallel > 1
        steady = steady and counted_alike(operation, *alike)
        if steady and any(one != told[0] for one in told):
            walk.complaints.append(f"{context.name}: asked again, the response is another one")
    walk.tell()


def shown(reply: Reply) -> Any:
    """The document of a success in JSON; else the status alone."""
    return reply.json if reply.status == 200 and reply.media_type == "application/json" else reply.status


def counted_alike(operation: Operation, *replies: Reply) -> bool:
    """Whether responses of an operation that says until when it has counted say the same of that."""
    told = [shown(reply) for reply in replies]
    if operation.id not in COUNTS_UNTIL or not all(isinstance(one, dict) for one in told):
        return True
    return len({one.get("as_of") for one in told}) == 1


def without_instants(value: Any) -> Any:
    """A document without the instants at which it was made."""
    if isinstance(value, dict):
        return {name: without_instants(item) for name, item in value.items() if name not in OF_NOW}
    return [without_instants(item) for item in value] if isinstance(value, list) else value


def wrong_credentials(operation: Operation, world: World, *, tenant: Tenant) -> Iterator[tuple[str, dict[str, str]]]:
    """Each kind of credential that opens nothing: what it is, and the headers that it is sent in."""
    token, key = tenant.admin_token, world.target.api_key
    if operation.scheme == "apiKey":
        yield "another key", {"X-API-Key": f"{key}x"}
        yield "an empty key", {"X-API-Key": ""}
        yield "half a key", {"X-API-Key": key[: len(key) // 2]}
        yield "a token", {"Authorization": f"Bearer {tenant.admin_token}"}
        return
    ended, user = tenant.sign_in(), tenant.sign_in().access
    expect(tenant.admin("revoke_session", session_id=ended.id), 204)
    tokens = {
        "a changed signature": tampered(token),
        "changed claims": changed_claims(token),
        "text": "x.y.z",
        "a word": "x",
        "the token of a session that is over": ended.access,
        "a refresh token": tenant.sign_in().refresh,
        **{f"no signature ({number})": text for number, text in enumerate(unsigned_tokens(token))},
    }
    if not operation.roles:
        yield "a key beside a user's changed token", {"X-API-Key": key, "Authorization": f"Bearer {tampered(user)}"}
        tokens["a user's, with a changed signature"] = tampered(user)
        tokens |= {f"a user's without signature ({n})": text for n, text in enumerate(unsigned_tokens(user))}
    for name, text in tokens.items():
        yield name, {"Authorization": f"Bearer {text}"}
    yield "a key", {"X-API-Key": key}
    yield "a key and a tenant", {"X-API-Key": key, "X-Tenant-ID": tenant.id}
    yield "a tenant's name alone", {"X-Tenant-ID": tenant.id}


@check(
    "WLK-003",
    "Credentials that open nothing MUST be refused with 401 for every tenant and parameter, every time.",
    source="the contract, introduction and Order of checks; RFC 6750 section 3.1",
)
def test_no_wrong_credential_opens_an_operation_in_any_circumstance(world: World, operation: Operation) -> None:
    if operation.scheme is None:
        raise NotApplicable("asks for no credentials")
    walk = Walk(world, operation)
    for context in _of_callers(operation, world):
        closed = context.request.without("X-API-Key", "Authorization")
        for name, headers in wrong_credentials(operation, world, tenant=context.tenant):
            request = closed
            for header, value in headers.items():
                request = request.with_header(header, value)
            named = request.with_header("X-Tenant-ID", context.tenant.id)  # which is no credential
            for language, asked in (("en", request), ("zh-CN", named)):
                walk.ask(asked, f"{name} {context.name}", language=language, wanted=(401,))
    walk.tell()


def _of_callers(operation: Operation, world: World) -> Iterator[Context]:
    """The circumstances without those that differ in who asks as a user."""
    return (context for context in contexts(operation, world) if "a user" not in context.name)


def wrong_parts(operation: Operation, request: Raw) -> Iterator[tuple[str, Raw]]:
    """Requests with one optional parameter or member that cannot be, or only in other capitals; STR judges each way."""
    for parameter in operation.named("query"):
        schema = parameter["schema"]
        wrong = "x" if schema.get("type") == "integer" else "neither" if "enum" in schema else "%00"
        for text in (wrong, *in_other_capitals(schema)):
            yield parameter["name"], request.with_query(parameter["name"], text)
    sent = json.loads(request.body or b"{}")
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        for wrong_value in (next(iter(wrong_values(schema))), *in_other_capitals(schema)):
            yield name, request.with_body({**sent, name: wrong_value})


@check(
    "WLK-004",
    "A parameter or member that cannot be MUST be refused with 400 for every tenant, caller and parameter, every time.",
    source="the contract, Strictness",
)
def test_nothing_that_cannot_be_is_ignored_in_any_circumstance(world: World, operation: Operation) -> None:
    walk = Walk(world, operation)
    for context in contexts(operation, world):
        for name, request in wrong_parts(operation, context.request):
            for language in ("en", "zh-CN"):
                walk.ask(request, f"a wrong {name} {context.name}", language=language, wanted=(400,))
    if not operation.named("query") and operation.body_schema is None:
        raise NotApplicable("no parameter and no member")
    walk.tell()
