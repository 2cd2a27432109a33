"""What a hostile body is told, and what is not looked for."""

import pytest

from sojourn.domain.errors import DomainError
from sojourn.domain.short_texts import LONGEST, short_texts
from sojourn.pipeline.bodies import BodyLimits, JsonReader
from sojourn.pipeline.schemas import Schema
from sojourn.problems import i18n
from sojourn.problems.documents import MAX_VIOLATIONS

READER = JsonReader(BodyLimits(2_000_000, 32, 64, 1.0))
LIST = Schema({"type": "array", "maxItems": 3, "uniqueItems": True, "items": {"type": "string"}})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 40 + b'"' + b'\\"' * 50, "json_depth"),
        (b"[" * 20 + b'"' + b"[" * 50, "json_syntax"),
        (b"[" * 20 + b'"' + b"[" * 50 + b"\\", "json_syntax"),
        (b'["' + b"[" * 50 + b'"', "json_syntax"),
    ],
)
def test_a_string_that_never_ends_is_one_string(body: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refusal:
        READER.read(body)

    assert [violation.code for violation in refusal.value.violations] == [code]


def test_brackets_inside_a_string_do_not_nest() -> None:
    assert READER.read(b'["' + b"[" * 50 + b'\\"["]') == ["[" * 50 + '"[']


def test_a_list_with_too_many_items_is_explained_by_that_alone() -> None:
    assert [violation.code for violation in LIST.explain([1, 1, 1, 1], "x")] == ["max_items"]


@pytest.mark.parametrize(
    ("value", "repeats"),
    [
        ([1, 1.0], True),
        ([1, True], False),
        ([0, False, None, "", [], {}], False),
        ([10**40, 1e40], True),
        ([2**60, 2**60 + 1, float(2**60)], False),
        ([2**53, float(2**53)], True),
        ([0, -0.0], True),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], True),
        ([["a"], ["a", "b"], "a"], False),
        (["1", 1], False),
    ],
)
def test_items_are_equal_as_json_schema_means_it(value: list[object], repeats: bool) -> None:
    schema = Schema({"type": "array", "uniqueItems": True})

    assert [violation.code for violation in schema.explain(value, "x")] == ["unique_items"] * repeats
    assert schema.accepts(value) is not repeats


def test_an_explanation_stops_behind_what_a_problem_shows() -> None:
    schema = Schema({"type": "array", "items": {"type": "string"}})

    assert len(schema.explain([1] * 10_000, "x")) == MAX_VIOLATIONS + 1


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("zh-Hans-CN", "zh-CN"),
        ("zh-a-a-a-a-a-a-a", "zh-CN"),
        ("zh-a-a-a-a-a-a-a-a", "en"),
        ("zh-" + "a-" * 20_000, "en"),
        ("zh-12345678-12345678-12345678-1234567", "en"),
        ("zh-a-a-a-a-a-a-a-a, zh;q=0.1", "zh-CN"),
    ],
)
def test_a_language_range_longer_than_any_tag_names_no_language(accepted: str, locale: str) -> None:
    assert i18n.negotiate(accepted) == locale


def test_only_answers_about_short_texts_are_kept() -> None:
    asked: list[str | None] = []

    @short_texts(maxsize=2)
    def length(text: str | None) -> int:
        asked.append(text)
        return len(text or "")

    for text in ("a", "a", None, None, "b" * LONGEST, "b" * LONGEST, "c" * 300, "c" * 300):
        length(text)

    assert asked == ["a", None, "b" * LONGEST, "c" * 300, "c" * 300]
