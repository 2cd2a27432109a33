"""Requests that are wrong in one way (or unusual but right), made from a valid one; with the statuses allowed.

Each rule is a row of the contract's strictness; `field` is a name that the violations must mention.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sojourn.conformance.contract import Operation
from sojourn.conformance.wire import Raw

CANARY = "canary-7f3a9"
LONGEST_TEXT = 60_000
"""Longer, with what stands beside it, and the body as a whole is too large."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request and what must come back."""

    what: str
    request: Raw
    statuses: tuple[int, ...]
    field: str | None = None


Rule = Callable[[Operation, Raw], Iterator[Probe]]
_INTEGERS = ("%2B5", "1_0", "%205", "5%20", "%EF%BC%95", "%D9%A5", "5.0", "0x5", "05", "", "1e1", "9" * 5000)
_CONTENT_TYPES = ("Application/JSON", "application/json ;charset=utf-8", 'application/json; charset="UTF-8"')
_BROKEN_TEXT = ("%zz", "%", "%ff", "%ed%a0%80", "%00", "a%00b")


def integers(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Numbers in parameters: plain decimal digits within their range."""
    for parameter in operation.named("query"):
        if parameter["schema"]["type"] == "integer":
            name, schema = parameter["name"], parameter["schema"]
            most = schema.get("maximum", 2**63)
            beyond = (schema.get("minimum", 0) - 1, most + 1, max(2**31, most + 1), 2**63)
            for text in (*_INTEGERS, *map(str, beyond)):
                yield Probe(f"{name}={text[:20]}", valid.with_query(name, text), (400,), name)


def texts(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Texts in parameters: their length, pattern, format, and the values that they may have."""
    for parameter in operation.named("query"):
        for text in _wrong_texts(parameter["schema"]):
            yield Probe(f"{parameter['name']}={text[:20]}", valid.with_query(parameter["name"], text), (400,))
    for parameter in operation.named("path"):
        for text in _wrong_texts(parameter["schema"]):
            if text:
                path = path_with(operation, parameter["name"], text=text)
                yield Probe(f"{parameter['name']}={text[:20]}", valid.copy(path=path), (400,))


def _wrong_texts(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("type") != "string":
        return
    if "maxLength" in schema:
        yield "s" * (schema["maxLength"] + 1)
    if "enum" in schema or schema.get("format", "password") != "password":
        yield "neither"
    yield from in_other_capitals(schema)
    if "pattern" in schema:
        yield "%01"
    if schema.get("minLength", 0) == 1 or "enum" in schema:
        yield ""


def repeated(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A parameter, header or member that comes twice."""
    for parameter in operation.named("query"):
        name = parameter["name"]
        pair = (name, dict(valid.query).get(name, "1"))
        others = tuple(item for item in valid.query if item[0] != name)
        yield Probe(f"{name} twice", valid.copy(query=(*others, pair, pair)), (400,), name)
    for name, value in valid.headers:
        if name.lower() in ("x-tenant-id", "x-api-key", "authorization", "content-type"):
            yield Probe(f"{name} twice", valid.copy(headers=(*valid.headers, (name, value))), (400,))
    if valid.body is not None:
        for name, value in json.loads(valid.body).items():
            twice = valid.body[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()
            yield Probe(f"{name} twice", valid.copy(body=twice), (400,), name)


def unknown(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A query parameter or a body member that nobody declared."""
    for name in ("colour", "PAGE", "page%5B%5D", "%ff", "%00"):
        yield Probe(f"?{name}", valid.copy(query=(*valid.query, (name, CANARY))), (400,))
    if valid.body is not None:
        yield Probe(
            "an unknown member", valid.with_body({**json.loads(valid.body), "colour": CANARY}), (400,), "colour"
        )


def required(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Whatever is required and left out, or null."""
    for parameter in operation.parameters:
        name = parameter["name"]
        if parameter.get("required") and parameter["in"] == "query":
            query = tuple(pair for pair in valid.query if pair[0] != name)
            yield Probe(f"no {name}", valid.copy(query=query), (400,), name)
        elif parameter.get("required") and parameter["in"] == "header":
            yield Probe(f"no {name}", valid.without(name), (400,), name)
    if valid.body is not None and operation.body_schema is not None:
        members = json.loads(valid.body)
        for name in operation.body_schema.get("required", ()):
            rest = {key: value for key, value in members.items() if key != name}
            yield Probe(f"no {name}", valid.with_body(rest), (400,), name)
            yield Probe(f"{name} is null", valid.with_body({**rest, name: None}), (400,), name)


def broken_text(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """NUL, lone surrogates and bytes that are no UTF-8, in path, query, headers and body."""
    for text in _BROKEN_TEXT:
        for parameter in operation.named("path"):
            yield Probe(
                f"{parameter['name']}={text}",
                valid.copy(path=path_with(operation, parameter["name"], text=text)),
                (400,),
            )
        for parameter in operation.named("query"):
            yield Probe(f"?{parameter['name']}={text}", valid.with_query(parameter["name"], text), (400,))
    for parameter in operation.named("header"):
        broken = ("\xff", "\xe9", "a b", "a,b", "", "a" * 300, "\xa0acme")
        for value in (value for value in broken if not _is_taken(parameter["schema"], value)):
            yield Probe(f"{parameter['name']}: {value[:9]!r}", valid.with_header(parameter["name"], value), (400,))
    for name, schema in _text_members(operation):
        for escape in ("\\ud800", "\\udc00x", "\\u0000", "a\\u0000b"):
            yield Probe(
                f"{name} is {escape}", valid.copy(body=_with_text(valid, name, schema=schema, escape=escape)), (400,)
            )


def _is_taken(schema: dict[str, Any], text: str) -> bool:
    """Whether the contract takes a text that another header would not: a comma, where its pattern has one."""
    pattern = schema.get("pattern")
    return bool(pattern and re.fullmatch(pattern, text)) and len(text) <= schema.get("maxLength", len(text))


def members(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Every declared member with a value of another type, too long, or of another form."""
    if valid.body is None or operation.body_schema is None:
        return
    sent = json.loads(valid.body)
    for name, schema in operation.body_schema["properties"].items():
        for value in wrong_values(schema):
            yield Probe(f"{name} is {str(value)[:20]!r}", valid.with_body({**sent, name: value}), (400,), name)
    for value in ([], "text", 1, None, True):
        yield Probe(f"the body is {value}", valid.with_body(value), (400,))


def json_text(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Bodies that are no strict JSON."""
    if valid.body is None:
        return
    for what, body in (
        ("nested arrays", b"[" * 10_000),
        ("nested objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("5,000 digits", b'{"a": ' + b"7" * 5000 + b"}"),
        ("a number out of range", b'{"a": 1e999}'),
        ("NaN", b'{"a": NaN}'),
        ("Infinity", b'{"a": -Infinity}'),
        ("invalid UTF-8", b'{"a": "\xff"}'),
        ("an encoded surrogate", b'{"a": "\xed\xa0\x80"}'),
        ("a byte order mark", b"\xef\xbb\xbf" + valid.body),
        ("a body cut off", valid.body[:-1]),
        ("trailing text", valid.body + b"x"),
        ("single quotes", valid.body.replace(b'"', b"'")),
        ("an empty body", b""),
    ):
        fine = not body and not operation.body_required
        yield Probe(what, valid.copy(body=body), (operation.success,) if fine else (400,))


def content_types(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Media type, charset and content coding of the body."""
    if valid.body is None:
        return
    name = "Content-Type"
    for text in _CONTENT_TYPES:
        yield Probe(text, valid.with_header(name, text).copy(body=b'{"colour": 1}'), (400,))
    for text in ("text/plain", "application/json; charset=bogus", "application/json; charset=utf-16", "json", ""):
        yield Probe(text or "no media type", valid.with_header(name, text), (415,))
    yield Probe("no Content-Type", valid.without(name), (415,))
    for coding in ("gzip", "br", "deflate"):
        yield Probe(coding, valid.with_header("Content-Encoding", coding), (415,))


_ACCEPTING_ANYTHING = ("*/*", "application/*, text/*;q=0.5, image/*;q=0.4, application/yaml", "text/html, */*;q=0.1")
_NAMING_A_STREAM = ("TEXT/Event-Stream", "*/*;q=0.1, text/event-stream;q=0.5", "text/html, text/event-stream")
"""A stream has to be named: whoever takes anything does not expect an answer without an end."""


def spelling(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Other spellings of a good request, that are just as good; each is sent to fresh data."""
    if valid.body is not None:
        for text in _CONTENT_TYPES:
            yield Probe(text, valid.with_header("Content-Type", text), (operation.success,))
        sent = json.loads(valid.body)
        for name, schema in (operation.body_schema or {}).get("properties", {}).items():
            for text in long_durations(schema):
                yield Probe(f"{name} is {text}", valid.with_body({**sent, name: text}), (operation.success,))
        yield Probe("a body in chunks", valid.copy(chunked=True), (operation.success,))
    for accept in _NAMING_A_STREAM if operation.is_stream else _ACCEPTING_ANYTHING:
        yield Probe(accept, valid.with_header("Accept", accept), (operation.success,))


def undeclared_body(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A body where the contract declares none."""
    if operation.body_schema is None:
        for body in (b"{}", b"x"):
            request = valid.copy(body=body).with_header("Content-Type", "application/json")
            yield Probe("a body", request, (400,))


def negotiation(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """An `Accept` that excludes every form of the answer."""
    for accept in ("image/png", "application/json;q=0, text/html;q=0, application/yaml;q=0", "text/*;q=0"):
        if operation.success != 204:
            yield Probe(accept, valid.with_header("Accept", accept), (406,))


def sizes(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """More than the limits allow; how much that is, the server decides."""
    yield Probe("a long URI", valid.copy(query=(*valid.query, ("colour", "a" * 20_000))), (414,))
    yield Probe("a large head", valid.with_header("X-Filler", "a" * 20_000), (431,))
    if valid.body is not None:
        big = json.dumps({"auth_user_id": "a" * 2_000_000}).encode()
        yield Probe("a large body", valid.copy(body=big), (413,))
        yield Probe("a large body in chunks", valid.copy(body=big, chunked=True), (413,))


def path_with(operation: Operation, name: str, *, text: str) -> str:
    """The path with a text, already encoded, in the place of one parameter."""
    path = operation.path
    for parameter in operation.named("path"):
        path = path.replace("{" + parameter["name"] + "}", text if parameter["name"] == name else "x")
    return path


def wrong_values(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a member of this schema must not have."""
    kind = schema["type"]
    yield from (value for value in (True, 12345, 1.5, {"a": 1}, None) if not _fits(kind, value))
    if kind == "string":
        yield ["x"]
        yield "a" * (schema.get("maxLength", LONGEST_TEXT) + 1)
        has_form = schema.get("format", "password") != "password" or "anyOf" in schema or "enum" in schema
        if schema.get("minLength") or has_form:
            yield ""
        if has_form:
            yield from ("not-" + CANARY, "127.0.0.256", "::g")
        if "pattern" in schema:
            own = schema["pattern"].removesuffix("$") + r"\Z"
            yield from (text for text in ("\x01", "a\n") if not re.search(own, text))
        yield from in_other_capitals(schema)
    elif kind == "array":
        yield from ([[]] if schema.get("minItems") else [])
        yield from ([{}], ["aa" + str(index) for index in range(schema["maxItems"] + 1)])
        if schema.get("uniqueItems"):
            yield ["password", "password"]
        yield ["a" * (schema["items"].get("maxLength", LONGEST_TEXT) + 1)]
        yield from ([""], ["\x01"])
        if "properties" in schema["items"]:
            yield from ([value] for value in wrong_objects(schema["items"]))
    elif kind == "object":
        yield from wrong_objects(schema)
    elif kind == "integer":
        yield from (2**63, -(2**63) - 1, "5")


def in_other_capitals(schema: dict[str, Any]) -> Iterator[str]:
    """A text that the schema takes, in capitals, where it takes it in no capitals alone: a duration, a value of few."""
    known = schema.get("enum", ())
    text = schema.get("example", known[0] if known else None)
    if schema.get("type") != "string" or not isinstance(text, str) or not (known or "pattern" in schema):
        return
    other = text.upper()
    if other != text and other not in known and (known or not re.search(schema["pattern"], other)):
        yield other


LONG = "{text}000000000000000s000s"
"""A duration with parts that add nothing: the same, longer than twenty letters."""


def long_durations(schema: dict[str, Any]) -> Iterator[str]:
    """A duration that the schema takes, written at length."""
    text, pattern = schema.get("example"), schema.get("pattern", "")
    if isinstance(text, str) and pattern and re.search(pattern, "1h30m") and not re.search(pattern, "1h30"):
        yield LONG.format(text=text)


def wrong_objects(schema: dict[str, Any]) -> Iterator[Any]:
    """An object of this schema with one member that must not be so, or be there, or that is missing."""
    good, others = schema.get("example") or {}, schema.get("additionalProperties", True)
    if not isinstance(good, dict):
        return
    for name, member in schema.get("properties", {}).items():
        yield from ({**good, name: value} for value in wrong_values(member))
    yield from ({other: good[other] for other in good if other != name} for name in schema.get("required", ()))
    if others is False:
        yield {**good, "colour": "red"}
    elif isinstance(others, dict):
        yield from ({**good, "colour": value} for value in wrong_values(others))
    if "maxProperties" in schema:
        yield {f"name{number}": "x" for number in range(schema["maxProperties"] + 1)}


def _fits(kind: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if isinstance(value, dict):
        return kind == "object"
    return kind == "number" or (kind == "integer" and isinstance(value, int))


def _text_members(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        if schema.get("type") == "string" or schema.get("items", {}).get("type") == "string":
            yield name, schema


def _with_text(valid: Raw, name: str, *, schema: dict[str, Any], escape: str) -> bytes:
    """The valid body with a JSON escape as the value of one member."""
    value = f'"{escape}"' if schema["type"] == "string" else f'["{escape}"]'
    sent = {key: item for key, item in json.loads(valid.body or b"{}").items() if key != name}
    rest = "".join(f", {json.dumps(key)}: {json.dumps(item)}" for key, item in sent.items())
    return f"{{{json.dumps(name)}: {value}{rest}}}".encode()
