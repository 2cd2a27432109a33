"""docs/languages.md is right: a folder is a language, and what is wrong with it is named."""

import re
from pathlib import Path

import pytest

from tests.tree import Tree

SENTENCE = re.compile(r"^((?:[a-z][\w-]*|    \.[a-z]+) = )", re.MULTILINE)
TEST = """
from tests.http.conftest import Client

def test_the_new_language_is_spoken(client: Client) -> None:
    asked = {"Accept-Language": "de-AT, en;q=0.5"}

    problem = client.internal("GET", "/internal/session/sessions/usr_abc123?page=0", headers=asked)
    page = client.request("GET", problem.json()["type"], headers=asked | {"Accept": "text/html"})

    assert problem.headers["content-language"] == "de"
    assert problem.json()["title"] == "DE Invalid request"
    assert problem.json()["errors"][0]["description"] == "DE This must be at least 1."
    assert '<html lang="de">' in page.text
    assert "<h1>DE Invalid request</h1>" in page.text
"""


@pytest.fixture
def german(tmp_path: Path) -> tuple[Tree, Path]:
    """A tree with one more language, which is English with a word before each sentence."""
    tree = Tree(tmp_path / "tree")
    locales = tree.folder / "sojourn/problems/locales"
    file = locales / "de/problems.ftl"
    file.parent.mkdir()
    file.write_text(SENTENCE.sub(r"\1DE ", (locales / "en/problems.ftl").read_text("utf-8")), "utf-8")
    return tree, file


def pytest_in(tree: Tree, *arguments: str) -> str:
    return tree.run("pytest", "-q", "-p", "no:cacheprovider", *arguments).stdout


def test_a_folder_is_a_language(german: tuple[Tree, Path]) -> None:
    tree, _ = german
    (tree.folder / "tests/http/test_german.py").write_text(TEST, "utf-8")

    checked = pytest_in(tree, "tests/problems/test_locales.py", "tests/problems/test_documents.py")
    assert " passed" in checked, checked
    assert "failed" not in checked, checked
    assert "1 passed" in (spoken := pytest_in(tree, "tests/http/test_german.py", "-k", "sqlite")), spoken


def test_what_is_wrong_with_a_language_is_named(german: tuple[Tree, Path]) -> None:
    tree, file = german
    text = file.read_text("utf-8").replace("{ $limit }", "{ $grenze }").replace("    .remedy = DE ", "    .remedy = ")
    file.write_text(text.replace("violation-pattern = ", "violation-muster = "), "utf-8")

    said = pytest_in(tree, "tests/problems/test_locales.py")

    assert "de: violation-minimum has the placeholders ['grenze'], English has ['limit']" in said
    assert "de: violation-pattern is missing" in said
    assert "de: violation-muster is not in English" in said
    assert "de: in English still: api_key_not_found.remedy, " in said
