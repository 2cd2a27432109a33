"""How the files of the contract look: one test for each rule of ours."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import sojourn.openapi
from sojourn.openapi.document import METHODS
from tests.contract.document import bundle

FOLDER = Path(next(iter(sojourn.openapi.__path__)))
FILES = sorted(file for file in FOLDER.rglob("*.yaml") if "lint" not in file.relative_to(FOLDER).parts)
PATHS = sorted((FOLDER / "paths").rglob("*.yaml"))
COMPONENTS = sorted((FOLDER / "components").rglob("*.yaml"))


def name_of(file: Path) -> str:
    return str(file.relative_to(FOLDER))


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for item in value.values() for found in references(item)]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_reference_names_a_file(file: Path) -> None:
    local = [found for found in references(yaml.safe_load(file.read_text("utf-8"))) if found.startswith("#")]

    assert local == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_file_is_short_and_its_lines_are_too(file: Path) -> None:
    """A pattern stands in single quotes, where it cannot be broken: its line may be longer.

    The table of contents has two lines for each path, however many there are.
    """
    lines = file.read_text("utf-8").splitlines()

    assert (
        len([line for line in lines if file.name != "openapi.yaml" or not re.match(" +(/|[$]ref: paths)", line)]) < 300
    )
    long = [(number, line) for number, line in enumerate(lines, 1) if len(line) > 110]
    assert [number for number, line in long if not line.lstrip().startswith("pattern: '")] == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_file_holds_anything_of_another_language(file: Path) -> None:
    text = file.read_text("utf-8")

    assert not re.search(r"{{|{%|{#", text), "a template"
    assert not re.search(r"\bx-openapi-router|\.py\b|python|connexion", text, re.IGNORECASE), "a word of Python's"
    assert not re.search(r"[\t\r]|[^\n]\Z| \n", text), "tabs, carriage returns or stray blanks"
    assert not re.search(r"^\s*[\w-]+:\s+[&*!]", text, re.MULTILINE), "anchors or tags"


@pytest.mark.parametrize("file", PATHS, ids=name_of)
def test_every_path_file_holds_methods_and_nothing_else(file: Path) -> None:
    assert set(yaml.safe_load(file.read_text("utf-8"))) <= set(METHODS)


def test_every_path_file_is_served() -> None:
    root = yaml.safe_load((FOLDER / "openapi.yaml").read_text("utf-8"))

    assert sorted(item["$ref"] for item in root["paths"].values()) == [name_of(file) for file in PATHS]


@pytest.mark.parametrize("file", COMPONENTS, ids=name_of)
def test_every_component_in_a_file_is_used(file: Path) -> None:
    kind = file.relative_to(FOLDER / "components").parts[0]

    assert set(yaml.safe_load(file.read_text("utf-8"))) <= set(bundle()["components"][kind])


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_key_is_given_twice(file: Path) -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    yaml.load(file.read_text("utf-8"), Loader=Strict)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_pattern_stands_in_single_quotes(file: Path) -> None:
    patterns = [line.split("pattern: ", 1)[1] for line in file.read_text("utf-8").splitlines() if " pattern: " in line]

    assert [pattern for pattern in patterns if not re.fullmatch(r"'(?:[^']|'')*'", pattern)] == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_text_is_quoted_only_where_it_must_be_and_then_on_one_line(file: Path) -> None:
    wrong = []
    for token in yaml.scan(file.read_text("utf-8")):
        if isinstance(token, yaml.ScalarToken) and token.style in {"'", '"'}:
            line = file.read_text("utf-8").splitlines()[token.start_mark.line]
            spans_lines = token.start_mark.line != token.end_mark.line
            if token.style == '"' or spans_lines or (" pattern: " not in line and reads_the_same(token.value)):
                wrong.append(line.strip())

    assert wrong == []


def reads_the_same(text: str) -> bool:
    """Whether a text is the same text without quotes."""
    try:
        return bool(yaml.safe_load(f"key: {text}\n") == {"key": text})
    except yaml.YAMLError:
        return False
