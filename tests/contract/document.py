"""Ways to walk through the contract: its operations, their answers, and every schema with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from openapi.loader import load_bundle

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SUBSCHEMAS = ("items", "additionalProperties", "not")
_SUBSCHEMA_LISTS = ("anyOf", "oneOf", "allOf")


@dataclass(frozen=True)
class Operation:
    """One operation with every reference replaced by what it refers to."""

    path: str
    method: str
    definition: dict[str, Any]

    def __str__(self) -> str:
        return str(self.definition.get("operationId", f"{self.method} {self.path}"))

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return list(self.definition.get("parameters", []))

    @property
    def responses(self) -> dict[str, dict[str, Any]]:
        return dict(self.definition["responses"])

    @property
    def problems(self) -> dict[str, dict[str, Any]]:
        return {status: answer for status, answer in self.responses.items() if status[0] in "45"}

    @property
    def success(self) -> dict[str, Any]:
        return next(answer for status, answer in self.responses.items() if status.startswith("2"))

    @property
    def schemes(self) -> list[str]:
        return [name for requirement in self.definition["security"] for name in requirement]


@cache
def bundle() -> dict[str, Any]:
    """The contract, bundled."""
    return load_bundle()


@cache
def resolved() -> dict[str, Any]:
    """The contract without a single reference. Fails on a recursive schema."""
    found: dict[str, Any] = resolve(bundle())
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation."""
    return tuple(
        Operation(path, method, definition)
        for path, item in resolved()["paths"].items()
        for method, definition in item.items()
        if method in METHODS
    )


def resolve(value: Any, trail: tuple[str, ...] = ()) -> Any:
    """`value` with every reference replaced. Raises RecursionError for one that leads back to itself."""
    if isinstance(value, list):
        return [resolve(item, trail) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" not in value:
        return {key: resolve(item, trail) for key, item in value.items()}
    pointer = value["$ref"]
    if pointer in trail:
        raise RecursionError(" -> ".join([*trail, pointer]))
    target: Any = bundle()
    for step in pointer.removeprefix("#/").split("/"):
        target = target[step]
    return resolve(target, (*trail, pointer))


def schemas_in(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A resolved schema and all the schemas inside it, each with its place."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    for name, part in schema.get("properties", {}).items():
        yield from schemas_in(part, f"{place}.{name}")
    for keyword in _SUBSCHEMAS:
        yield from schemas_in(schema.get(keyword), f"{place}.{keyword}")
    for keyword in _SUBSCHEMA_LISTS:
        for number, part in enumerate(schema.get(keyword, [])):
            yield from schemas_in(part, f"{place}.{keyword}[{number}]")


def request_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a request body, the inner ones included."""
    for operation in operations():
        for media_type, content in operation.definition.get("requestBody", {}).get("content", {}).items():
            yield from schemas_in(content["schema"], f"{operation} request {media_type}")


def response_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an answer's body, the inner ones included."""
    for operation in operations():
        for status, answer in operation.responses.items():
            for media_type, content in answer.get("content", {}).items():
                yield from schemas_in(content["schema"], f"{operation} {status} {media_type}")


def parameter_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a parameter or of an answer's header."""
    for operation in operations():
        for parameter in operation.parameters:
            yield from schemas_in(parameter["schema"], f"{operation} {parameter['name']}")
        for status, answer in operation.responses.items():
            for name, header in answer.get("headers", {}).items():
                yield from schemas_in(header["schema"], f"{operation} {status} {name}")


def all_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema there is."""
    yield from request_schemas()
    yield from response_schemas()
    yield from parameter_schemas()
    for name, schema in resolved()["components"]["schemas"].items():
        yield from schemas_in(schema, name)
