"""The one place where operations are read and references are resolved."""

import json
from pathlib import Path
from typing import Any

import pytest

from sojourn.conformance.contract import Contract
from sojourn.conformance.target import Unusable
from sojourn.openapi.document import METHODS, Operation, follow, lookup, operations, resolve
from tests.contract.document import bundle
from tests.tree import HOME

CIRCLE: dict[str, Any] = {"a": {"$ref": "#/b"}, "b": {"inner": [{"$ref": "#/a"}]}}


def test_every_operation_is_read_once_and_without_a_reference() -> None:
    found = list(operations(bundle(), Operation))
    written = [(path, name) for path, item in bundle()["paths"].items() for name in item if name in METHODS]

    assert [(operation.path, operation.method.lower()) for operation in found] == written
    assert all("$ref" not in json.dumps([o.definition, o.parameters]) for o in found)


def test_a_pointer_may_name_paths_with_slashes_and_tildes() -> None:
    document = {"paths": {"/a/~b": {"get": 1}}}

    assert lookup(document, "#/paths/~1a~1~0b/get") == 1
    assert resolve(document, {"$ref": "#/paths/~1a~1~0b"}) == {"get": 1}


def test_following_stops_at_the_first_thing_that_is_no_reference() -> None:
    document = {"a": {"$ref": "#/b"}, "b": {"c": {"$ref": "#/a"}}}

    assert follow(document, {"$ref": "#/a"}) == {"c": {"$ref": "#/a"}}
    assert follow(document, 7) == 7


def test_a_reference_that_leads_back_to_itself_is_told_with_its_way() -> None:
    with pytest.raises(RecursionError, match="#/a -> #/b -> #/a"):
        resolve(CIRCLE, {"$ref": "#/a"})


def test_conformance_says_so_when_a_contract_has_such_a_reference(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    response = {"content": {"application/json": {"schema": {"$ref": "#/a"}}}}
    item = {"get": {"operationId": "x", "responses": {"200": response}}}
    file.write_text(json.dumps({"paths": {"/x": item}, **CIRCLE}), "utf-8")

    with pytest.raises(Unusable, match="no contract can be read from it"):
        Contract.read(file)


def test_the_methods_of_a_path_item_are_listed_in_one_place() -> None:
    rooms = ("conformance", "console", "domain", "handlers", "openapi", "sojourn", "storage", "tests")
    listing = {
        str(file.relative_to(HOME))
        for room in rooms
        for file in (HOME / room).rglob("*.py")
        if all(f'"{method}"' in file.read_text("utf-8") for method in METHODS)
    }

    assert listing == {"openapi/document.py"}
