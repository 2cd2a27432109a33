"""Twice the bytes cost about twice the time, wherever bytes of a client are touched.

What is measured is read from the program and from the contract, never from a list: every operation with a body and
every place of its body, every path and query parameter, every header field that is read, every pattern, every format,
and the mask of the log. The requests go to a real server; what counts is the processor time that its process uses.
"""

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

import sojourn
from sojourn.conformance.contract import Contract, Operation
from sojourn.conformance.wire import Raw
from sojourn.observability import logs
from sojourn.openapi.document import FORM
from sojourn.openapi.loader import load_bundle
from sojourn.pipeline import formats, requests
from sojourn.pipeline.bodies import BodyLimits, JsonReader
from sojourn.pipeline.schemas import Schema
from sojourn.serving import heads
from tests.proportion.conftest import Meter
from tests.proportion.growth import excess, spent_here
from tests.proportion.hostile import BODIES, FIELDS, TEXTS, VALUES, places, with_value
from tests.strictness.conftest import Prepared
from tests.strictness.requests import OPERATIONS, valid_request

BODY_BYTES = 32_768
HEAD_BYTES = 16_384
TARGET_BYTES = 12_000
TEXT_CHARACTERS = 32_768
LONG = 2_000
LEAST_SECONDS = 0.005
"""Twice a limit's worth of bytes for less than this is cheap enough, however it grows."""
LEAST_SECONDS_OF_A_STAGE = 0.003

WITH_BODY = [operation for operation in OPERATIONS if operation.body_schema is not None]
WITH_FORM = [operation for operation in Contract.read(None).forms.values() if operation.takes_form]
WITH_TOKEN = [operation for operation in Contract.read(None).forms.values() if operation.takes_token]
WITH_PARAMETERS = [operation for operation in OPERATIONS if operation.named("path") or operation.named("query")]
NEVER_DONE = {0, 401, 403, 404, 405, 408, 413, 414, 415, 431, 500, 503}
"""Answers to a request whose body was not looked at, or that nobody should get."""


def too_steep(costs: dict[str, Callable[[int], float]], size: int, least: float = LEAST_SECONDS) -> dict[str, float]:
    """By how much each cost grows that grows too fast."""
    found = {name: excess(cost, size, least=least) for name, cost in costs.items()}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


# ---------------------------------------------------------------- bodies


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.id)
def test_a_body_costs_in_proportion_to_its_bytes(operation: Operation, wide: Prepared, meter: Meter) -> None:
    valid = valid_request(operation, wide.credentials, wide.fresh(operation.id))
    costs: dict[str, Callable[[int], float]] = {}
    for name, make in BODIES.items():
        costs[name] = lambda size, make=make: meter.cost(valid.copy(body=make(size)))  # type: ignore[misc]
    for way, schema in places(operation.body_schema):
        if schema.get("type") == "string" and schema.get("maxLength", LONG) >= LONG:  # taken, and given to the handler
            for name, text in TEXTS.items():
                costs[f"{way}: {name}"] = lambda size, way=way, text=text: meter.cost(  # type: ignore[misc]
                    valid.with_body(with_value(json.loads(valid.body or b""), way, text(size)))
                )
    meter.statuses.clear()

    assert too_steep(costs, BODY_BYTES) == {}
    assert meter.statuses.isdisjoint(NEVER_DONE), meter.statuses


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.id)
def test_every_member_of_a_body_is_read_and_explained_in_proportion_to_its_bytes(operation: Operation) -> None:
    schema, reader = Schema(operation.body_schema or {}), JsonReader(BodyLimits(2_000_000, 32, 64, 1.0))

    def read(body: bytes) -> None:
        value = reader.read(body)
        if not schema.accepts(value):
            schema.explain(value, "body")

    costs: dict[str, Callable[[int], float]] = {}
    for way, _ in places(operation.body_schema):
        for name, make in VALUES.items():
            costs[f"{way}: {name}"] = lambda size, way=way, make=make: cost_of(  # type: ignore[misc]
                read, json.dumps(with_value(operation.body_examples[0], way, make(size))).encode()
            )

    assert too_steep(costs, BODY_BYTES, LEAST_SECONDS_OF_A_STAGE) == {}


FORM_PARTS = ("&", "=", "a&", "a=a&", "%61=%61&", "%zz=%zz&", "a=%", "+", "%", "%00&")


@pytest.mark.parametrize("operation", WITH_FORM, ids=lambda operation: operation.id)
def test_a_form_costs_in_proportion_to_its_bytes(operation: Operation, wide: Prepared, meter: Meter) -> None:
    content = operation.definition["requestBody"]["content"][FORM]
    bare = Raw(operation.method, operation.path).with_header("Content-Type", FORM)
    costs: dict[str, Callable[[int], float]] = {}
    for part in FORM_PARTS:
        costs[part] = lambda size, part=part: meter.cost(bare.copy(body=(part * (size // len(part))).encode()))  # type: ignore[misc]
    for name in content["schema"]["properties"]:
        for part in (f"{name}=a&", f"{name}=%zz&", f"{name}=&"):
            costs[part] = lambda size, part=part: meter.cost(bare.copy(body=(part * (size // len(part))).encode()))  # type: ignore[misc]
        for text in ("a", "%61", "a.", "+", "%", "%ff", "eyJ", "."):
            costs[f"{name}: {text}"] = lambda size, name=name, text=text: meter.cost(  # type: ignore[misc]
                bare.copy(body=f"{name}={text * (size // len(text))}".encode())
            )
    meter.statuses.clear()

    assert too_steep(costs, BODY_BYTES) == {}
    assert meter.statuses.isdisjoint(NEVER_DONE - {401}), meter.statuses


@pytest.mark.parametrize("operation", WITH_TOKEN, ids=lambda operation: operation.id)
def test_a_token_in_a_body_costs_in_proportion_to_its_bytes(operation: Operation, wide: Prepared, meter: Meter) -> None:
    valid = valid_request(operation, wide.credentials, wide.known)
    costs: dict[str, Callable[[int], float]] = {}
    for name, text in {**TEXTS, **{part: part.__mul__ for part in ("a.", "eyJ", ".", "=", "\xff")}}.items():
        costs[name] = lambda size, text=text: meter.cost(valid.copy(body=text(size).encode()))  # type: ignore[misc]
        costs[f"claims: {name}"] = lambda size, text=text: meter.cost(  # type: ignore[misc]
            valid.copy(body=jwt.encode({"iss": text(size)}, "k" * 32, headers={"typ": "secevent+jwt"}).encode())
        )
    meter.statuses.clear()

    assert too_steep(costs, BODY_BYTES) == {}
    assert meter.statuses.isdisjoint(NEVER_DONE), meter.statuses


# ---------------------------------------------------------------- heads


def header_fields() -> list[str]:
    """Every header field that the program reads: by the pipeline, by the contract, and for the framing."""
    declared = {parameter["name"].lower() for operation in OPERATIONS for parameter in operation.named("header")}
    read = {name.decode() for name in (*requests.WANTED, *heads.JUDGED)}
    return sorted(read | declared | {"connection", "upgrade", "x-nobody-reads-this"})


def test_no_header_field_is_read_that_is_not_measured() -> None:
    """The head of a request is looked at in one place, and that place keeps nothing but these fields."""
    readers: set[str] = set()
    asked: set[str] = set()
    program = Path(sojourn.__path__[0])
    for file in set(program.rglob("*.py")) - {program / "serving" / "gateway.py"}:  # that is a server of its own
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Subscript) and ast.unparse(node) == "scope['headers']":
                readers.add(file.name)
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("get", "header")
            ):
                names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
                asked |= {name.decode() for name in names if isinstance(name, bytes)}

    assert readers == {"requests.py"}
    assert {"accept", "accept-language", "content-type", "traceparent", "x-request-id"} <= asked <= set(header_fields())


@pytest.mark.parametrize("field", header_fields())
def test_a_header_field_costs_in_proportion_to_its_bytes(field: str, wide: Prepared, meter: Meter) -> None:
    costs: dict[str, Callable[[int], float]] = {}
    for operation in one_of_each_kind():
        valid = valid_request(operation, wide.credentials, wide.known).without(field)
        for name, make in FIELDS.items():
            costs[f"{operation}: {name}"] = lambda size, valid=valid, make=make: meter.cost(  # type: ignore[misc]
                valid.with_header(field, make(size))
            )
        for name in ("a", "a,", "*;q=0,"):
            costs[f"{operation}: {name} many times"] = lambda size, valid=valid, name=name: meter.cost(  # type: ignore[misc]
                valid.copy(headers=(*valid.headers, *((field, name),) * (size // (len(field) + len(name)))))
            )

    assert too_steep(costs, HEAD_BYTES) == {}


def one_of_each_kind() -> list[Operation]:
    """An operation with a body for each security scheme, and one that answers in languages and media types."""
    by_scheme = {operation.scheme: operation for operation in reversed(WITH_BODY)}
    page = next(operation for operation in OPERATIONS if operation.id == "list_problem_types")
    return [*by_scheme.values(), page]


@pytest.mark.parametrize("operation", WITH_PARAMETERS, ids=lambda operation: operation.id)
def test_a_parameter_costs_in_proportion_to_its_bytes(operation: Operation, wide: Prepared, meter: Meter) -> None:
    valid = valid_request(operation, wide.credentials, wide.fresh(operation.id))
    costs: dict[str, Callable[[int], float]] = {}
    for name, make in TEXTS.items():
        for key in (parameter["name"] for parameter in operation.named("query")):
            costs[f"{key}: {name}"] = lambda size, make=make, key=key: meter.cost(  # type: ignore[misc]
                valid.with_query(key, sent(make(size)))
            )
        for key in (parameter["name"] for parameter in operation.named("path")):
            path = operation.request({**wide.known, key: "HERE"}).path
            costs[f"{key}: {name}"] = lambda size, make=make, path=path: meter.cost(  # type: ignore[misc]
                valid.copy(path=path.replace("HERE", sent(make(size))))
            )

    assert too_steep(costs, TARGET_BYTES) == {}


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_target_costs_in_proportion_to_its_bytes(method: str, wide: Prepared, meter: Meter) -> None:
    valid = Raw(method, "/health/live")
    costs: dict[str, Callable[[int], float]] = {}
    for name, make in FIELDS.items():
        costs[f"query: {name}"] = lambda size, make=make: meter.cost(valid.copy(query=(("a", sent(make(size))),)))  # type: ignore[misc]
        costs[f"path: {name}"] = lambda size, make=make: meter.cost(valid.copy(path="/" + sent(make(size))))  # type: ignore[misc]
    for part in ("&", "a&", "a=a&", "user_id=a&", "%61=%61&", "?"):
        costs[f"query: {part}"] = lambda size, part=part: meter.cost(
            valid.copy(path="/health/live?" + part * (size // len(part)))
        )  # type: ignore[misc]
    for begin, part in (
        ("", "/sessions"),
        ("", "/admin/x"),
        ("", "/"),
        ("http://", "a"),
        ("http://a/", "%61"),
        ("*", "*"),
    ):
        costs[f"target: {begin}{part}"] = lambda size, begin=begin, part=part: meter.cost(  # type: ignore[misc]
            valid.copy(path=begin + part * (size // len(part)))
        )

    assert too_steep(costs, TARGET_BYTES) == {}


def sent(text: str) -> str:
    """A text with nothing that a target cannot hold."""
    return "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in ' #"' else "%20" for letter in text
    )


# ---------------------------------------------------------------- stages alone


def patterns() -> list[str]:
    """Every pattern of the contract."""

    def inside(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("pattern"), str):
                yield value["pattern"]
            for part in value.values():
                yield from inside(part)
        elif isinstance(value, list):
            for part in value:
                yield from inside(part)

    return sorted(set(inside(load_bundle())))


def stages() -> dict[str, Callable[[str], object]]:
    """Whatever looks at one text: each pattern and each format, as they accept and as they explain; the log's mask."""
    found: dict[str, Callable[[str], object]] = {f"format {name}": check for name, check in formats.CHECKS.items()}
    for name, schema in {
        **{f"pattern {pattern}": {"type": "string", "pattern": pattern} for pattern in patterns()},
        **{f"format {name}": {"type": "string", "format": name} for name in formats.CHECKS},
    }.items():
        compiled = Schema(schema)
        found[f"{name}, accepting"] = compiled.accepts
        found[f"{name}, explaining"] = lambda text, compiled=compiled: compiled.explain(text, "x")  # type: ignore[misc]
    found["the mask of the log"] = logs.masked
    found["a line of text"] = lambda text: logs.TextLines().format(logs.logging.makeLogRecord({"msg": text}))
    found["a line of JSON"] = lambda text: logs.JsonLines().format(logs.logging.makeLogRecord({"msg": text}))
    return found


STAGES = stages()


@pytest.mark.parametrize("stage", STAGES)
def test_a_text_costs_in_proportion_to_its_length(stage: str) -> None:
    work = STAGES[stage]
    costs: dict[str, Callable[[int], float]] = {}
    for name, make in TEXTS.items():
        costs[name] = lambda size, make=make: cost_of(work, make(size))  # type: ignore[misc]

    assert too_steep(costs, TEXT_CHARACTERS, LEAST_SECONDS_OF_A_STAGE) == {}


def cost_of(work: Callable[[Any], object], text: Any) -> float:
    return spent_here(lambda: work(text))


# ---------------------------------------------------------------- the test itself


@pytest.mark.parametrize(
    ("steep", "work"),
    [
        (False, lambda size: sum(range(size * 4))),
        (True, lambda size: [sum(range(size // 16)) for _ in range(size // 64)]),
    ],
)
def test_what_grows_with_the_square_is_found_and_what_grows_in_proportion_is_not(
    steep: bool, work: Callable[[int], object]
) -> None:
    found = excess(lambda size: spent_here(lambda: work(size)), 32_768, least=LEAST_SECONDS_OF_A_STAGE)

    assert (found is not None) is steep


def test_every_operation_with_a_body_is_measured() -> None:
    bundled = [
        definition["operationId"]
        for item in load_bundle()["paths"].values()
        for definition in item.values()
        if isinstance(definition, dict) and "requestBody" in definition
    ]

    assert sorted(operation.id for operation in (*WITH_BODY, *WITH_FORM, *WITH_TOKEN)) == sorted(bundled)
