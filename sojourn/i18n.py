"""Sentences for people, in English and Simplified Chinese, from Fluent files.

`locales/<locale>/problems.ftl` holds for each problem key a title (the message itself) and the attributes
`detail`, `explanation` and `remedy`, and a message `violation-<code>` for each rule a request can break.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from domain.errors import Violation

if TYPE_CHECKING:
    from fluent.runtime import FluentBundle

LOCALES = ("en", "zh-CN")
DEFAULT = "en"

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


class MissingSentence(Exception):
    """A locale file lacks a sentence, or the sentence asks for a parameter that was not given."""


@lru_cache(maxsize=1024)
def negotiate(accept_language: str | None) -> str:
    """The locale a reader likes best (RFC 9110 §12.5.4); English when nothing fits. Never an error."""
    best, best_quality = DEFAULT, 0.0
    for part in (accept_language or "").split(","):
        match = _RANGE.fullmatch(part)
        locale = match and _locale_of(match[1].lower())
        if match and locale and (quality := float(match[2] or 1)) > best_quality:
            best, best_quality = locale, quality
    return best


def _locale_of(language: str) -> str | None:
    """The locale that serves a language range; Traditional Chinese is another script, not ours."""
    primary, *subtags = language.split("-")
    if primary == "zh":
        return None if not _TRADITIONAL.isdisjoint(subtags) else "zh-CN"
    return DEFAULT if primary in ("en", "*") else None


def sentence(locale: str, name: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence called `name` (a message, or `message.attribute`) with its parameters filled in.

    Raises MissingSentence when there is none: a mistake of ours, which a test rules out.
    """
    return _sentence(locale, name, tuple(sorted((params or {}).items())))


def violation(locale: str, broken: Violation) -> str:
    """The sentence about one broken rule."""
    return sentence(locale, f"violation-{broken.code}", broken.params)


@lru_cache(maxsize=4096)
def _sentence(locale: str, name: str, params: tuple[tuple[str, Any], ...]) -> str:
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

    source = (files("sojourn") / "locales" / locale / "problems.ftl").read_text(encoding="utf-8")
    bundle = FluentBundle([locale], use_isolating=False)
    bundle.add_resource(FluentResource(source))
    return bundle


def _argument(value: Any) -> Any:
    """Numbers stay numbers where a sentence counts with them; everything else is text."""
    return value if isinstance(value, int) and abs(value) < 1000 else str(value)
