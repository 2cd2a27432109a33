"""The page on standards: each row says that it is met and names a test that exists."""

import ast
import re
from functools import cache

import pytest

from tests.docs.snippets import ROOT

PAGE = (ROOT / "docs" / "standards.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip() for cell in row.split("|")[1:-1])
    for row in re.findall(r"^\| (?!section |-).*$", PAGE, re.M)
    if not row.startswith("|---")
]


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_standard_has_rows() -> None:
    parts = re.split(r"^## ", PAGE, flags=re.M)[1:]

    assert len(parts) == 8
    assert all(part.count("`tests/") >= 5 for part in parts)
    assert len(ROWS) == PAGE.count("::test_")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1][:40]}")
def test_a_row_is_met_and_names_a_test_that_exists(row: tuple[str, ...]) -> None:
    section, asked, verdict, shown_by = row

    assert re.fullmatch(r"[\dB](\.\d+)*", section)
    assert asked
    assert verdict.startswith("met")
    file, name = shown_by.strip("`").split("::")
    assert name in names_in(file)
