"""Secrets and what is kept of them are compared in constant time: an `==` would tell an attacker how much was right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOMS = ("domain", "handlers", "storage", "sojourn/authentication")
SECRET = re.compile(r"(^|_)(secret|mac|hash|digest|signature|password|api_key)$")
PUBLIC = {
    "handlers/documentation.py": "the hash of a script that everybody is sent",
    "storage/audit_chain.py": "the hash of a record, which stands beside it in every export",
}
"""Files in which such a comparison is of nothing secret, and why."""


def names(node: ast.expr) -> Iterator[str]:
    """What an expression is called: a name, an attribute, a member, a function that makes it."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        yield str(node.slice.value)
    elif isinstance(node, ast.Call):
        yield from names(node.func)


def is_column(node: ast.expr) -> bool:
    """Whether it is a column of a statement: the database compares that, after a search by id."""
    return any(isinstance(part, ast.Attribute) and part.attr == "c" for part in ast.walk(node))


def careless(source: str) -> list[str]:
    """The comparisons of secrets that take a time of their own, as they are written."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        sides = [node.left, *node.comparators]
        if any(is_column(side) for side in sides) or any(isinstance(side, ast.Constant) for side in sides):
            continue
        if any(SECRET.search(name) for side in sides for name in names(side)):
            found.append(ast.unparse(node))
    return found


def test_secrets_are_compared_in_constant_time_only() -> None:
    found = {
        str(path): wrong
        for room in ROOMS
        for path in sorted(Path(room).rglob("*.py"))
        if str(path) not in PUBLIC and (wrong := careless(path.read_text()))
    }
    assert found == {}


def test_each_file_that_is_left_out_has_such_a_comparison() -> None:
    assert [name for name in PUBLIC if not careless(Path(name).read_text())] == []


def test_a_careless_comparison_is_found() -> None:
    assert careless("token.hash == state.token_hash") == ["token.hash == state.token_hash"]
    assert careless("if hash_secret(given) != row['secret_hash']: pass") == ["hash_secret(given) != row['secret_hash']"]
    assert careless("same_secret(left, right_hash)") == []
