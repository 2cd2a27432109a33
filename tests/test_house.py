"""Rules of the house that no linter knows."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from tests.tree import HOME

PACKAGES = ("sojourn", "handlers", "storage", "domain", "openapi", "conformance")
POSITIONAL = 2
"""From the third parameter on, arguments are named: nobody sees that two of four texts are swapped."""
STILL_POSITIONAL = Path(__file__).parent / "still_positional.txt"
"""Functions from before this rule, one a line. Lines are taken away, never added."""


def functions(package: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a package with its name inside its module."""
    for file in sorted((HOME / package).rglob("*.py")):
        yield from _functions(ast.parse(file.read_text("utf-8")), "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many arguments may be given without their names; `self` is not given."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def offenders() -> Counter[str]:
    """Functions with more, except handlers (called by name) and dunder methods (called by Python)."""
    handlers = {operation.id for operation in operations(load_bundle(), Operation)}
    return Counter(
        name
        for package in PACKAGES
        for name, function in functions(package)
        if positional(function) > POSITIONAL
        and not (package == "handlers" and name in handlers)
        and (function.name == "__init__" or not function.name.startswith("__"))
    )


def test_arguments_are_named_from_the_third_on_in_every_function_that_is_new() -> None:
    known = Counter(STILL_POSITIONAL.read_text("utf-8").split())

    assert sorted((offenders() - known).elements()) == [], "name these arguments: put `*` before the third"


def test_the_list_of_functions_from_before_the_rule_only_shrinks() -> None:
    known = Counter(STILL_POSITIONAL.read_text("utf-8").split())

    assert sorted((known - offenders()).elements()) == [], "take these out of tests/still_positional.txt"


def test_the_rule_sees_methods_nested_functions_and_defaults() -> None:
    tree = ast.parse(
        "class A:\n  def m(self, a, b, c=1): pass\n  def k(self, a, b, *, c): pass\n"
        "def f(a):\n  async def g(x, y, z, /): pass\n"
    )

    assert {name: positional(found) for name, found in _functions(tree, "")} == {"A.m": 3, "A.k": 2, "f": 1, "f.g": 3}
