"""Lies about answers: members, whole answers, statuses, headers, problems."""

from collections.abc import Callable, Iterator
from typing import Any

from sojourn.conformance.contract import Operation
from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import Lie, Mutant, copy_of, good_credentials, tenant_of, told
from tests.conformance.mutants.values import WHICH, apply, changes, walk
from tests.conformance.serving import FIRST, SECOND

REFUSALS = (400, 401, 403, 404, 406, 415, 429)
_GROUP = "members of answers"


def members(operation: Operation) -> Iterator[Mutant]:
    """Every member of every successful answer."""
    for schema in _schemas(operation):
        for place, inner, _ in walk(schema):
            for kind, change in changes(inner):
                if _for_people(place[-1], kind):
                    continue
                for which in WHICH if "[]" in place else ("all",):
                    said = ".".join(place) + ("" if which == "all" else f" ({which})")
                    group = "members of items" if "[]" in place else _GROUP
                    yield Mutant(operation.id, group, kind, said, _document(_at(place, change, which)))


def _for_people(name: str, kind: str) -> bool:
    """Whether a lie is none: texts for people, and ids that are minted, may be others as long as they are there."""
    form_only = ("message", "detail", "description", "error", "explanation", "remedy", "span_id", "trace_id")
    return name in form_only and kind not in ("left out", "null", "emptied", "as a list")


def _schemas(operation: Operation) -> Iterator[dict[str, Any]]:
    for status, response in operation.responses.items():
        if status < 300:
            for media, content in response.get("content", {}).items():
                if "json" in media:
                    yield content["schema"]


def _at(place: tuple[str, ...], change: Any, which: str) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda document, memory: apply(document, place, change, memory, which)


def _document(change: Callable[[Any, dict[str, Any]], Any], statuses: range | tuple[int, ...] = range(200, 300)) -> Lie:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        answer, document = copy_of(truth), truth.document
        if truth.status in statuses and document is not None:
            answer.document = change(document, exchange.memory)
        return told(exchange, truth, answer)

    return lie


def _answer(change: Callable[[Exchange, Answer], None], statuses: range | tuple[int, ...]) -> Lie:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        answer = copy_of(truth)
        if truth.status in statuses:
            change(exchange, answer)
        return told(exchange, truth, answer)

    return lie


def whole(operation: Operation) -> Iterator[Mutant]:
    """The answer as a whole: an old one, somebody else's, another status or media type."""
    success = range(200, 300)
    if operation.method == "GET":
        yield Mutant(operation.id, "old answers", "never changes", "the answer", _stale)
        yield Mutant(operation.id, "old answers", "is one change behind", "the answer", _behind)
        yield Mutant(operation.id, "old answers", "comes back", "the first answer, from the third on", _comes_back)
    if operation.scheme:
        yield Mutant(operation.id, "answers of others", "is that of the request before", "the answer", _of_before)
        yield Mutant(operation.id, "answers of others", "is that of another tenant", "the answer", _of_twin)
    for other in (200, 201, 202, 204, 206):
        if other not in operation.responses:
            lie = _answer(_put_status(other), success)
            yield Mutant(operation.id, "statuses", "success is", str(other), lie)
    yield Mutant(operation.id, "headers", "another media type", "success", _answer(_media("text/plain"), success))
    yield Mutant(operation.id, "headers", "HTML", "success", _answer(_media("text/html"), success))


def statuses(operation: Operation) -> Iterator[Mutant]:
    """Every refusal under another status."""
    for status in (status for status in operation.responses if status in REFUSALS):
        for other in {400, 401, 403, 404, 422, 500, 200} - {status}:
            lie = _answer(_put_status(other), (status,))
            yield Mutant(operation.id, "statuses", f"{status} is", str(other), lie)


def headers(operation: Operation) -> Iterator[Mutant]:
    """Every documented header, left out or changed."""
    for status, response in operation.responses.items():
        if status >= 300 and status not in REFUSALS:
            continue  # it cannot be provoked, or only by much
        for name in response.get("headers", {}):
            for kind, value in (("left out", None), ("another value", "x"), ("in upper case", "upper")):
                lie = _answer(_put_header(name.lower(), value), (status,))
                yield Mutant(operation.id, "headers", kind, f"{name} of {status}", lie)


def problems(operation: Operation) -> Iterator[Mutant]:
    """Every member of every problem; the problem as text, or as another type."""
    for status, response in operation.responses.items():
        if status not in REFUSALS:
            continue
        schema = next(iter(response["content"].values()))["schema"]
        for place, inner, _ in walk(schema):
            if place[-1] in ("details", "i18n_args", "service", "value"):
                continue  # nothing must be in them
            for kind, change in changes(inner):
                if _for_people(place[-1], kind):
                    continue
                lie = _document(_at(place, change, "all"), (status,))
                yield Mutant(operation.id, "problems", kind, f"{'.'.join(place)} of {status}", lie)
        for kind, media, body in _FORMS:
            lie = _answer(_as(media, body), (status,))
            yield Mutant(operation.id, "problems", "is", f"{kind} at {status}", lie)


_FORMS = (
    ("application/json", "application/json", None),
    ("text", "text/plain", b"refused"),
    ("HTML", "text/html", b"<h1>refused</h1>"),
    ("empty", "application/problem+json", b""),
    ("another document", "application/problem+json", b'{"error": "refused"}'),
)


def _put_status(status: int) -> Callable[[Exchange, Answer], None]:
    def change(exchange: Exchange, answer: Answer) -> None:
        answer.status = status
        if isinstance(answer.document, dict) and "status" in answer.document and status >= 400:
            answer.document = {**answer.document, "status": status}
        if status == 204:
            answer.body = b""

    return change


def _media(media: str) -> Callable[[Exchange, Answer], None]:
    def change(exchange: Exchange, answer: Answer) -> None:
        if answer.body:
            answer.headers["content-type"] = media

    return change


def _as(media: str, body: bytes | None) -> Callable[[Exchange, Answer], None]:
    def change(exchange: Exchange, answer: Answer) -> None:
        answer.headers["content-type"] = media
        answer.body = answer.body if body is None else body

    return change


def _put_header(name: str, value: str | None) -> Callable[[Exchange, Answer], None]:
    def change(exchange: Exchange, answer: Answer) -> None:
        if name in answer.headers:
            before = answer.headers.pop(name)
            if name == "x-request-id":
                exchange.memory["told"] = exchange.memory.get("told", 0) + 1
            if value is not None:
                answer.headers[name] = before.upper() if value == "upper" else value

    return change


def _key(exchange: Exchange) -> str:
    who = exchange.header("authorization") or exchange.header("x-tenant-id")
    return f"{exchange.path}?{exchange.query} {who} {exchange.header('accept-language')}"


async def _stale(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status != 200:
        return truth
    return told(exchange, truth, exchange.memory.setdefault(_key(exchange), copy_of(truth)))


async def _behind(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status != 200:
        return truth
    before = exchange.memory.get(_key(exchange), truth)
    exchange.memory[_key(exchange)] = copy_of(truth)
    return told(exchange, truth, before)


async def _comes_back(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status != 200:
        return truth
    seen = exchange.memory.setdefault(_key(exchange), [])
    seen.append(copy_of(truth))
    return told(exchange, truth, seen[0] if len(seen) > 2 else truth)


async def _of_before(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status >= 300:
        return truth
    before = exchange.memory.get("before", truth)
    exchange.memory["before"] = copy_of(truth)
    return told(exchange, truth, before)


async def _of_twin(exchange: Exchange, operation: Operation) -> Answer:
    truth = await exchange.ask()
    if truth.status >= 300:
        return truth
    other = await exchange.ask(**good_credentials(operation, FIRST if tenant_of(exchange) == SECOND else SECOND))
    return told(exchange, truth, other if other.status == truth.status else truth)
