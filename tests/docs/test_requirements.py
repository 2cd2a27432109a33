"""The page of requirements names tests and checks that there are, and every row has one."""

import ast
import re
from pathlib import Path

from sojourn.conformance import catalogue
from sojourn.conformance.checks import check_of

PAGE = Path("docs/requirements.md")
ROW = re.compile(r"^\| ([A-Z]\d\d) \| (.+) \| (.+) \|$")
ROWS_AT_LEAST = 70


def rows() -> dict[str, list[str]]:
    """What each row of the tables of tests names."""
    shown = PAGE.read_text("utf-8").partition("## What is not shown here")[0]
    found = [match for line in shown.splitlines() if (match := ROW.match(line))]
    return {match[1]: re.findall(r"`([^`]+)`", match[3]) for match in found}


def functions_of(path: str) -> set[str]:
    """The test functions of a file."""
    place = Path(path)
    functions = ast.walk(ast.parse(place.read_text("utf-8"))) if place.exists() else ()
    return {node.name for node in functions if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_names_tests_that_there_are() -> None:
    checks = {found.id for function in catalogue.functions() if (found := check_of(function)) is not None}
    missing = [
        f"{row}: {name}"
        for row, names in rows().items()
        for name in names
        if (
            name.partition("::")[2] not in functions_of(name.partition("::")[0]) if "::" in name else name not in checks
        )
    ]
    assert missing == []


def test_every_row_has_a_test() -> None:
    found = rows()
    assert len(found) >= ROWS_AT_LEAST
    assert [row for row, names in found.items() if not names] == []
