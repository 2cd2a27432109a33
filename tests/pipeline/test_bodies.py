"""Bodies are read as strict JSON, within limits, with the place of whatever is wrong."""

from typing import Any

import pytest

from sojourn.http_errors import MalformedBody
from sojourn.pipeline.bodies import BodyLimits, JsonReader

READER = JsonReader(BodyLimits(max_bytes=65_536, max_depth=4, max_digits=20, timeout_seconds=1))


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"a": 1, "a": 2}', "repeated_property", "a"),
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
