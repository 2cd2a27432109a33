"""Bodies are read as strict JSON, within limits, with the place of whatever is wrong."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.pipeline.bodies import BodyLimits, JsonReader
from sojourn.problems.http_errors import MalformedBody

READER = JsonReader(BodyLimits(max_bytes=65_536, max_depth=4, max_digits=20, timeout_seconds=1))


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"a": 1, "a": 2}', "repeated_property", "a"),
        (b'{"x": {"a": 1, "a": 2}}', "repeated_property", "x.a"),
        (b'{"x": [1, {"y": {"a": 1, "a": 1}}]}', "repeated_property", "x[1].y.a"),
        (b'[{"b": 1}, {"a": 1, "a": 2}]', "repeated_property", "[1].a"),
        (b'{"a": {"b": 1, "b": 2}, "a": 1}', "repeated_property", "a"),
        (b'{"x": {"a": 1, "a": 2}', "json_syntax", "body"),
        (b'{"a": NaN}', "json_constant", "body"),
        (b"[-Infinity]", "json_constant", "body"),
        (b"[1e999]", "json_number", "body"),
        (b"[" + b"1" * 5000 + b"]", "json_number", "body"),
        (b"[[[[[1]]]]]", "json_depth", "body"),
        (b"[" * 100_000, "json_depth", "body"),
        (b'{"a": "\xff"}', "encoding", "body"),
        (b'{"a": "\xed\xa0\x80"}', "encoding", "body"),
        (b'{"a": ["\\ud800"]}', "control_character", "a[0]"),
        (b'{"a": {"b": "\\u0000"}}', "control_character", "a.b"),
        (b'{"\\u0000": 1}', "control_character", "body"),
        (b"{", "json_syntax", "body"),
        (b'{"a": 01}', "json_syntax", "body"),
        (b"\xef\xbb\xbf{}", "json_syntax", "body"),
        (b'{"a": "line\nfeed"}', "json_syntax", "body"),
        (b"{} {}", "json_syntax", "body"),
    ],
)
def test_a_malformed_body_is_refused_with_its_place(body: bytes, code: str, field: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        READER.read(body)

    assert [(violation.code, violation.field) for violation in refusal.value.violations] == [(code, field)]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[3600.0, 1e3, 1.5]", [3600, 1000, 1.5]),
        (b'["\\ud83d\\ude00"]', ["\N{GRINNING FACE}"]),
        (b'["[[[[[[[["]', ["[[[[[[[["]),
        (b'["\\"[[[[[[[["]', ['"[[[[[[[[']),
        (b" {} ", {}),
    ],
)
def test_what_json_allows_is_read(body: bytes, value: Any) -> None:
    assert READER.read(body) == value


def test_integral_floats_become_integers() -> None:
    assert [type(item) for item in READER.read(b"[3600.0, 1.5]")] == [int, float]


@pytest.mark.parametrize(
    "text",
    [
        "1.0000000000000000000001",
        "0.9999999999999999999999",
        "1E-400",
        "-1E-400",
        "1e-99999999999999999999",
        "253402300799.00000000001",
        "-253402300799.00000000001",
        "9007199254740990.0000000001",
    ],
)
def test_a_number_with_a_fraction_is_no_integer_however_small_the_fraction(text: str) -> None:
    reader = JsonReader(BodyLimits(max_bytes=65_536, max_depth=4, max_digits=100, timeout_seconds=1))

    value = reader.read(text.encode())

    assert isinstance(value, float)
    assert not value.is_integer()


@given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-20, 20), st.booleans(), st.integers(0, 10))
def test_a_whole_number_is_the_same_integer_in_every_notation(
    number: int, shift: int, capital: bool, zeros: int
) -> None:
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    shifted = digits.rjust(shift + 1, "0") if shift > 0 else digits
    point = len(shifted) - max(shift, 0)
    fraction = shifted[point:] + "0" * (max(-shift, 0) + zeros)
    whole = shifted[:point].lstrip("0") or "0"
    text = f"{sign}{whole}.{fraction or 0}{'E' if capital else 'e'}{max(shift, 0):+d}"

    value = JsonReader(BodyLimits(max_bytes=65_536, max_depth=4, max_digits=100, timeout_seconds=1)).read(text.encode())

    assert (type(value), value) == (int, number)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,25})\.[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_read_as_an_integer_only_if_it_is_one(text: str) -> None:
    reader = JsonReader(BodyLimits(max_bytes=65_536, max_depth=4, max_digits=100, timeout_seconds=1))
    exact = Fraction(text)
    try:
        value = reader.read(text.encode())
    except MalformedBody:
        assert abs(exact) > 10**300
        return

    if abs(exact) < 2**53:
        assert (value == int(value)) == (exact.denominator == 1)
