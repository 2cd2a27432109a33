"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from sojourn.openapi.document import Operation, operations
from sojourn.openapi.loader import load_bundle
from tests.tree import HOME, parsed

PACKAGES = ("sojourn", "handlers", "storage", "domain", "openapi", "conformance", "console")
FIELDS_WITHOUT_NAMES = 4
POSITIONAL = 2
"""From the third parameter on, arguments are named: nobody sees that two of four texts are swapped."""
SIGNATURES_OF_OTHERS = {
    ("scope", "receive", "send"): "ASGI",
    ("value", "param", "ctx"): "click, a kind of value",
    ("req", "fp", "code", "msg", "headers", "newurl"): "urllib, a handler of redirects",
    ("method", "path", "operation", "name"): "Connexion, an operation of an API",
    ("validator", "pattern", "instance", "schema"): "jsonschema, a keyword",
    ("part", "name", "kind"): "Alembic, a filter of names",
    ("config", "target", "sockets"): "uvicorn, a worker process",
    ("host", "port", "timeout", "local_address", "socket_options"): "httpcore, a connection",
    ("path", "timeout", "socket_options"): "httpcore, a connection",
    ("case", "data", "context"): "Schemathesis, authentication",
    ("context", "case", "kwargs"): "Schemathesis, a hook",
    ("context", "case", "response"): "Schemathesis, a hook after a call",
    ("context", "response", "case"): "Schemathesis, a check",
}
"""Parameters of the functions that a library calls, in its order and without names."""


@cache
def functions(package: str) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a package with its name inside its module."""
    files = sorted((HOME / package).rglob("*.py"))
    return [found for file in files for found in _functions(parsed(file), "")]


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    """The arguments that may be given without their names; `self` is not given."""
    names = tuple(argument.arg for argument in (*function.args.posonlyargs, *function.args.args))
    return names[1:] if names[:1] in (("self",), ("cls",)) else names


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many arguments may be given without their names."""
    return len(parameters(function))


def offenders() -> list[str]:
    """Functions with more, except handlers (called by name), dunder methods and what else Python or a library calls."""
    handlers = {operation.id for operation in operations(load_bundle(), Operation)}
    return sorted(
        name
        for package in PACKAGES
        for name, function in functions(package)
        if positional(function) > POSITIONAL
        and parameters(function) not in SIGNATURES_OF_OTHERS
        and not (package == "handlers" and name in handlers)
        and (function.name == "__init__" or not function.name.startswith("__"))
    )


def test_arguments_are_named_from_the_third_on() -> None:
    assert offenders() == [], "name these arguments: put `*` before the third"


def test_each_signature_that_a_library_asks_for_is_there() -> None:
    there = {parameters(function) for package in PACKAGES for _, function in functions(package)}

    assert SIGNATURES_OF_OTHERS.keys() <= there, "take out what no function has any more"


def records(tree: ast.AST) -> Iterator[str]:
    """The names of the dataclasses and named tuples that are defined in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            marks = [ast.unparse(mark) for mark in (*node.decorator_list, *node.bases)]
            if any(re.fullmatch(r"(dataclasses\.)?dataclass(\(.*\))?|(typing\.)?NamedTuple", mark) for mark in marks):
                yield node.name


def unnamed(tree: ast.AST, names: set[str]) -> Iterator[tuple[int, str]]:
    """The line and the class of each record that is made of more values without a name than anybody can tell apart."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in names and len(node.args) > FIELDS_WITHOUT_NAMES:
                yield node.lineno, str(name)


def test_the_fields_of_a_record_are_named_where_it_has_more_than_four() -> None:
    trees = {file: parsed(file) for package in PACKAGES for file in (HOME / package).rglob("*.py")}
    names = {name for tree in trees.values() for name in records(tree)}

    assert [f"{file}:{line} {name}" for file, tree in trees.items() for line, name in unnamed(tree, names)] == []


def test_the_rule_sees_every_kind_of_record() -> None:
    tree = ast.parse(
        "@dataclass\nclass A: pass\n@dataclasses.dataclass(frozen=True)\nclass B: pass\nclass C(NamedTuple): pass\n"
        "class D: pass\nA(1, 2, 3, 4, e=5)\nm.B(1, 2, 3, 4, 5)\nC(1, 2, 3, 4, 5)\nD(1, 2, 3, 4, 5)\n"
    )

    assert set(records(tree)) == {"A", "B", "C"}
    assert [name for _, name in unnamed(tree, set(records(tree)))] == ["B", "C"]


def test_the_rule_sees_methods_nested_functions_and_defaults() -> None:
    tree = ast.parse(
        "class A:\n  def m(self, a, b, c=1): pass\n  def k(self, a, b, *, c): pass\n"
        "def f(a):\n  async def g(x, y, z, /): pass\n"
    )

    assert {name: positional(found) for name, found in _functions(tree, "")} == {"A.m": 3, "A.k": 2, "f": 1, "f.g": 3}
