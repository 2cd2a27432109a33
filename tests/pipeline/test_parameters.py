"""Parameters are read exactly as the contract spells them."""

from typing import Any

import pytest

from sojourn.domain.errors import Violation
from sojourn.pipeline.parameters import compile_parameter, read_path, read_query
from sojourn.pipeline.schemas import ContractError

PAGE = compile_parameter(
    {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "format": "int32", "default": 1}}
)
USER = compile_parameter(
    {"name": "user_id", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 5}}
)
TRUSTED = compile_parameter({"name": "trusted", "in": "query", "schema": {"type": "boolean"}})


def query(raw: bytes) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    arguments: dict[str, Any] = {}
    violations: list[Violation] = []
    read_query(raw, {"page": PAGE, "user_id": USER, "trusted": TRUSTED}, arguments=arguments, violations=violations)
    return arguments, [(violation.field, violation.code) for violation in violations]


@pytest.mark.parametrize(
    "text",
    ["+5", "1_0", "%205", "5%20", "%EF%BC%95", "%D9%A5", "5.0", "0x5", "05", "", "-0", "1e1", "9" * 30],
)
def test_only_plain_decimal_digits_are_an_integer(text: str) -> None:
    _, violations = query(b"user_id=u&page=" + text.encode())

    assert violations == [("page", "type")]


def test_a_good_query_is_read_and_defaults_fill_the_rest() -> None:
    assert query(b"user_id=a%2Bb+c&trusted=true") == ({"user_id": "a+b c", "page": 1, "trusted": True}, [])


@pytest.mark.parametrize(
    ("raw", "violation"),
    [
        (b"user_id=u&page=1&page=2", ("page", "repeated_parameter")),
        (b"user_id=u&user_id=u", ("user_id", "repeated_parameter")),
        (b"user_id=u&colour=red", ("colour", "unknown_parameter")),
        (b"user_id=u&PAGE=1", ("PAGE", "unknown_parameter")),
        (b"user_id=u&page=0", ("page", "minimum")),
        (b"user_id=u&page=2147483648", ("page", "maximum")),
        (b"user_id=%zz", ("user_id", "encoding")),
        (b"user_id=%ff", ("user_id", "encoding")),
        (b"user_id=%ed%a0%80", ("user_id", "encoding")),
        (b"user_id=%00", ("user_id", "control_character")),
        (b"user_id=u&%ff=1", ("query", "encoding")),
        (b"user_id=u&trusted=True", ("trusted", "type")),
        (b"user_id=toolong", ("user_id", "max_length")),
        (b"", ("user_id", "required")),
    ],
)
def test_what_is_wrong_is_a_violation_and_never_ignored(raw: bytes, violation: tuple[str, str]) -> None:
    assert query(raw)[1] == [violation]


def test_a_path_segment_keeps_its_encoded_slash() -> None:
    parameter = compile_parameter({"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}})
    arguments: dict[str, Any] = {}

    read_path((b"auth0%7C65%2Fx",), (parameter,), arguments=arguments, violations=[])

    assert arguments == {"user_id": "auth0|65/x"}


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "a", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
        {"name": "a", "in": "cookie", "schema": {"type": "string"}},
        {"name": "a", "in": "query", "schema": {"enum": ["x"]}},
    ],
)
def test_a_parameter_we_do_not_serve_stops_the_server(definition: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        compile_parameter(definition)
