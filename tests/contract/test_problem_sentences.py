"""The examples of problems say what the server says: their sentences are those of the English locale."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from fluent.syntax import ast, parse

from tests.contract.document import resolved
from tests.contract.test_problem_examples import examples


@cache
def sentences() -> dict[str, str]:
    """The name of each English sentence, and a pattern that matches it with any values in its placeholders."""
    source = (files("sojourn.problems") / "locales/en/problems.ftl").read_text("utf-8")
    found = {}
    for message in parse(source).body:
        if isinstance(message, ast.Message):
            found[message.id.name] = pattern(message.value)
            found |= {f"{message.id.name}.{part.id.name}": pattern(part.value) for part in message.attributes}
    return found


def pattern(value: ast.Pattern | None) -> str:
    assert value is not None
    parts = []
    for element in value.elements:
        if isinstance(element, ast.TextElement):
            parts.append(re.escape(element.value))
        elif isinstance(element.expression, ast.SelectExpression):
            parts.append("(" + "|".join(pattern(variant.value) for variant in element.expression.variants) + ")")
        else:
            parts.append(".+")
    return "".join(parts)


def is_said(name: str, text: str) -> bool:
    return re.fullmatch(sentences()[name], text) is not None


def test_every_problem_example_has_the_title_and_the_detail_that_the_server_sends() -> None:
    wrong = {
        (name, value["title"], value["detail"])
        for _, name, value in examples()
        if not is_said(name, value["title"]) or not is_said(f"{name}.detail", value["detail"])
    }

    assert wrong == set()


def test_every_violation_of_an_example_is_described_as_the_server_describes_it() -> None:
    violations: list[dict[str, Any]] = [broken for _, _, value in examples() for broken in value.get("errors", [])]

    assert len(violations) > 3
    assert [broken for broken in violations if not is_said(f"violation-{broken['code']}", broken["description"])] == []


def test_the_example_of_a_problem_type_explains_it_as_its_page_does() -> None:
    page = resolved()["components"]["examples"]["problem_type"]["value"]
    key = page["i18n_key"].removeprefix("error.")

    assert is_said(f"{key}.explanation", page["explanation"])
    assert is_said(f"{key}.remedy", page["remedy"])


def test_another_sentence_is_seen() -> None:
    assert is_said("rate_limited.detail", "Too many requests of this kind. Try again in 7 s.")
    assert not is_said("rate_limited.detail", "Too many requests of that kind. Try again in 7 s.")
    assert not is_said("validation_failed.detail", "The request breaks the contract; see errors.")
