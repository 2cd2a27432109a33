"""Sentences for people, from Fluent files: each folder of `locales/` is a language (docs/languages.md).

`locales/<locale>/problems.ftl` holds for each problem key a title (the message itself) and the attributes
`detail`, `explanation` and `remedy`, and a message `violation-<code>` for each rule a request can break.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sojourn.domain.errors import Violation
from sojourn.domain.short_texts import short_texts

if TYPE_CHECKING:
    from fluent.runtime import FluentBundle

DEFAULT = "en"
LOCALES = tuple(
    sorted(
        (folder.name for folder in (files("sojourn.problems") / "locales").iterdir() if folder.is_dir()),
        key=lambda name: (name != DEFAULT, name),
    )
)
"""The languages there are, as language tags (RFC 5646): English first."""

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_LONGEST_TAG = 35
_MOST_SUBTAGS = 8
_UNREADABLE: Mapping[str, frozenset[str]] = {"zh-CN": frozenset({"hant", "tw", "hk", "mo"})}
"""Subtags of readers who cannot be expected to read a locale although it is of their language: another script."""


class MissingSentence(Exception):
    """A locale file lacks a sentence, or the sentence asks for a parameter that was not given."""


@short_texts(maxsize=1024)
def negotiate(accept_language: str | None) -> str:
    """The locale a reader likes best (RFC 9110 §12.5.4); English when nothing fits. Never an error.

    `*` is every language that no other range names, and a locale whose own tag has the quality 0 is not chosen.
    A range longer than language tags are (RFC 5646 §4.4.1) names none.
    """
    matches = (_RANGE.fullmatch(part) for part in (accept_language or "").split(","))
    ranges = [(match[1].lower(), float(match[2] or 1)) for match in matches if match and _is_tag(match[1])]
    excluded = {language for language, quality in ranges if quality == 0}
    named = {_locale_of(language) for language, _ in ranges if language != "*"}
    best, best_quality = DEFAULT, 0.0
    for language, quality in ranges:
        locale = _locale_of(language) if language != "*" else next((one for one in LOCALES if one not in named), None)
        if locale and locale.lower() not in excluded and quality > best_quality:
            best, best_quality = locale, quality
    return best


def _is_tag(text: str) -> bool:
    return len(text) <= _LONGEST_TAG and text.count("-") < _MOST_SUBTAGS


def _locale_of(language: str) -> str | None:
    """The locale that serves a language range in lower case, by "lookup" (RFC 4647 §3.4), or None.

    A reader of a language without its region gets the first locale of that language, unless in another script.
    """
    subtags = language.split("-")
    for length in range(len(subtags), 0, -1):
        shorter = "-".join(subtags[:length])
        for locale in LOCALES:
            if locale.lower() == shorter:
                return locale
    for locale in LOCALES:
        if locale.lower().split("-")[0] == subtags[0] and _UNREADABLE.get(locale, frozenset()).isdisjoint(subtags):
            return locale
    return None


def sentence(locale: str, name: str, *, params: Mapping[str, Any] | None = None) -> str:
    """The sentence called `name` (a message, or `message.attribute`) with its parameters filled in.

    Raises MissingSentence when there is none: a mistake of ours, which a test rules out.
    """
    return _sentence(locale, name, params=tuple(sorted((params or {}).items())))


def violation(locale: str, broken: Violation) -> str:
    """The sentence about one broken rule."""
    return sentence(locale, f"violation-{broken.code}", params=broken.params)


@lru_cache(maxsize=4096)
def _sentence(locale: str, name: str, *, params: tuple[tuple[str, Any], ...]) -> str:
    identifier, _, attribute = name.partition(".")
    bundle = _bundle(locale)
    if not bundle.has_message(identifier):
        raise MissingSentence(f"{locale}: {name}")
    message = bundle.get_message(identifier)
    pattern = message.attributes.get(attribute) if attribute else message.value
    if pattern is None:
        raise MissingSentence(f"{locale}: {name}")
    text, errors = bundle.format_pattern(pattern, {key: _argument(value) for key, value in params})
    if errors:
        raise MissingSentence(f"{locale}: {name}: {errors[0]}")
    return str(text)


@cache
def _bundle(locale: str) -> "FluentBundle":
    from fluent.runtime import FluentBundle, FluentResource  # a tenth of the start, wanted by the first refusal

    source = (files("sojourn.problems") / "locales" / locale / "problems.ftl").read_text(encoding="utf-8")
    bundle = FluentBundle([locale], use_isolating=False)
    bundle.add_resource(FluentResource(source))
    return bundle


def _argument(value: Any) -> Any:
    """Numbers stay numbers where a sentence counts with them; everything else is text."""
    return value if isinstance(value, int) and abs(value) < 1000 else str(value)
