"""Schema keywords: where the contract has them, and which of them a value met or broke.

A place is the JSON Pointer of a keyword in the document, prefixed with `request` or `response`, so a component used in
both directions counts twice. Keywords that only describe do not count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from openapi_schema_validator import oas30_format_checker

from sojourn.openapi.document import lookup

_DESCRIBE = {"description", "example", "examples", "default", "title", "deprecated", "readOnly", "writeOnly"}
UNBREAKABLE = {"nullable", "maxProperties", "minProperties"}
"""Keywords of requests that no single value can break, or that no request has."""
_HOLDS = {"properties", "items", "anyOf", "oneOf", "allOf"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(slots=True)
class Seen:
    """Places whose keyword a value met, and places whose keyword one broke."""

    met: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)


def follow(document: dict[str, Any], schema: dict[str, Any], *, place: str) -> tuple[dict[str, Any], str]:
    """A schema and its place, references followed."""
    while "$ref" in schema:
        place = schema["$ref"]
        schema = lookup(document, place)
    return schema, place


def places(document: dict[str, Any], schema: dict[str, Any], *, place: str) -> Iterator[str]:
    """Every keyword of a schema and of the schemas in it."""
    schema, place = follow(document, schema, place=place)
    for keyword, value in schema.items():
        if keyword in _DESCRIBE or keyword.startswith("x-") or value is True:
            continue
        if keyword not in _HOLDS and not (keyword == "additionalProperties" and isinstance(value, dict)):
            yield f"{place}/{keyword}"
        for name, inner in _inner(keyword, value):
            yield from places(document, inner, place=f"{place}/{name}")


def is_breakable(place: str, *, parameter: str | None = None) -> bool:
    """Whether a request can break the keyword of a place. `parameter` is where it is one: path, query, header.

    What stands in a path or query is always text, an empty segment is another path, a password is any text.
    """
    keyword = place.rpartition("/")[2]
    if keyword in UNBREAKABLE or (keyword == "format" and "token" in place):
        return False
    return not (parameter == "text" and keyword == "type") and not (parameter is not None and keyword == "minLength")


def visit(document: dict[str, Any], schema: dict[str, Any], *, place: str, value: Any, seen: Seen) -> None:
    """Note which keywords a value meets and which it breaks."""
    schema, place = follow(document, schema, place=place)
    for keyword, wanted in schema.items():
        if keyword in _DESCRIBE or keyword.startswith("x-"):
            continue
        judged = _judge(keyword, wanted, schema=schema, value=value)
        if judged is not None:
            (seen.met if judged else seen.broken).add(f"{place}/{keyword}")
    for name, inner, item in _parts(schema, value):
        visit(document, inner, place=f"{place}/{name}", value=item, seen=seen)


def _inner(keyword: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if keyword == "properties":
        yield from ((f"properties/{name}", inner) for name, inner in value.items())
    elif keyword == "items" or (keyword == "additionalProperties" and isinstance(value, dict)):
        yield keyword, value
    elif keyword in ("anyOf", "oneOf", "allOf"):
        yield from ((f"{keyword}/{number}", inner) for number, inner in enumerate(value))


def _parts(schema: dict[str, Any], value: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """The schemas inside that apply to a value, with the part of it that each applies to."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name, item in value.items():
            if name in known:
                yield f"properties/{name}", known[name], item
            elif isinstance(schema.get("additionalProperties"), dict):
                yield "additionalProperties", schema["additionalProperties"], item
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield "items", schema["items"], item
    for keyword in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(schema.get(keyword, ())):
            yield f"{keyword}/{number}", inner, value


def _judge(keyword: str, wanted: Any, *, schema: dict[str, Any], value: Any) -> bool | None:
    """Whether a value meets a keyword; None where the keyword says nothing of such a value."""
    if keyword == "type":
        return (value is None and bool(schema.get("nullable"))) or _is(wanted, value)
    if keyword == "nullable":
        return True if value is None else None
    if keyword == "enum":
        return value in wanted
    if isinstance(value, str):
        return _judge_text(keyword, wanted, value=value)
    if isinstance(value, list):
        return _judge_list(keyword, wanted, value=value)
    if isinstance(value, dict):
        return _judge_object(keyword, wanted, schema=schema, value=value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        numbers = {"minimum": lambda: bool(value >= wanted), "maximum": lambda: bool(value <= wanted)}
        if keyword == "format":
            return wanted not in ("int32", "int64") or bool(abs(value) < 2 ** (int(wanted[3:]) - 1))
        return numbers[keyword]() if keyword in numbers else None
    return None


def _judge_text(keyword: str, wanted: Any, *, value: str) -> bool | None:
    if keyword == "minLength":
        return bool(len(value) >= wanted)
    if keyword == "maxLength":
        return bool(len(value) <= wanted)
    if keyword == "pattern":
        return re.search(wanted, value) is not None and not value.endswith("\n")
    return oas30_format_checker.conforms(value, wanted) if keyword == "format" else None


def _judge_list(keyword: str, wanted: Any, *, value: list[Any]) -> bool | None:
    if keyword == "minItems":
        return bool(len(value) >= wanted)
    if keyword == "maxItems":
        return bool(len(value) <= wanted)
    return len({repr(item) for item in value}) == len(value) if keyword == "uniqueItems" else None


def _judge_object(keyword: str, wanted: Any, *, schema: dict[str, Any], value: dict[str, Any]) -> bool | None:
    if keyword == "required":
        return set(wanted) <= set(value)
    if keyword == "minProperties":
        return bool(len(value) >= wanted)
    if keyword == "maxProperties":
        return bool(len(value) <= wanted)
    if keyword == "additionalProperties" and wanted is False:
        return set(value) <= set(schema.get("properties", {}))
    return None


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())
