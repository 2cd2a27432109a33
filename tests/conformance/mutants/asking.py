"""Lies about requests: a parameter, a member, a header or a credential that is ignored, for one operation."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from sojourn.conformance.contract import Operation
from tests.conformance.liars.lying import Answer, Exchange
from tests.conformance.mutants.mutant import Lie, Mutant, claims_of, count, good_credentials, told
from tests.conformance.serving import FIRST
from tests.live import API_KEY

Edit = Callable[[Exchange], None]
HEADERS = ("accept", "accept-language", "x-request-id", "traceparent", "content-type")


def _asked(edit: Edit) -> Lie:
    """The request is changed before it is served. A read is asked truthfully, too, to tell whether it is a lie."""

    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        before = (exchange.path, exchange.query, list(exchange.headers), exchange.body)
        truth = await exchange.ask() if exchange.method == "GET" else None
        edit(exchange)
        changed = before != (exchange.path, exchange.query, list(exchange.headers), exchange.body)
        if not changed:
            return truth or await exchange.ask()
        answer = await exchange.ask()
        if truth is None:
            count(exchange)
            return answer
        return told(exchange, truth, answer)

    return lie


def parameters(operation: Operation) -> Iterator[Mutant]:
    """Every query parameter."""
    for parameter in operation.named("query"):
        name, schema = parameter["name"], parameter["schema"]
        if operation.is_stream and name == "limit":
            continue  # in which pieces a stream is sent shows in nothing that a client reads
        for kind, edit in _parameter_edits(name, schema, required=bool(parameter.get("required"))):
            yield Mutant(operation.id, "parameters", kind, name, _asked(edit), asked=True)
    for parameter in operation.named("path"):
        for kind, change in (("in lower case", str.lower), ("cut at a dot", lambda text: text.partition(".")[0])):
            edit = _path(operation.path, parameter["name"], change)
            yield Mutant(operation.id, "parameters", kind, parameter["name"], _asked(edit), asked=True)


def _parameter_edits(name: str, schema: dict[str, Any], *, required: bool) -> Iterator[tuple[str, Edit]]:
    if not required:
        yield "ignored", lambda exchange: exchange.put_parameters(**{name: None})
    if schema.get("type") == "integer":
        yield "one more", _number(name, lambda number: number + 1)
        yield "at most five", _number(name, lambda number: min(number, 5))
        if schema.get("maximum", 0) > 50:
            yield "at most fifty", _number(name, lambda number: min(number, 50))
    elif "enum" in schema:
        for value in schema["enum"]:
            yield f"taken for {value}", _text(name, lambda text, value=value: value)  # type: ignore[misc]
    else:
        if schema.get("format") != "date-time":  # RFC 3339 section 5.6: T and Z may be written in lower case
            yield "in lower case", _text(name, str.lower)
        yield "cut off by one", _text(name, lambda text: text[:-1] or text)


def _number(name: str, change: Callable[[int], int]) -> Edit:
    def edit(exchange: Exchange) -> None:
        text = exchange.parameters.get(name, "")
        if re.fullmatch("[0-9]{1,9}", text):
            exchange.put_parameters(**{name: change(int(text))})

    return edit


def _text(name: str, change: Callable[[str], str]) -> Edit:
    def edit(exchange: Exchange) -> None:
        if exchange.parameters.get(name):
            exchange.put_parameters(**{name: change(exchange.parameters[name])})

    return edit


def _path(template: str, name: str, change: Callable[[str], str]) -> Edit:
    """One parameter of the path is read otherwise; the rest of the path leads where it led."""

    def edit(exchange: Exchange) -> None:
        pairs = zip(template.split("/"), exchange.path.split("/"), strict=False)
        exchange.path = "/".join(change(part) if place == f"{{{name}}}" else part for place, part in pairs)

    return edit


def bodies(operation: Operation) -> Iterator[Mutant]:
    """Every member of a body: ignored where it may be left out, changed where it is text."""
    schema = operation.body_schema or {}
    for name, inner in schema.get("properties", {}).items():
        if name not in schema.get("required", ()):
            yield Mutant(operation.id, "bodies", "ignored", name, _asked(_without(name)), asked=True)
        if inner.get("type") == "string" and "enum" not in inner:
            for kind, change in (("in lower case", str.lower), ("cut to twenty", lambda text: text[:20])):
                if kind == "in lower case" and inner.get("format") == "date-time":
                    continue  # RFC 3339 section 5.6: T and Z may be written in lower case
                yield Mutant(operation.id, "bodies", kind, name, _asked(_member(name, change)), asked=True)
        if inner.get("type") == "array":
            for kind, items in (("only its first", slice(0, 1)), ("without its last", slice(0, -1))):
                yield Mutant(operation.id, "bodies", kind, name, _asked(_sliced(name, items)), asked=True)


def _without(name: str) -> Edit:
    return lambda exchange: _change(exchange, lambda body: {key: body[key] for key in body if key != name})


def _member(name: str, change: Callable[[str], str]) -> Edit:
    return lambda exchange: _change(
        exchange, lambda body: {**body, name: change(body[name])} if isinstance(body.get(name), str) else body
    )


def _sliced(name: str, items: slice) -> Edit:
    return lambda exchange: _change(
        exchange,
        lambda body: (
            {**body, name: body[name][items]} if isinstance(body.get(name), list) and len(body[name]) > 1 else body
        ),
    )


def _change(exchange: Exchange, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    body = exchange.document
    if isinstance(body, dict) and exchange.body.count(b'"') and change(body) != body:
        exchange.put_document(change(body))


def headers(operation: Operation) -> Iterator[Mutant]:
    """Headers that are ignored."""
    for name in HEADERS:
        if name == "content-type" and operation.body_schema is None:
            continue
        if name == "traceparent" and not _tells_traces(operation):
            continue  # nothing tells whether it was honoured
        value = {"accept": "*/*", "content-type": "application/json"}.get(name)
        edit = _header(name, value)
        yield Mutant(operation.id, "headers of requests", "ignored", name, _asked(edit), asked=True)


def _tells_traces(operation: Operation) -> bool:
    """Whether a refusal of the operation has a member for the trace that it belongs to."""
    contents = (
        content for response in operation.responses.values() for content in response.get("content", {}).values()
    )
    return any("trace_id" in content["schema"].get("properties", {}) for content in contents)


def _header(name: str, value: str | None) -> Edit:
    def edit(exchange: Exchange) -> None:
        if exchange.header(name) is not None:
            exchange.put(name, value)

    return edit


def credentials(operation: Operation) -> Iterator[Mutant]:
    """Credentials that are not looked at, each kind alone: then the operation is done as if they had been good."""
    if not operation.scheme:
        return
    kinds: list[tuple[str, Callable[[Exchange], bool], int]] = [("none needed", _has_none, 401)]
    if operation.scheme == "apiKey":
        kinds += [
            ("any key will do", lambda exchange: exchange.header("x-api-key") not in (None, "", API_KEY), 401),
            ("an empty key will do", lambda exchange: exchange.header("x-api-key") == "", 401),
            ("a token will do", lambda exchange: bool(claims_of(exchange)), 401),
            ("a key of another tenant will do", lambda exchange: True, 403),
        ]
    else:
        kinds += [
            ("signatures are not looked at", _signed_by_nobody, 401),
            ("unsigned tokens will do", lambda exchange: _head(exchange).get("alg", "").lower() == "none", 401),
            (
                "any text will do",
                lambda exchange: bool(exchange.header("authorization")) and not claims_of(exchange),
                401,
            ),
            ("a key will do", lambda exchange: exchange.header("x-api-key") == API_KEY, 401),
            ("ended tokens will do", _has_ended, 401),
            ("any role will do", lambda exchange: bool(claims_of(exchange)), 403),
        ]
    for kind, fits, status in kinds:
        if status in operation.responses:
            yield Mutant(operation.id, "credentials", kind, str(status), _let_in(fits, status), asked=True)


def _let_in(fits: Callable[[Exchange], bool], status: int) -> Lie:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        if truth.status != status or not fits(exchange):
            return truth
        tenant = exchange.header("x-tenant-id") or str(claims_of(exchange).get("tenant_id", FIRST))
        answer = await exchange.ask(**good_credentials(operation, tenant))
        return told(exchange, truth, answer)

    return lie


def _has_ended(exchange: Exchange) -> bool:
    """Whether the token's end, or that of its session, may be the reason of a refusal."""
    claims = claims_of(exchange)
    return "sid" in claims or claims.get("exp", 2**40) < time.time()


def _has_none(exchange: Exchange) -> bool:
    return exchange.header("authorization") is None and exchange.header("x-api-key") is None


def _signed_by_nobody(exchange: Exchange) -> bool:
    return bool(claims_of(exchange)) and _head(exchange).get("alg", "none").lower() != "none"


def _head(exchange: Exchange) -> dict[str, Any]:
    import jwt

    try:
        return dict(jwt.get_unverified_header((exchange.header("authorization") or "").partition(" ")[2]))
    except jwt.InvalidTokenError:
        return {}


def leniency(operation: Operation) -> Iterator[Mutant]:
    """What must be refused with 400 and is done all the same."""
    known = {parameter["name"] for parameter in operation.named("query")}
    yield Mutant(operation.id, "leniency", "ignored", "unknown parameters", _lenient(_only(known)), asked=True)
    for parameter in operation.named("query"):
        if not parameter.get("required"):
            edit = _dropped(parameter["name"])
            place = f"a wrong {parameter['name']}"
            yield Mutant(operation.id, "leniency", "ignored", place, _lenient(edit), asked=True)
    schema = operation.body_schema
    if schema is not None:
        members = set(schema.get("properties", {}))
        yield Mutant(operation.id, "leniency", "ignored", "unknown members", _lenient(_members(members)), asked=True)
        for name in members - set(schema.get("required", ())):
            yield Mutant(operation.id, "leniency", "ignored", f"a wrong {name}", _lenient(_without(name)), asked=True)


def _lenient(edit: Edit) -> Lie:
    async def lie(exchange: Exchange, operation: Operation) -> Answer:
        truth = await exchange.ask()
        if truth.status != 400:
            return truth
        edit(exchange)
        return told(exchange, truth, await exchange.ask())

    return lie


def _only(known: set[str]) -> Edit:
    return lambda exchange: exchange.put_parameters(**{name: None for name in exchange.parameters if name not in known})


def _dropped(name: str) -> Edit:
    return lambda exchange: exchange.put_parameters(**{name: None})


def _members(known: set[str]) -> Edit:
    return lambda exchange: _change(exchange, lambda body: {key: body[key] for key in body if key in known})
