"""The fast validator and the explaining one are made from the same schema and must never disagree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.pipeline.schemas import ContractError, Schema, translate

ADDRESS = {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
PERSON = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user", "amr"],
    "properties": {
        "user": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[^\\x00-\\x20]+$"},
        "amr": {
            "type": "array",
            "maxItems": 2,
            "uniqueItems": True,
            "items": {"type": "string", "enum": ["pwd", "otp"]},
        },
        "age": {"type": "integer", "format": "int32", "minimum": 0, "nullable": True},
        "ip": ADDRESS,
        "at": {"type": "string", "format": "date-time"},
        "id": {"type": "string", "format": "uuid"},
    },
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["a\n", "ab", "pwd", "otp", "::1", "127.0.0.1", "127.0.0.01", "2026-04-15T08:00:60z", "2026-13-15T08:00:00Z"]
    ),
    st.uuids().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
PEOPLE = st.dictionaries(st.sampled_from(["user", "amr", "age", "ip", "at", "id", "extra"]), VALUES, max_size=7)


@settings(max_examples=500, deadline=None)
@given(st.one_of(PEOPLE, VALUES))
def test_what_is_accepted_has_nothing_to_explain_and_what_is_refused_has(value: Any) -> None:
    schema = Schema(PERSON)

    assert schema.accepts(value) == (schema.explain(value, "body") == [])


def test_all_violations_are_found_at_once_with_their_places() -> None:
    found = Schema(PERSON).explain({"amr": ["pwd", "x"], "extra": 1, "age": 2**40}, "body")

    assert [(violation.field, violation.code) for violation in found] == [
        ("age", "maximum"),
        ("amr[1]", "enum"),
        ("extra", "unknown_property"),
        ("user", "required"),
    ]


def test_a_number_with_a_zero_fraction_is_an_integer() -> None:
    assert Schema({"type": "integer"}).accepts(3600.0)


def test_a_dollar_sign_does_not_match_before_a_final_line_feed() -> None:
    schema = Schema({"type": "string", "pattern": "^[a-z]+$"})

    assert not schema.accepts("abc\n")
    assert schema.explain("abc\n", "name")


def test_secrets_are_never_carried_in_a_violation() -> None:
    schema = Schema({"type": "string", "format": "password", "maxLength": 3})

    assert [violation.value for violation in schema.explain("secret", "token")] == [None]


def test_a_format_nobody_checks_stops_the_server() -> None:
    with pytest.raises(ContractError, match="hostname"):
        translate({"type": "string", "format": "hostname"})
