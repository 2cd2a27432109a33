"""Problems: one table, in step with the domain's errors, the contract's examples and both languages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain import errors
from sojourn.openapi.loader import load_bundle
from sojourn.problems import documents, http_errors, i18n
from sojourn.problems.samples import SAMPLES
from tests.tree import HOME

NAMED = r'\b{0}\b|^{1} =|"{1}"'
"""Where a refusal is named: by its class, as the key of sentences, as a key in Python."""


def facts(**changes: Any) -> documents.Facts:
    """The facts of some request."""
    given_facts: dict[str, Any] = {
        "instance": "/sessions/x",
        "request_id": "req_1",
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "1",
        "locale": "en",
        "now": datetime(2026, 4, 15, 8, tzinfo=UTC),
    }
    return documents.Facts(**given_facts | changes)


def concrete(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    """The error classes that have a key of their own."""
    for child in kind.__subclasses__():
        if child is not errors.NotFound:
            yield child
        yield from concrete(child)


def problem_examples(node: Any) -> Iterator[dict[str, Any]]:
    """Every complete problem document in the contract's examples."""
    if isinstance(node, dict):
        if {"i18n_key", "code", "status", "type", "trace_id"} <= node.keys() and isinstance(node["code"], int):
            yield node
        for child in node.values():
            yield from problem_examples(child)
    elif isinstance(node, list):
        for child in node:
            yield from problem_examples(child)


def test_every_error_is_in_the_catalogue_and_nothing_else() -> None:
    assert {kind.key for kind in concrete(errors.DomainError)} == set(documents.CATALOGUE)


def test_every_error_has_a_sample() -> None:
    assert {key: type(sample).key for key, sample in SAMPLES.items()} == {key: key for key in documents.CATALOGUE}


def test_contributing_lists_exactly_the_files_that_have_something_of_every_refusal() -> None:
    """The files that name a refusal, by class or by key, are the same for each; the class is in one of two."""
    text = (HOME / "CONTRIBUTING.md").read_text("utf-8").partition("## A new refusal")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\d\. `([^`]+)`", text, re.MULTILINE))
    languages = {str(file.relative_to(HOME)) for file in (HOME / "sojourn/problems/locales").glob("*/problems.ftl")}
    files = [file for file in (HOME / "sojourn").rglob("*") if file.suffix in (".py", ".ftl")]
    texts = {str(file.relative_to(HOME)): file.read_text("utf-8") for file in [*files, HOME / "domain/errors.py"]}
    names = [
        {
            name
            for name, text in texts.items()
            if re.search(rf"\b{kind.__name__}\b|^{kind.key} =|\"{kind.key}\"", text, re.M)
        }
        for kind in concrete(errors.DomainError)
        if kind.__module__ == errors.__name__
    ]

    assert listed & languages >= {"sojourn/problems/locales/en/problems.ftl"}, "the list names the files of languages"
    assert set.intersection(*names) == listed | languages
    assert "sojourn/problems/http_errors.py" in text


@pytest.mark.parametrize("module", [errors, http_errors])
def test_every_error_stands_in_the_tree_at_the_head_of_its_module(module: ModuleType) -> None:
    classes = {kind.__name__ for kind in concrete(errors.DomainError) if kind.__module__ == module.__name__}
    assert module.__doc__
    drawn = set(re.findall(r"[├└]── (\w+)", module.__doc__))

    assert classes
    assert drawn - {"NotFound"} == classes


def test_the_statuses_that_only_http_knows_belong_to_errors_outside_the_domain() -> None:
    """What a method, a header, a URI, a media type or a size is refused with (RFC 9110 §15.5, RFC 6585 §5)."""
    only_http = {405, 406, 408, 411, 413, 414, 415, 417, 426, 431}
    of_http = {kind.key for kind in concrete(errors.DomainError) if kind.__module__ == http_errors.__name__}

    assert {key for key, kind in documents.CATALOGUE.items() if kind.status in only_http} <= of_http


def test_codes_and_slugs_are_unique_and_codes_tell_the_status() -> None:
    kinds = documents.CATALOGUE.values()

    assert len({kind.code for kind in kinds}) == len({kind.slug for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert kind.code // 1000 % 100 == kind.status % 100 + (50 if kind.status >= 500 else 0), kind.key
    assert all(10_000_000 <= kind.code <= 99_999_999 for kind in kinds)


def test_the_contracts_examples_say_what_the_catalogue_says() -> None:
    found = [example for example in problem_examples(load_bundle()) if example["service"] == documents.SERVICE]

    assert {example["i18n_key"].removeprefix("error.") for example in found} <= set(documents.CATALOGUE)
    for example in found:
        kind = documents.CATALOGUE[example["i18n_key"].removeprefix("error.")]
        assert (example["status"], example["code"]) == (kind.status, kind.code), example["i18n_key"]
        assert urlsplit(example["type"]).path.endswith(kind.path)


@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize("key", documents.CATALOGUE)
def test_every_problem_has_all_its_sentences_in_every_language(key: str, locale: str) -> None:
    document = documents.document(SAMPLES[key], facts(locale=locale))

    assert document["title"]
    assert "{" not in document["detail"]
    assert i18n.sentence(locale, f"{key}.explanation")
    assert i18n.sentence(locale, f"{key}.remedy")


@pytest.mark.parametrize("key", documents.CATALOGUE)
def test_the_language_changes_words_and_nothing_else(key: str) -> None:
    english = documents.document(SAMPLES[key], facts(locale="en"))
    chinese = documents.document(SAMPLES[key], facts(locale="zh-CN"))

    assert english["title"] != chinese["title"]
    assert english["detail"] != chinese["detail"]
    words = ("title", "detail", "errors")
    assert [item for item in english.items() if item[0] not in words] == [
        item for item in chinese.items() if item[0] not in words
    ]


def test_a_document_has_every_field_that_has_a_value() -> None:
    document = documents.document(errors.Unavailable(retry_after=7), facts(public_url="https://id.example"))

    assert document == {
        "type": "https://id.example/problems/unavailable",
        "title": "Temporarily unavailable",
        "status": 503,
        "detail": "The service cannot answer right now; try again in 7 seconds.",
        "code": 30153001,
        "i18n_key": "error.unavailable",
        "i18n_args": {"retry_after": 7},
        "instance": "/sessions/x",
        "request_id": "req_1",
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "1",
        "service": "sojourn",
        "timestamp": "2026-04-15T08:00:00.000Z",
        "retry_after": 7,
    }


def test_violations_show_what_was_sent_in_development_only() -> None:
    error = errors.ValidationFailed([errors.Violation("page", "minimum", {"limit": 1}, 0)])

    production = documents.document(error, facts())
    development = documents.document(error, facts(development=True))

    assert production["errors"] == [{"field": "page", "code": "minimum", "description": "This must be at least 1."}]
    assert development["errors"][0]["value"] == 0


def test_a_flood_of_violations_is_cut_short_but_counted() -> None:
    error = errors.ValidationFailed([errors.Violation(f"x{n}", "unknown_property") for n in range(5000)])

    document = documents.document(error, facts())

    assert len(document["errors"]) == documents.MAX_VIOLATIONS
    assert document["i18n_args"] == {"count": 5000}


def test_an_error_envelope_carries_the_older_fields() -> None:
    error = errors.ValidationFailed(
        [errors.Violation("limit", "maximum", {"limit": 1000}), errors.Violation("x", "unknown_parameter")]
    )

    envelope = documents.error_envelope(error, facts())

    assert envelope == {
        "type": "/problems/validation-failed",
        "title": "Invalid request",
        "status": 400,
        "detail": "The request breaks 2 rules of the contract; see errors.",
        "instance": "/sessions/x",
        "error": "The request breaks 2 rules of the contract; see errors.",
        "requestId": "req_1",
        "details": {
            "limit": "This must be at most 1000.",
            "x": "The operation has no parameter of this name.",
        },
    }


@pytest.mark.parametrize(
    ("error", "challenge", "sent", "value"),
    [
        (errors.AuthenticationRequired(), "ApiKey", False, 'ApiKey realm="sojourn"'),
        (errors.InvalidApiKey(), "ApiKey", False, 'ApiKey realm="sojourn"'),
        (errors.AuthenticationRequired(), "Bearer", False, 'Bearer realm="sojourn"'),
        (errors.AuthenticationRequired(), "Bearer", True, 'Bearer realm="sojourn"'),
        (
            errors.TokenExpired(),
            "Bearer",
            True,
            'Bearer realm="sojourn", error="invalid_token", error_description="The bearer token has expired."',
        ),
    ],
)
def test_a_401_carries_the_challenge_of_its_operation(
    error: errors.DomainError, challenge: str, sent: bool, value: str
) -> None:
    assert documents.headers(error, challenge, credentials_sent=sent) == [(b"www-authenticate", value.encode())]


def test_405_names_the_methods_and_503_the_time_to_wait() -> None:
    assert documents.headers(http_errors.MethodNotAllowed(["DELETE", "GET"])) == [(b"allow", b"DELETE, GET")]
    assert documents.headers(errors.Unavailable(3)) == [(b"retry-after", b"3")]
    assert documents.headers(errors.SessionNotFound()) == []


@given(st.text(), st.lists(st.tuples(st.text(), st.one_of(st.text(), st.integers(), st.floats()))))
def test_whatever_a_client_makes_up_the_document_is_valid_json(path: str, sent: list[tuple[str, Any]]) -> None:
    error = errors.ValidationFailed([errors.Violation(name, "unknown_property", {}, value) for name, value in sent])

    document = documents.document(error, facts(instance=path, development=True))

    assert orjson.loads(orjson.dumps(document))["status"] == 400
    assert document["instance"].isascii()
    assert document["instance"].startswith("/")
    assert not document["instance"].startswith("//")
