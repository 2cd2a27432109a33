"""How a schema of this contract looks: one test for each rule of ours."""

import re
import sys
from typing import Any

import jsonschema_rs
import pytest

from tests.contract.document import (
    all_schemas,
    bundle,
    operations,
    parameter_schemas,
    request_schemas,
    resolved,
    response_schemas,
    schemas_in,
)

NOT_PORTABLE = re.compile(r"\(\?|\\[dDwWsSbBpPuAZz]|\\[1-9]|\[\[:|&&|--\]")
INSTANT = re.compile(r"\w+_(at|until)|timestamp|last_activity")


def components() -> list[tuple[str, dict[str, Any]]]:
    return [found for name, schema in resolved()["components"]["schemas"].items() for found in schemas_in(schema, name)]


def patterns() -> set[str]:
    return {schema["pattern"] for _, schema in all_schemas() if "pattern" in schema}


def test_every_string_is_bounded() -> None:
    unbounded = [
        place
        for place, schema in all_schemas()
        if schema.get("type") == "string"
        and "enum" not in schema
        and "anyOf" not in schema  # each of its alternatives is looked at too
        and not ("maxLength" in schema and {"pattern", "format"} & set(schema))
    ]

    assert unbounded == []


def test_every_integer_is_bounded() -> None:
    unbounded = [
        place
        for place, schema in all_schemas()
        if schema.get("type") == "integer" and not {"format", "minimum", "maximum"} <= set(schema)
    ]

    assert unbounded == []


def test_every_bound_fits_its_integer_format() -> None:
    for place, schema in all_schemas():
        if schema.get("type") == "integer":
            limit = 2**31 - 1 if schema["format"] == "int32" else 2**53 - 1
            assert -limit <= schema["minimum"] <= schema["maximum"] <= limit, place


def test_every_array_is_bounded() -> None:
    unbounded = [place for place, schema in all_schemas() if schema.get("type") == "array" and "maxItems" not in schema]

    assert unbounded == []


def test_every_map_is_bounded() -> None:
    unbounded = [
        place
        for place, schema in all_schemas()
        if isinstance(schema.get("additionalProperties"), dict) and "maxProperties" not in schema
    ]

    assert unbounded == []


def test_every_object_of_a_request_is_closed_but_forms_whose_unknown_parameters_are_ignored() -> None:
    found = [(place, schema) for place, schema in request_schemas() if schema.get("type") == "object"]
    forms = [schema for place, schema in found if place.endswith("x-www-form-urlencoded")]
    found = [(place, schema) for place, schema in found if schema not in forms]
    assert [schema for schema in forms if "additionalProperties" in schema] == []

    assert found
    assert [place for place, schema in found if not is_closed(schema)] == []


def is_closed(schema: dict[str, Any]) -> bool:
    """Whether an object takes no member that is not described: by its name, or all of a map, whose names are free."""
    of_each = schema.get("additionalProperties")
    return of_each is False or (isinstance(of_each, dict) and "type" in of_each and "maxProperties" in schema)


def test_every_object_of_an_answer_is_open_for_growth() -> None:
    assert [place for place, schema in response_schemas() if schema.get("additionalProperties") is False] == []


def test_every_schema_has_a_literal_type_but_a_value_of_any_type() -> None:
    untyped = {place for place, schema in components() if not isinstance(schema.get("type"), str)}

    assert untyped == {"FieldViolation.value", "Problem.errors.items.value"}


def test_every_parameter_has_a_scalar_type() -> None:
    types = {schema["type"] for _, schema in parameter_schemas()}

    assert types <= {"string", "integer", "boolean"}


def test_what_may_be_null_says_its_type() -> None:
    assert [place for place, schema in all_schemas() if "nullable" in schema and "type" not in schema] == []


def test_no_schema_is_composed_of_others() -> None:
    assert [place for place, schema in all_schemas() if {"allOf", "oneOf", "not"} & set(schema)] == []


def test_every_component_and_every_property_is_explained() -> None:
    unexplained = [
        place
        for place, schema in components()
        if ".anyOf[" not in place
        and not place.endswith((".items",))
        and not place.endswith(".additionalProperties")
        and not schema.get("description")
    ]

    assert unexplained == []


def test_every_property_has_an_example_unless_it_is_a_component_of_its_own() -> None:
    owned = [schema for _, schema in resolved()["components"]["schemas"].items()]
    missing = [
        f"{place}.{name}"
        for place, schema in components()
        for name, part in schema.get("properties", {}).items()
        if "example" not in part and part not in owned
    ]

    assert missing == []


def test_every_required_member_is_declared() -> None:
    for place, schema in all_schemas():
        assert set(schema.get("required", [])) <= set(schema.get("properties", schema.get("required", []))), place


def test_every_member_has_a_snake_case_name_but_those_of_all_sessions() -> None:
    names = {name for _, schema in components() for name in schema.get("properties", {})}

    assert {name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)} == {"requestId"}


def test_every_instant_is_a_date_time() -> None:
    for place, schema in components():
        for name, part in schema.get("properties", {}).items():
            if INSTANT.fullmatch(name) and f"{place}.{name}" != "BlacklistTokenRequest.expires_at":  # a NumericDate
                assert part.get("format") == "date-time", f"{place}.{name}"


def test_every_success_code_is_zero() -> None:
    for operation in operations():
        content = operation.good_answer.get("content", {}).get("application/json", {})
        properties = content.get("schema", {}).get("properties", {})
        if {"code", "message", "timestamp"} <= set(properties):
            assert properties["code"]["enum"] == [0], operation


def test_every_list_of_answers_carries_the_envelope() -> None:
    for place, schema in components():
        if "pagination" in schema.get("properties", {}):
            assert set(schema["required"]) == {
                "code",
                "message",
                "items",
                "total",
                "pagination",
                "timestamp",
            }, place


def test_every_pattern_is_anchored_and_means_the_same_everywhere() -> None:
    assert patterns()
    for pattern in patterns():
        assert pattern.startswith("^"), pattern
        assert pattern.endswith("$"), pattern
        assert not NOT_PORTABLE.search(pattern), pattern


def test_every_pattern_compiles_in_python_and_in_rust() -> None:
    for pattern in patterns():
        re.compile(pattern)
        jsonschema_rs.Draft4Validator({"pattern": pattern})


def test_no_pattern_lets_a_nul_through() -> None:
    for pattern in patterns():
        for text in ("\x00", "a\x00", "a\x00a", "sess_\x00", "<a>\x00"):
            assert not re.search(pattern, text), pattern


OF_ALL_TENANTS = r"|\*)$"
"""How a pattern ends that also lets `*` through, which no tenant is called: what concerns every tenant."""
ONE_FORM = ("device_fingerprint", "auth_user_id", "tenant_id", "access_token", "refresh_token", "reason")


def test_what_has_one_name_has_one_form_wherever_it_comes() -> None:
    forms: dict[str, set[tuple[Any, ...]]] = {name: set() for name in ONE_FORM}
    for place, schema in all_schemas():
        name = re.split(r"[ .]", place)[-1]
        if name in forms and not schema.get("pattern", "").endswith(OF_ALL_TENANTS):
            forms[name].add(tuple(schema.get(key) for key in ("type", "minLength", "maxLength", "pattern", "enum")))

    assert {name: found for name, found in forms.items() if len(found) != 1} == {}


FACTS_OF_DEVICES = (
    "browser",
    "os",
    "device_name",
    "device_id",
    "device_fingerprint",
    "device_type",
    "user_agent",
    "ip",
)


def test_nothing_that_validates_stands_beside_alternatives() -> None:
    beside = {
        place: found
        for place, schema in all_schemas()
        if {"anyOf", "oneOf"} & set(schema)
        and (found := set(schema) - {"anyOf", "oneOf", "type", "description", "example", "nullable"})
    }

    assert beside == {}, "generators put these on a union, which has no such rules"


def test_no_schema_has_the_name_that_a_generator_gives_to_the_parameters_of_another_operation() -> None:
    taken = {
        "".join(part.title() for part in str(operation).split("_")) + "Request": operation.body_name
        for operation in operations()
    }

    assert {name for name, own in taken.items() if name in resolved()["components"]["schemas"] and name != own} == set()


def length_limit(schema: dict[str, Any]) -> int:
    """The `maxLength` of a text, or the largest of its alternatives."""
    if "anyOf" in schema:
        return max(length_limit(one) for one in schema["anyOf"])
    found: int = schema["maxLength"]
    return found


def longest(name: str, *, in_requests: bool) -> list[int]:
    """The `maxLength` of a member in every request, or in every answer, that has it."""
    schemas = bundle()["components"]["schemas"].items()
    chosen = [schema.get("properties", {}) for title, schema in schemas if title.endswith("Request") is in_requests]
    return [length_limit(properties[name]) for properties in chosen if name in properties]


@pytest.mark.parametrize("name", FACTS_OF_DEVICES)
def test_what_a_request_may_hold_fits_into_the_answers_that_show_it(name: str) -> None:
    assert max(longest(name, in_requests=True)) <= min(longest(name, in_requests=False), default=sys.maxsize)
