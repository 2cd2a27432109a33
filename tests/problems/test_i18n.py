"""Languages: negotiated as RFC 9110 says, with the same sentences in each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import Violation
from sojourn.problems import i18n


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("en", "en"),
        ("zh", "zh-CN"),
        ("zh-CN", "zh-CN"),
        ("ZH-hans-cn", "zh-CN"),
        ("zh-SG", "zh-CN"),
        ("zh-TW", "en"),
        ("zh-Hant, zh;q=0.5", "zh-CN"),
        ("fr", "en"),
        ("fr, zh;q=0.1", "zh-CN"),
        ("en;q=0.5, zh;q=0.6", "zh-CN"),
        ("en, zh", "en"),
        ("zh, en", "zh-CN"),
        ("zh;q=0", "en"),
        ("zh;q=0, *", "en"),
        ("*;q=0.1, zh;q=0.2", "zh-CN"),
        ("zh ; q = 0.9 , en;q=1.000", "en"),
        ("zh;q=2", "en"),
        ("zh;level=1", "en"),
        (";;,,q=", "en"),
        ("en;q=0, *", "zh-CN"),
        ("*, en;q=0", "zh-CN"),
        ("en;q=0, *;q=0.001", "zh-CN"),
        ("en;q=0.5, *", "zh-CN"),
        ("zh-CN;q=0, zh", "en"),
        ("en;q=0, en-GB, zh;q=0.1", "zh-CN"),
        ("*", "en"),
        ("*;q=0", "en"),
    ],
)
def test_the_reader_gets_the_language_they_like_best(header: str | None, locale: str) -> None:
    assert i18n.negotiate(header) == locale


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    assert i18n.negotiate(header) in i18n.LOCALES


@pytest.mark.parametrize(("limit", "words"), [(1, "one character"), (2, "2 characters"), (65536, "65536 characters")])
def test_a_sentence_counts(limit: int, words: str) -> None:
    assert words in i18n.violation("en", Violation("x", "max_length", {"limit": limit}))


def test_no_invisible_marks_are_put_into_a_sentence() -> None:
    assert i18n.violation("en", Violation("x", "enum", {"allowed": "a, b"})) == "This must be one of: a, b."


@pytest.mark.parametrize(("name", "params"), [("nothing", {}), ("internal.nothing", {}), ("violation-enum", {})])
def test_a_missing_sentence_is_a_mistake_that_shows(name: str, params: dict[str, str]) -> None:
    with pytest.raises(i18n.MissingSentence, match=name):
        i18n.sentence("en", name, params=params)
