"""The strictness table, row by row, applied to every operation and parameter it concerns.

Each rule turns one valid request into requests that are wrong in one way (or unusual but right), with the statuses
that are allowed as answers.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.strictness.contract import METHODS, Operation
from tests.strictness.wire import Raw

CANARY = "canary-7f3a9"
LONGEST_TEXT = 60_000
"""Longer, with what stands beside it, and the body as a whole is too large."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request and what must come back. `field` is a name that the violations must mention."""

    row: str
    operation: Operation
    request: Raw | bytes
    statuses: tuple[int, ...]
    parameter: str | None = None
    field: str | None = None


Rule = Callable[[Operation, Raw], Iterator[Probe]]
_INTEGERS = ("%2B5", "1_0", "%205", "5%20", "%EF%BC%95", "%D9%A5", "5.0", "0x5", "05", "", "1e1", "9" * 5000)
_BROKEN_TEXT = ("%zz", "%", "%ff", "%ed%a0%80", "%00", "a%00b")


def integers(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Numbers in parameters: plain decimal digits and nothing else."""
    for parameter in operation.named("query"):
        if parameter["schema"]["type"] == "integer":
            for text in _INTEGERS:
                request = valid.copy(query=_replaced(valid.query, parameter["name"], text))
                yield Probe("integer", operation, request, (400,), parameter["name"], parameter["name"])
            for text in (parameter["schema"].get("minimum", 0) - 1, parameter["schema"].get("maximum", 2**63) + 1):
                request = valid.copy(query=_replaced(valid.query, parameter["name"], str(text)))
                yield Probe("range", operation, request, (400,), parameter["name"], parameter["name"])


def repeated(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A parameter, header or member that comes twice."""
    for parameter in operation.named("query"):
        name = parameter["name"]
        value = dict(valid.query).get(name, "1")
        request = valid.copy(query=[*_replaced(valid.query, name, value), (name, value)])
        yield Probe("repeated parameter", operation, request, (400,), name, name)
    for name, value in valid.headers:
        if name.lower() in ("x-tenant-id", "x-api-key", "authorization"):
            request = valid.copy(headers=[*valid.headers, (name, value)])
            yield Probe("repeated header", operation, request, (400,), name)
    if valid.body is not None:
        members = json.loads(valid.body)
        for name, value in members.items():
            twice = valid.body[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()
            yield Probe("repeated member", operation, valid.copy(body=twice), (400,), None, name)


def unknown(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A query parameter or a body member that nobody declared."""
    for name in ("colour", "PAGE", "page%5B%5D", "%ff", "%00"):
        request = valid.copy(query=[*valid.query, (name, CANARY)])
        yield Probe("unknown parameter", operation, request, (400,))
    if valid.body is not None:
        body = json.dumps({**json.loads(valid.body), "colour": CANARY}).encode()
        yield Probe("unknown member", operation, valid.copy(body=body), (400,), None, "colour")


def required(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Whatever is required and left out."""
    for parameter in operation.named("query"):
        if parameter.get("required"):
            query = [pair for pair in valid.query if pair[0] != parameter["name"]]
            yield Probe("required", operation, valid.copy(query=query), (400,), parameter["name"], parameter["name"])
    for parameter in operation.named("header"):
        if parameter.get("required"):
            name = parameter["name"]
            yield Probe("required", operation, valid.without(name), (400,), name, name)
    if valid.body is not None and operation.body_schema is not None:
        for name in operation.body_schema.get("required", ()):
            members = {key: value for key, value in json.loads(valid.body).items() if key != name}
            yield Probe("required", operation, valid.copy(body=json.dumps(members).encode()), (400,), None, name)
            body = json.dumps({**members, name: None}).encode()
            yield Probe("null", operation, valid.copy(body=body), (400,), None, name)


def broken_text(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """NUL, lone surrogates and bytes that are no UTF-8, in path, query, headers and body."""
    for text in _BROKEN_TEXT:
        for parameter in operation.named("path"):
            path = operation.path
            for other in operation.named("path"):
                value = text if other is parameter else "x"
                path = path.replace("{" + other["name"] + "}", value)
            yield Probe("broken text in path", operation, valid.copy(path=path), (400,), parameter["name"])
        for parameter in operation.named("query"):
            query = _replaced(valid.query, parameter["name"], text)
            yield Probe("broken text in query", operation, valid.copy(query=query), (400,), parameter["name"])
    for parameter in operation.named("header"):
        for value in ("\xff", "\xe9", "a b", "a,b", "", "a" * 300, "\xa0acme"):
            request = valid.with_header(parameter["name"], value)
            yield Probe("broken text in header", operation, request, (400,), parameter["name"])
    for name, schema in _strings(operation):
        for escape in ("\\ud800", "\\udc00x", "\\u0000", "a\\u0000b"):
            body = _with_text(valid, name, schema, escape)
            yield Probe("broken text in body", operation, valid.copy(body=body), (400,), None)


def body_values(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Every declared member with a value of another type, too long, or of another form."""
    if valid.body is None or operation.body_schema is None:
        return
    members = json.loads(valid.body)
    for name, schema in operation.body_schema["properties"].items():
        for value in _wrong_values(schema):
            body = json.dumps({**members, name: value}).encode()
            yield Probe("member", operation, valid.copy(body=body), (400,), None, name)
    for value in ([], "text", 1, None, True):
        body = json.dumps(value).encode()
        yield Probe("body is no object", operation, valid.copy(body=body), (400,))


def json_text(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Bodies that are no strict JSON."""
    if valid.body is None:
        return
    for row, body in (
        ("deep nesting", b"[" * 10_000),
        ("deep nesting", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("5,000-digit integer", b'{"a": ' + b"7" * 5000 + b"}"),
        ("number out of range", b'{"a": 1e999}'),
        ("NaN", b'{"a": NaN}'),
        ("Infinity", b'{"a": -Infinity}'),
        ("invalid UTF-8", b'{"a": "\xff"}'),
        ("encoded surrogate", b'{"a": "\xed\xa0\x80"}'),
        ("byte order mark", b"\xef\xbb\xbf" + valid.body),
        ("cut off", valid.body[:-1]),
        ("trailing text", valid.body + b"x"),
        ("single quotes", valid.body.replace(b'"', b"'")),
        ("empty", b""),
    ):
        statuses = (400,) if body or operation.body_required else (operation.success,)
        yield Probe(row, operation, valid.copy(body=body), statuses)


def content_types(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Media type, charset and content coding of the body."""
    if valid.body is None:
        return
    for text in ("Application/JSON", "application/json ;charset=utf-8", 'application/json; charset="UTF-8"'):
        yield Probe("content type", operation, valid.with_header("Content-Type", text), (operation.success,))
        broken = valid.with_header("Content-Type", text).copy(body=b'{"colour": 1}')
        yield Probe("content type, bad body", operation, broken, (400,))
    for text in ("text/plain", "application/json; charset=bogus", "application/json; charset=utf-16", "json", ""):
        yield Probe("media type", operation, valid.with_header("Content-Type", text), (415,))
    yield Probe("no content type", operation, valid.without("Content-Type"), (415,))
    for coding in ("gzip", "br", "deflate"):
        yield Probe("content coding", operation, valid.with_header("Content-Encoding", coding), (415,))
    yield Probe("chunked", operation, valid.copy(chunked=True), (operation.success,))


def undeclared_body(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """A body where the contract declares none."""
    if operation.body_schema is None:
        for body in (b"{}", b"x"):
            request = valid.copy(body=body).with_header("Content-Type", "application/json")
            yield Probe("body not declared", operation, request, (400,))


def negotiation(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """An `Accept` that excludes every form of the answer."""
    for accept in ("image/png", "application/json;q=0, text/html;q=0, application/yaml;q=0", "text/*;q=0"):
        if operation.success != 204:
            yield Probe("accept", operation, valid.with_header("Accept", accept), (406,))
    for accept in ("*/*", "application/*, text/*;q=0.5, application/yaml", "text/html, */*;q=0.1"):
        yield Probe("accept", operation, valid.with_header("Accept", accept), (operation.success,))


def methods(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Methods that the path does not have; paths that are nearly right."""
    for method in METHODS:
        if method.upper() not in operation.path_methods:
            yield Probe("method", operation, valid.copy(method=method.upper(), body=None), (405,))
    yield Probe("trailing slash", operation, valid.copy(path=valid.path + "/"), (404,))
    yield Probe("doubled slash", operation, valid.copy(path="/" + valid.path), (404,))
    first = next(index for index, letter in enumerate(valid.path) if letter.isalpha())
    other_case = valid.path[:first] + valid.path[first].upper() + valid.path[first + 1 :]
    yield Probe("other case", operation, valid.copy(path=other_case), (404,))


def credentials(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """Without credentials, or with wrong ones: 401, whatever else is wrong."""
    if operation.scheme is None:
        return
    bare = valid.without("X-API-Key", "Authorization").copy(query=[("colour", "1")])
    yield Probe("no credentials", operation, bare, (401,))
    if operation.scheme == "apiKey":
        for key in ("wrong", "\xff", CANARY * 20, "sj_x_y"):
            yield Probe("wrong key", operation, bare.with_header("X-API-Key", key), (401,))
        return
    for value in ("Bearer", "Bearer ", "Basic YTpi", "Bearer x.y.z", f"Bearer {CANARY}", "Bearer \xff", "bearer a b"):
        yield Probe("wrong token", operation, bare.with_header("Authorization", value), (401,))
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."
    yield Probe("unsigned token", operation, bare.with_header("Authorization", f"Bearer {unsigned}"), (401,))


def sizes(operation: Operation, valid: Raw) -> Iterator[Probe]:
    """More than the limits allow."""
    yield Probe("long URI", operation, valid.copy(query=[*valid.query, ("colour", "a" * 9000)]), (414,))
    yield Probe("large head", operation, valid.with_header("X-Filler", "a" * 20_000), (431,))
    if valid.body is not None:
        big = json.dumps({"auth_user_id": "a" * 70_000}).encode()
        yield Probe("large body", operation, valid.copy(body=big), (413,))
        yield Probe("large body, chunked", operation, valid.copy(body=big, chunked=True), (413,))


RULES: tuple[Rule, ...] = (
    integers,
    repeated,
    unknown,
    required,
    broken_text,
    body_values,
    json_text,
    content_types,
    undeclared_body,
    negotiation,
    methods,
    credentials,
    sizes,
)


def _replaced(query: list[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [*(pair for pair in query if pair[0] != name), (name, value)]


def _strings(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, schema in (operation.body_schema or {}).get("properties", {}).items():
        if schema.get("type") == "string" or schema.get("items", {}).get("type") == "string":
            yield name, schema


def _with_text(valid: Raw, name: str, schema: dict[str, Any], escape: str) -> bytes:
    """The valid body with a JSON escape as the value of one member."""
    value = f'"{escape}"' if schema["type"] == "string" else f'["{escape}"]'
    assert valid.body is not None
    members = {key: item for key, item in json.loads(valid.body).items() if key != name}
    rest = "".join(f", {json.dumps(key)}: {json.dumps(item)}" for key, item in members.items())
    return f"{{{json.dumps(name)}: {value}{rest}}}".encode()


def _wrong_values(schema: dict[str, Any]) -> Iterator[Any]:
    kind = schema["type"]
    yield from (value for value in (True, 12345, 1.5, {"a": 1}, None) if not _fits(kind, value))
    if kind == "string":
        yield ["x"]
        yield "a" * (schema.get("maxLength", LONGEST_TEXT) + 1)
        if schema.get("format", "password") != "password" or "anyOf" in schema or "enum" in schema:
            yield from ("not-" + CANARY, "", "127.0.0.256", "::g")
        if "pattern" in schema:
            yield "\x01"
            yield "a\n"
    elif kind == "array":
        yield [{}]
        yield ["aa" + str(index) for index in range(schema["maxItems"] + 1)]
    elif kind == "integer":
        yield from (2**63, -(2**63) - 1, "5")


def _fits(kind: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if isinstance(value, dict):
        return kind == "object"
    return kind == "number" or (kind == "integer" and isinstance(value, int))
