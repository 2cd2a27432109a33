"""Every language says everything that English says, with the same placeholders."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor

from sojourn.domain.errors import Violation
from sojourn.problems import documents, i18n

HOME = Path(__file__).parents[2]
FOLDER = HOME / "sojourn/problems/locales"
TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")

every_locale = pytest.mark.parametrize("locale", i18n.LOCALES)
every_other = pytest.mark.parametrize("locale", [name for name in i18n.LOCALES if name != i18n.DEFAULT])


class Placeholders(Visitor):
    """The names of the variables in a pattern."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:  # noqa: N802 - the visitor's convention
        self.names.add(node.id.name)


def entries(text: str) -> list[ast.EntryType]:
    return FluentParser().parse(text).body


def source(locale: str) -> str:
    return (FOLDER / locale / "problems.ftl").read_text("utf-8")


def patterns(text: str) -> Iterator[tuple[str, ast.Pattern]]:
    """Every message and attribute of a locale file with its pattern."""
    for entry in entries(text):
        if isinstance(entry, ast.Message):
            if entry.value is not None:
                yield entry.id.name, entry.value
            for attribute in entry.attributes:
                yield f"{entry.id.name}.{attribute.id.name}", attribute.value


def placeholders(text: str) -> dict[str, set[str]]:
    """The placeholders of every message and attribute."""
    found = {}
    for name, pattern in patterns(text):
        visitor = Placeholders()
        visitor.visit(pattern)
        found[name] = visitor.names
    return found


def complaints(locale: str, text: str) -> list[str]:
    """What a locale file lacks, has too much, or says with other placeholders than English does."""
    english, other = placeholders(source(i18n.DEFAULT)), placeholders(text)
    found = [f"{locale}: {name} is missing" for name in english.keys() - other.keys()]
    found += [f"{locale}: {name} is not in English" for name in other.keys() - english.keys()]
    found += [
        f"{locale}: {name} has the placeholders {sorted(other[name])}, English has {sorted(english[name])}"
        for name in english.keys() & other.keys()
        if english[name] != other[name]
    ]
    names = [name for name, _ in patterns(text)]
    found += [f"{locale}: {name} is there twice" for name in set(names) if names.count(name) > 1]
    found += [f"{locale}: cannot be read: {entry.content}" for entry in entries(text) if isinstance(entry, ast.Junk)]
    return sorted(found)


@every_locale
def test_every_locale_is_named_by_a_language_tag(locale: str) -> None:
    assert TAG.fullmatch(locale)


def test_english_and_chinese_are_there() -> None:
    assert {"en", "zh-CN"} <= set(i18n.LOCALES)
    assert i18n.LOCALES[0] == i18n.DEFAULT == "en"


@every_locale
def test_every_locale_says_everything_with_the_same_placeholders(locale: str) -> None:
    found = complaints(locale, source(locale))

    assert not found, "\n".join(found)


@every_other
def test_no_sentence_was_left_in_english(locale: str) -> None:
    english = {name: words(pattern) for name, pattern in patterns(source(i18n.DEFAULT))}
    left = {name for name, pattern in patterns(source(locale)) if words(pattern) == english.get(name)}

    assert not left, f"{locale}: in English still: {', '.join(sorted(left))}"


def words(pattern: ast.Pattern) -> str:
    """The words of a pattern, without its placeholders."""
    return "".join(part.value for part in pattern.elements if isinstance(part, ast.TextElement))


@every_locale
@pytest.mark.parametrize("key", documents.CATALOGUE)
def test_every_problem_has_a_title_a_detail_an_explanation_and_a_remedy(key: str, locale: str) -> None:
    names = set(placeholders(source(locale)))

    assert {key, f"{key}.detail", f"{key}.explanation", f"{key}.remedy"} <= names


@every_locale
def test_every_violation_that_the_program_makes_has_a_sentence(locale: str) -> None:
    """Errors of OAuth have words of their own."""
    sources = "".join(path.read_text("utf-8") for room in ("sojourn", "handlers", "domain", "storage")
                      for path in sorted((HOME / room).rglob("*.py")) if path.name != "oauth_errors.py")  # fmt: skip
    made = set(re.findall(r'(?:Violation\([^()]*?, |Undecodable\(|_malformed\()"([a-z_]+)"', sources))
    made |= set(re.findall(r'^    "[a-zA-Z]+": "([a-z_]+)",$', sources, re.MULTILINE))

    assert len(made) > 15
    assert {f"violation-{code}" for code in made} <= set(placeholders(source(locale)))


def test_a_placeholder_that_nobody_fills_in_would_be_noticed() -> None:
    with pytest.raises(i18n.MissingSentence, match="limit"):
        i18n.violation("en", Violation("x", "minimum"))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    .remedy = ", "    .cure = ", "is missing"),
        ("    .remedy = ", "    .cure = ", "is not in English"),
        ("{ $limit }", "{ $maximum }", "has the placeholders ['maximum']"),
        ("{ $limit }", "some", "has the placeholders []"),
        ("violation-minimum =", "violation-minimum", "cannot be read"),
        ("violation-minimum =", "violation-maximum =", "is there twice"),
    ],
)
def test_a_mistake_in_a_locale_file_is_found(old: str, new: str, complaint: str) -> None:
    broken = source("zh-CN").replace(old, new)

    assert any(complaint in found for found in complaints("zh-CN", broken))
