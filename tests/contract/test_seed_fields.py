"""The contract has every field of the seed operations with its type and its example."""

import json
from typing import Any, NamedTuple

import pytest

from tests.contract.checking import violations
from tests.contract.document import bundle, operations, resolve
from tests.contract.seed_fields import ANSWERS, DOCUMENTED, OUR_ADDITIONS, PARAMETERS, SEEDS
from tests.contract.wider_fields import AS_DOCUMENTED, CLOSED, UNNAMED, WIDER


class Field(NamedTuple):
    """A row of the table."""

    schema: str
    name: str
    required: bool
    type: str
    example: str | None


def fields(table: str) -> list[Field]:
    rows = []
    for line in filter(None, table.splitlines()):
        head, _, example = line.partition(" | ")
        schema, name, kind = head.split(" ", 2)
        rows.append(Field(schema, name.removesuffix("*"), name.endswith("*"), kind, example or None))
    return rows


def lines(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line]


def schema_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = bundle()["components"]["schemas"].get(name, {})
    return found


def type_of(schema: dict[str, Any]) -> str:
    """The type of a property in the table's words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if schema.get("type") == "array":
        return f"array of {type_of(schema['items'])}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {schema['additionalProperties']['type']}"
    return str(schema.get("type", "any"))


FIELDS = fields(SEEDS) + fields(DOCUMENTED) + fields(WIDER) + fields(UNNAMED)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.schema}.{field.name}")
def test_every_documented_field_is_there_with_its_type(field: Field) -> None:
    properties = schema_of(field.schema).get("properties", {})

    assert field.name in properties
    kind, _, form = field.type.partition(" ")
    expected = kind if kind in ("string", "integer") and form else field.type
    assert type_of(properties[field.name]) == expected


@pytest.mark.parametrize(
    "field", [field for field in FIELDS if field.example], ids=lambda field: f"{field.schema}.{field.name}"
)
def test_every_documented_example_is_the_one_we_show(field: Field) -> None:
    assert field.example is not None

    assert schema_of(field.schema)["properties"][field.name]["example"] == json.loads(field.example)


def test_every_documented_example_that_we_mended_is_valid_as_it_was() -> None:
    for (schema, name), example in AS_DOCUMENTED.items():
        assert violations(example, resolve(schema_of(schema)["properties"][name])) == []


def test_every_documented_format_is_ours() -> None:
    for field in FIELDS:
        kind, _, form = field.type.partition(" ")
        if kind in ("string", "integer") and form:
            assert schema_of(field.schema)["properties"][field.name]["format"] == form


def test_no_documented_schema_has_members_that_nobody_documented_but_those_we_name() -> None:
    documented: dict[str, set[str]] = {}
    for field in FIELDS:
        documented.setdefault(field.schema, set()).add(field.name)

    ours = {name: extra for name, known in documented.items() if (extra := set(schema_of(name)["properties"]) - known)}

    assert ours == OUR_ADDITIONS


def test_what_is_documented_as_required_is_required_and_nothing_else_in_a_request() -> None:
    documented: dict[str, set[str]] = {}
    for field in FIELDS:
        documented.setdefault(field.schema, set()).update({field.name} if field.required else set())
    for name, members in documented.items():
        required = set(schema_of(name).get("required", []))
        assert required == members if name.endswith("Request") else required >= members, name


def test_every_documented_set_of_values_is_closed() -> None:
    for (schema, name), values in CLOSED.items():
        assert schema_of(schema)["properties"][name]["enum"] == values


def test_the_documented_default_of_an_envelopes_type_is_kept() -> None:
    assert schema_of("ErrorEnvelope")["properties"]["type"]["default"] == "about:blank"


@pytest.mark.parametrize("line", lines(PARAMETERS), ids=lambda line: f"{line[0]}.{line[2]}")
def test_every_documented_parameter_is_there(line: list[str]) -> None:
    operation_id, place, name, kind, rest = line
    operation = next(operation for operation in operations() if str(operation) == operation_id)

    parameter = next(item for item in operation.parameters if item["name"] == name)

    assert (parameter["in"], parameter["schema"]["type"]) == (place, kind)
    assert parameter["required"] == (rest == "required")
    if rest != "required":
        assert parameter["schema"]["default"] == int(rest)


@pytest.mark.parametrize("line", lines(ANSWERS), ids=lambda line: line[0])
def test_every_documented_operation_answers_with_the_documented_schemas(line: list[str]) -> None:
    operation_id, method, path, schema, problem, *statuses = line
    definition = bundle()["paths"][path][method.lower()]
    operation = next(operation for operation in operations() if str(operation) == operation_id)

    success = definition["responses"]["200"]["content"]["application/json"]["schema"]

    assert definition["operationId"] == operation_id
    assert type_of(success) == schema
    for status in statuses:
        assert set(operation.answers[status]["content"]) == {"application/problem+json"}
    for answer in definition["responses"].values():
        if "$ref" in answer:
            shared = bundle()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            assert type_of(shared["content"]["application/problem+json"]["schema"]) == problem
