"""A document that Connexion would refuse is refused: the faster check lets no other pass, and stops no good one."""

import copy
import random
from typing import Any

import pytest
from connexion.exceptions import InvalidSpecification
from connexion.spec import OpenAPISpecification

from sojourn.openapi.loader import load_bundle
from sojourn.pipeline.specification import ContractSpecification

SMALL: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "small", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "get_thing",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 1}},
                ],
                "responses": {
                    "200": {
                        "description": "Found.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "nullable": True, "default": "it", "maxLength": 9},
                    "tags": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
                },
            }
        }
    },
}


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and array: where it stands and under which key."""
    if not isinstance(node, (dict, list)):
        return []
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    return [(node, key) for key in keys] + [place for key in keys for place in places(node[key])]


def verdict(kind: type[OpenAPISpecification], document: dict[str, Any]) -> str:
    """What becomes of a document: `accepted`, or the name of the error (a reference may lead nowhere)."""
    try:
        kind(copy.deepcopy(document))  # type: ignore[no-untyped-call]
    except Exception as error:
        return type(error).__name__
    return "accepted"


def test_our_own_contract_is_accepted() -> None:
    assert verdict(ContractSpecification, load_bundle()) == "accepted"


@pytest.mark.parametrize("seed", range(200))
def test_a_damaged_document_is_judged_as_connexion_judges_it(seed: int) -> None:
    chance = random.Random(seed)
    damaged = copy.deepcopy(SMALL)
    node, key = chance.choice(places(damaged))
    if chance.random() < 0.5:
        del node[key]
    else:
        node[key] = chance.choice([None, 5, "x", True, [], {}, {"x": 1}])

    assert verdict(ContractSpecification, damaged) == verdict(OpenAPISpecification, damaged)


@pytest.mark.parametrize("default", [0, "one", None, [1]])
def test_a_default_that_breaks_its_own_schema_is_refused(default: Any) -> None:
    damaged = copy.deepcopy(SMALL)
    damaged["paths"]["/things/{id}"]["get"]["parameters"][1]["schema"]["default"] = default

    with pytest.raises(InvalidSpecification):
        ContractSpecification(damaged)  # type: ignore[no-untyped-call]
