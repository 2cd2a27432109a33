"""The contract as Connexion holds it, refused at start-up when it is no valid OpenAPI: accept fast, explain slowly.

Connexion holds a document against OpenAPI's own schema with a validator that takes a sixth of the whole start. Here a
compiled validator checks the same schema; only what it does not accept goes to Connexion's validator, which decides.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from connexion.spec import OpenAPISpecification

from sojourn.pipeline.schemas import translate


class ContractSpecification(OpenAPISpecification):
    """A contract that was found valid. Raises connexion's InvalidSpecification for any other."""

    @classmethod
    def _validate_spec(cls, spec: dict[str, Any]) -> None:
        if not (_is_openapi()(spec) and all(_takes_its_default(schema) for schema in _with_default(spec))):
            super()._validate_spec(spec)  # type: ignore[no-untyped-call]  # Connexion


@cache
def _is_openapi() -> Any:
    return jsonschema_rs.Draft4Validator(OpenAPISpecification.openapi_schema, validate_formats=False).is_valid


def _with_default(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a document that has a default."""
    if isinstance(node, dict):
        if "default" in node and isinstance(node.get("type"), str):
            yield node
        for value in node.values():
            yield from _with_default(value)
    elif isinstance(node, list):
        for value in node:
            yield from _with_default(value)


def _takes_its_default(schema: dict[str, Any]) -> bool:
    """Whether a default is a value of its own schema; a schema that refers to others is left to Connexion."""
    if any(key in schema for key in ("items", "properties", "allOf", "anyOf", "oneOf", "not", "additionalProperties")):
        return False
    accepts: bool = jsonschema_rs.Draft7Validator(translate(schema), validate_formats=False).is_valid(schema["default"])
    return accepts
