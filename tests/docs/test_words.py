"""Texts refer only to what is in the repository, name users without a gender, and use words that readers know.

Read are the pages, the contract, the sentences of problems, and of Python the docstrings, comments, texts and names.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT

FOLDERS = (
    "docs",
    "openapi",
    "domain",
    "handlers",
    "storage",
    "sojourn",
    "conformance",
    "console",
    "benchmarks",
    "tests",
)
KINDS = {".md", ".yaml", ".ftl", ".py", ".toml"}
NOT_OURS = {"generated", "node_modules", "released", "results", "__pycache__"}
"""Folders whose texts are generated, or fixed because they were released."""
READ = {"COMMENT", "STRING", "FSTRING_MIDDLE", "NAME"}
THIS = Path(__file__)

RULES = {
    "a text that is not in the repository": r"(?<!guides/)\boperations(-\d)?\.md\b|\bdesign\.md\b",
    "a code of a row in such a text": r"\b[RSFTXHKLDPM]-\d\d\b|\btest [rsftxhkldpm] \d\d ",
    "the second product": r"\bsecond product\b",
    "the documented operations": r"\b(the|five|beyond the) documented (operations|ones|schemas|service|reference)\b",
    "a gender of users": r"\b(he|him|his|himself|she|her|hers|herself)\b",
    "house, for a run of housekeeping": r"\b(keep|keeps|keeping|kept) house\b",
    "room, for partitions": r"\b(make|makes|making|find) room\b|\broom is made\b",
    "room, for a package": r"\b(only|any|the) rooms?\b",
    "lent, for a dependency": r"\blen(t|ds?|ding)\b",
    "news, for headers": r"\bnews\b",
    "line, for a token family": r"\b(earlier|present|new|older|forks? the) line\b|\bline of (refresh )?tokens\b",
    "nobody signed in or out": r"\bsigns? nobody\b|\bnobody is signed\b|\bsign nobody\b",
    "doors, for groups of operations": r"\bdoors?\b",
    "told like": r"\btold like\b",
    "weightiest": r"\bweightiest\b",
    "answer, for a set of headers or a shape": r"\bevery answer's\b|\bits own shape\b",
    "riddles": r"\bwhoever asks\b|\bonly then no longer there\b|\blearns nothing of where\b|\bwhat goes by itself\b",
}
"""What must not be said: why, and the words as a pattern, in small letters."""

_A_CREDENTIAL = (
    r"\b(tokens?|keys?|secrets?|signatures?|sessions?|it|they) (is|are|was|were|be|stays?|remains?) (not )?good\b"
)
FOR_READERS = {
    "told, for written in a response": r"\btold\b",
    "answer, for a response": r"\b(the|an|this|each|every|one|no|large|whose) answers?\b(?! is (no|yes)\b)",
    "good, for valid": rf"{_A_CREDENTIAL}|\bhow long it is good\b",
    "of before, for earlier": r"\bof before\b",
    "spent, for exchanged": r"(?<!\[)\bspent\b",
    "whoever": r"\bwhoever\b",
    "a user who is ended": r"(?<!sessions of the )\buser (was|is) ended\b|\bend(s|ed|ing)? (a|the) user\b(?!')",
    "to come again, for to be sent again": r"\bc[ao]mes? again\b",
    "held, for compared": r"\b(is|are|was|were) held (against|to)\b",
    "entered, for blacklisted": r"\bentered\b",
    "twin": r"\btwins?\b",
}
"""The same for what people read who do not read the code: pages, the contract, and the sentences of problems."""
READERS = {".md", ".yaml", ".ftl"}
ALLOWED: dict[str, set[str]] = {
    "test_deprecations.py": {"news, for headers"},
    "test_seed_fields.py": {"the documented operations"},
}
"""Where a rule is still broken, by file name. The list may only become shorter: the test says what to take off it."""


def files() -> Iterator[Path]:
    """Every file with texts of ours."""
    yield from sorted(ROOT.glob("*.md"))
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in KINDS and not NOT_OURS & set(file.parts) and file != THIS:
                yield file


def words(file: Path) -> str:
    """What is said in a file. A name is its words, apart from its neighbours: `keep_house` says "keep house"."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        text = "".join(
            f"|{token.string.replace('_', ' ')}|" if token.type == tokenize.NAME else f"{token.string} "
            for token in tokens
            if tokenize.tok_name[token.type] in READ
        )
    return re.sub(r"\s+(# )?", " ", text)


def said(text: str, kind: str = ".py") -> set[str]:
    """The rules that a text of a kind of file breaks."""
    rules = RULES | (FOR_READERS if kind in READERS else {})
    return {name for name, pattern in rules.items() if re.search(pattern, text, re.IGNORECASE)}


def test_no_text_says_what_must_not_be_said() -> None:
    broken: dict[str, set[str]] = {}
    for file in files():
        broken.setdefault(file.name, set()).update(said(words(file), file.suffix))

    new = {name: found - ALLOWED.get(name, set()) for name, found in broken.items()}
    assert {name: rules for name, rules in new.items() if rules} == {}
    kept = {name: allowed - broken.get(name, set()) for name, allowed in ALLOWED.items()}
    assert {name: rules for name, rules in kept.items() if rules} == {}, "take these off the list: they are kept now"


def test_the_pages_are_free_of_it() -> None:
    pages = {file.name for file in (ROOT / "docs").rglob("*.md")}

    assert len(pages) > 10
    assert not pages & set(ALLOWED)


def test_every_text_is_read() -> None:
    read = {file.relative_to(ROOT).parts[0] for file in files()}

    assert set(FOLDERS) | {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= read


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("x.md", "See operations.md.", "a text that is not in the repository"),
        ("x.py", 'source = "the contract; operations.md, paging"', "a text that is not in the repository"),
        ("x.md", "One successor (row F-02).", "a code of a row in such a text"),
        ("x.py", "def test_f_02_one_successor() -> None: ...", "a code of a row in such a text"),
        ("x.yaml", "description: |\n  In the shape of the second\n  product.", "the second product"),
        ("x.py", '"""An administrator, or the user\nhimself."""', "a gender of users"),
        ("x.py", "# until the process\n# keeps\n# house", "house, for a run of housekeeping"),
        ("x.py", "async def make_room(self) -> None: ...", "room, for partitions"),
        ("x.py", 'f"an earlier line of {session}"', "line, for a token family"),
        ("x.md", "Which of them is not told.", "told, for written in a response"),
        ("x.yaml", "description: The id of the answer.", "answer, for a response"),
        ("x.ftl", "x = The refresh token stays good.", "good, for valid"),
        ("x.md", "Sign-ins of before are refused.", "of before, for earlier"),
        ("x.ftl", "x = The user was ended after the sign-in.", "a user who is ended"),
    ],
)
def test_each_place_where_a_rule_can_be_broken_is_seen(name: str, text: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, "utf-8")

    assert said(words(tmp_path / name), (tmp_path / name).suffix) == {rule}


@pytest.mark.parametrize(
    "text",
    [
        "[Operations](guides/operations.md)",
        "TEN-002, RFC 9457, the error AUT-013",
        "a newsletter, another line of the log, silent, the heritage",
        "All sessions of the user were ended; the user's answer; a good idea",
    ],
)
def test_what_only_looks_alike_is_allowed(text: str) -> None:
    assert said(text, ".md") == set()
