"""Ways to walk through the contract: its operations, their answers, and every schema with its place."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sojourn.openapi import document
from sojourn.openapi.loader import load_bundle

_SUBSCHEMAS = ("items", "additionalProperties", "not")
_SUBSCHEMA_LISTS = ("anyOf", "oneOf", "allOf")


class Operation(document.Operation):
    """One operation. Statuses are texts here, as in the contract, which might have a `default` too."""

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        return dict(self.definition["responses"])

    @property
    def problems(self) -> dict[str, dict[str, Any]]:
        refusals = {status: answer for status, answer in self.answers.items() if status[0] in "45"}
        return {status: answer for status, answer in refusals.items() if status not in self.oauth_errors}

    @property
    def oauth_errors(self) -> dict[str, dict[str, Any]]:
        """The refusals that are no problem documents, because a standard says how they look (RFC 6749 section 5.2)."""
        refusals = {status: answer for status, answer in self.answers.items() if status[0] in "45"}
        return {status: answer for status, answer in refusals.items() if "application/json" in answer["content"]}

    @property
    def good_answer(self) -> dict[str, Any]:
        return self.responses[self.success]

    @property
    def body_name(self) -> str | None:
        """The name of the schema of its body, None where the body has none of its own."""
        item = bundle()["paths"][self.path][self.method.lower()]
        content = item.get("requestBody", {}).get("content", {}).get("application/json", {})
        reference = content.get("schema", {}).get("$ref")
        return None if reference is None else reference.rpartition("/")[2]


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
    return tuple(document.operations(bundle(), Operation))


def resolve(value: Any) -> Any:
    """`value` with every reference replaced. Raises RecursionError for one that leads back to itself."""
    return document.resolve(bundle(), value)


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
