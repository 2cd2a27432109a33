"""The page on security: every requirement has its row, and each row that claims something names a test that exists."""

import ast
import re

import pytest

from sojourn.observability.security_events import BY_COMMAND, CATALOGUE
from tests.docs.snippets import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip() for cell in match.split("|")[1:-1]) for match in re.findall(r"^\| \d+\.\d+\.\d+ .*$", PAGE, re.M)
]
V7 = {"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2}
V9 = {"9.1": 3, "9.2": 4}
VERDICTS = re.compile(r"(met|partly|caller)\b")


def test_each_requirement_of_both_chapters_has_one_row() -> None:
    wanted = [f"{section}.{number + 1}" for section, count in (V7 | V9).items() for number in range(count)]

    assert [row[0] for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_who_meets_it_and_names_a_test_that_exists(row: tuple[str, ...]) -> None:
    number, _, verdict, shown_by = row

    assert VERDICTS.match(verdict)
    if not shown_by:
        assert verdict.startswith("caller"), number
        return
    file, name = shown_by.strip("`").split("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_policy_names_a_way_to_report_and_no_address() -> None:
    policy = (ROOT / "SECURITY.md").read_text("utf-8")

    assert "Report a vulnerability" in policy
    assert "private vulnerability reporting" in policy
    assert not re.search(r"\S+@\S+\.\S+", policy)


def test_the_page_lists_the_catalogue_of_security_events() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \| (.*) \|$", PAGE, re.M)

    assert [(name, when, tuple(re.findall(r"`(\w+)`", adds))) for name, when, adds in rows] == [
        (event.name, event.when, event.members) for event in (*CATALOGUE.values(), *BY_COMMAND.values())
    ]
