"""Media types are compared as RFC 9110 writes them: what stands inside quotes separates nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.pipeline.fields import list_members, with_parameters
from sojourn.pipeline.negotiation import JSON, check_content_type, choose_media_type
from sojourn.problems.http_errors import NotAcceptable, UnsupportedMediaType

TEXTS = st.text(st.sampled_from('a,;=" \\\\'), max_size=12)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\{character}" if character in '"\\' else character for character in text) + '"'


@given(st.lists(TEXTS, max_size=4))
def test_a_quoted_string_is_read_back_as_what_was_quoted(texts: list[str]) -> None:
    members = [f"text/html;x={quoted(text)};q=0.5" for text in texts]

    assert list_members(", ".join(members)) == members
    for member, text in zip(members, texts, strict=True):
        assert with_parameters(member) == ("text/html", [("x", text), ("q", "0.5")])


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_is_an_error_of_ours(text: str) -> None:
    for member in list_members(text):
        with_parameters(member)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON ; charset=UTF-8",
        'application/json; charset="utf-8"',
        r'application/json; charset="ut\f-8"',
        'application/json; profile="a;b"',
        'application/json; profile="a,b"; charset=utf-8',
        r'application/json; profile="\";charset=utf-16;\""',
        "application/json;",
    ],
)
def test_json_is_taken_however_its_type_is_spelled(content_type: str) -> None:
    check_content_type(content_type, None)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/json, text/plain",
        'application/json; charset="utf-16"',
        'application/json; profile="a;charset=utf-8',
        "application/json; charset",
        "application/json; charset=utf-8; charset=utf-16",
        '"application/json"',
    ],
)
def test_what_is_not_json_in_utf_8_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(content_type, None)


@pytest.mark.parametrize("codings", ["identity, gzip", "gzip, identity", "gzip", "identity;q=1", ",br,"])
def test_a_coding_anywhere_in_the_list_is_refused(codings: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(JSON, codings)


@pytest.mark.parametrize("codings", ["identity", "Identity, identity", ", ,", ""])
def test_a_list_without_a_coding_is_taken(codings: str) -> None:
    check_content_type(JSON, codings)


@pytest.mark.parametrize("accept", ['text/html;x="a,application/json,b"', 'application/json;x=",";q=0'])
def test_a_range_inside_quotes_is_none(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose_media_type(accept, (JSON,))


@pytest.mark.parametrize(
    "accept", ['application/json;x="a;q=0;b"', 'text/html;x="\\",", application/json', "application/json;q=0.001", ""]
)
def test_a_quality_inside_quotes_is_none(accept: str) -> None:
    assert choose_media_type(accept, (JSON,)) == JSON
