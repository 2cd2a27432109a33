"""Every example of the contract is what the contract says it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.checking import violations
from tests.contract.document import operations, resolved, schemas_in

Example = tuple[str, Any, dict[str, Any]]


def body_examples() -> Iterator[Example]:
    for operation in operations():
        bodies = {"request": operation.definition.get("requestBody", {}), **operation.answers}
        for body, definition in bodies.items():
            for media_type, content in definition.get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    yield f"{operation} {body} {media_type} {name}", example["value"], content["schema"]


def parameter_examples() -> Iterator[Example]:
    for operation in operations():
        for parameter in operation.parameters:
            yield f"{operation} {parameter['name']}", parameter["example"], parameter["schema"]


def header_examples() -> Iterator[Example]:
    for name, header in resolved()["components"]["headers"].items():
        yield name, header["example"], header["schema"]


def schema_examples() -> Iterator[Example]:
    for name, component in resolved()["components"]["schemas"].items():
        for place, schema in schemas_in(component, name):
            if "example" in schema:
                yield place, schema["example"], schema


def defaults() -> Iterator[Example]:
    for operation in operations():
        for parameter in operation.parameters:
            if "default" in parameter["schema"]:
                yield f"{operation} {parameter['name']}", parameter["schema"]["default"], parameter["schema"]


@pytest.mark.parametrize("examples", [body_examples, parameter_examples, header_examples, schema_examples, defaults])
def test_every_example_validates(examples: Any) -> None:
    found = list(examples())

    broken = [f"{place}: {why}" for place, value, schema in found for why in violations(value, schema)]

    assert found
    assert broken == []


def test_no_example_shows_a_member_that_the_contract_does_not_know() -> None:
    unknown = [
        f"{place}: {path}"
        for place, value, schema in body_examples()
        for path in undeclared_members(value, schema, "$")
    ]

    assert unknown == []


def test_every_example_of_a_page_counts_what_it_shows() -> None:
    pages = [(place, value) for place, value, _ in body_examples() if "pagination" in value]

    assert pages
    for place, page in pages:
        assert page["total"] == page["pagination"]["total"] == len(page["items"]), place


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("2026-02-30T08:00:00Z", {"type": "string", "format": "date-time"}),
        ("2026-04-15 08:00:00Z", {"type": "string", "format": "date-time"}),
        ("not-a-uuid", {"type": "string", "format": "uuid"}),
        ("300.1.1.1", {"type": "string", "format": "ipv4"}),
        ("fe80:::1", {"type": "string", "format": "ipv6"}),
        ("a b", {"type": "string", "format": "uri-reference"}),
        (2**31, {"type": "integer", "format": "int32"}),
        (2**63, {"type": "integer", "format": "int64"}),
    ],
)
def test_a_wrong_example_would_be_found(value: Any, schema: dict[str, Any]) -> None:
    assert violations(value, schema)


def undeclared_members(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Members that a schema neither names nor allows by a rule for additional ones."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from undeclared_members(item, schema.get("items", {}), f"{path}[{number}]")
    elif isinstance(value, dict) and "properties" in schema and not schema.get("additionalProperties"):
        for name, item in value.items():
            if name in schema["properties"]:
                yield from undeclared_members(item, schema["properties"][name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
