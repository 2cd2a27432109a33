"""A schema of the contract, compiled: *accept fast, explain slowly*.

`compile_schema` translates an OpenAPI 3.0 schema to JSON Schema once and builds two validators from that one
translation. `accepts` asks the compiled one (jsonschema-rs). Only what it refuses goes to `explain`, where the
full validator (jsonschema) finds every broken rule and its place. A property test holds the two together.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any

import jsonschema_rs
from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from sojourn.domain.errors import Violation
from sojourn.pipeline import formats
from sojourn.problems.documents import MAX_VIOLATIONS

Json = Any

_ANNOTATIONS = frozenset(
    {"title", "description", "example", "default", "deprecated", "xml", "externalDocs", "discriminator", "readOnly"}
)
_CODES = {
    "type": "type",
    "format": "format",
    "pattern": "pattern",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "minimum",
    "maximum": "maximum",
    "enum": "enum",
    "minItems": "min_items",
    "maxItems": "max_items",
    "minProperties": "min_properties",
    "maxProperties": "max_properties",
    "uniqueItems": "unique_items",
    "anyOf": "any_of",
    "oneOf": "any_of",
    "multipleOf": "multiple_of",
}
_SUBSCHEMAS = ("items", "additionalProperties", "not")
_SUBSCHEMA_LISTS = ("anyOf", "oneOf", "allOf")


LINEAR_TIME = jsonschema_rs.RegexOptions()
"""Patterns run in time linear in the text, so no text can make one slow; it knows no look-around, and nor does ours."""


MAX_NAME = 100
"""How much of a member's name is shown in a place."""


class ContractError(Exception):
    """The contract says something that this program cannot keep; the server does not start."""


class Schema:
    """One compiled schema."""

    __slots__ = ("_full", "accepts", "source")

    def __init__(self, source: Mapping[str, Json]) -> None:
        translated = translate(source)
        self.source = translated
        self.accepts = jsonschema_rs.Draft7Validator(
            translated, validate_formats=True, formats=dict(formats.CHECKS), pattern_options=LINEAR_TIME
        ).is_valid
        self._full = _Validator(translated, format_checker=_format_checker())

    def explain(self, value: Json, root: str) -> list[Violation]:
        """The rules that `value` breaks. `root` names the value itself (a parameter, or `body`).

        One more than a problem shows is looked for, and no further.
        """
        found: dict[tuple[str, str], Violation] = {}
        for error in self._full.iter_errors(value):
            for violation in _violations(error, root):
                found.setdefault((violation.field, violation.code), violation)
                if len(found) > MAX_VIOLATIONS:
                    return _sorted(found)
        return _sorted(found)


def _sorted(found: Mapping[tuple[str, str], Violation]) -> list[Violation]:
    return [violation for _, violation in sorted(found.items(), key=itemgetter(0))]


def translate(schema: Json, closed: bool = False) -> Json:
    """OpenAPI 3.0 schema → JSON Schema draft 7. `closed` refuses members an object does not declare.

    Raises ContractError for a format that nobody checks.
    """
    if not isinstance(schema, Mapping):
        return schema
    result = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    nullable = result.pop("nullable", False)
    _translate_format(result)
    for key in _SUBSCHEMAS:
        if key in result:
            result[key] = translate(result[key], closed)
    for key in _SUBSCHEMA_LISTS:
        if key in result:
            result[key] = [translate(part, closed) for part in result[key]]
    if "properties" in result:
        result["properties"] = {name: translate(part, closed) for name, part in result["properties"].items()}
        if closed:
            result.setdefault("additionalProperties", False)
    if nullable:
        result["type"] = [result["type"], "null"]
        if "enum" in result and None not in result["enum"]:
            result["enum"] = [*result["enum"], None]
    return result


def _translate_format(schema: dict[str, Json]) -> None:
    """Integer ranges become bounds; the other formats must be ones we check."""
    name = schema.get("format")
    if name in formats.INTEGER_RANGES:
        low, high = formats.INTEGER_RANGES[name]
        schema["minimum"] = max(low, schema.get("minimum", low))
        schema["maximum"] = min(high, schema.get("maximum", high))
        del schema["format"]
    elif name is not None and name not in formats.CHECKS and name not in formats.UNCHECKED:
        raise ContractError(f"no check exists for the format {name!r}")


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, check in formats.CHECKS.items():
        checker.checks(name)(lambda value, check=check: not isinstance(value, str) or check(value))
    return checker


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """`pattern` as ECMA-262 means it: in Python `$` would also match before a final line feed."""
    if isinstance(instance, str) and not _anchored(pattern).search(instance):
        yield ValidationError("does not match the pattern")


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _anchored(pattern: str) -> re.Pattern[str]:
    compiled = _PATTERNS.get(pattern)
    if compiled is None:
        text = re.sub(r"\$(?=$|\||\))", r"\\Z", pattern)
        compiled = _PATTERNS[pattern] = re.compile(text)
    return compiled


def _items(validator: Any, items: Json, *, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """`items`, unless there are too many: that alone explains such a list."""
    if isinstance(instance, list) and len(instance) <= schema.get("maxItems", len(instance)):
        yield from Draft7Validator.VALIDATORS["items"](validator, items, instance, schema)


def _unique_items(wanted: Json, instance: Json, *, schema: Json) -> Iterator[ValidationError]:
    """`uniqueItems` by the text of each item; the library compares every pair where items have no order."""
    if not wanted or not isinstance(instance, list) or len(instance) > schema.get("maxItems", len(instance)):
        return
    if len({_canonical(item) for item in instance}) != len(instance):
        yield ValidationError("has an item twice")


def _canonical(value: Json) -> str:
    """One text for values that JSON Schema takes to be equal: members have no order, and 1e16 is 10000000000000000.

    A float stands for the shortest number that is written so, as it does where `accepts` compares.
    """
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: Json) -> Json:
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


_Validator: Any = extend(  # type: ignore[no-untyped-call]  # jsonschema
    Draft7Validator,
    {
        "pattern": _pattern,
        "items": lambda validator, items, value, of: _items(validator, items, instance=value, schema=of),
        "uniqueItems": lambda validator, wanted, value, of: _unique_items(wanted, value, schema=of),
    },
)


def _violations(error: ValidationError, root: str) -> Iterator[Violation]:
    """What one finding of the full validator means in the contract's words."""
    keyword: str = str(error.validator)
    limit: Json = error.validator_value
    instance: Json = error.instance
    schema: Mapping[str, Json] = error.schema if isinstance(error.schema, Mapping) else {}
    if keyword == "required" and isinstance(limit, list):
        missing = (name for name in limit if name not in instance)
        yield from (Violation(_path(error, root, name=name), "required") for name in missing)
    elif keyword == "additionalProperties":
        unknown = (name for name in instance if name not in schema.get("properties", {}))
        yield from (Violation(_path(error, root, name=name), "unknown_property") for name in unknown)
    else:
        secret = schema.get("format") == "password" or schema.get("writeOnly", False)
        whole = root == "body" and not error.absolute_path  # a whole body may hold secrets of any form
        value = None if secret or whole else instance
        yield Violation(_path(error, root), _CODES.get(keyword, "type"), _params(keyword, limit), value)


def _params(keyword: str, limit: Json) -> dict[str, Json]:
    """What the sentence about a broken rule needs to know."""
    match keyword:
        case "type":
            return {"type": limit if isinstance(limit, str) else " or ".join(limit)}
        case "format" | "pattern":
            return {keyword: limit}
        case "enum":
            return {"allowed": ", ".join(str(item) for item in limit)}
        case "anyOf" | "oneOf":
            return {"allowed": ", ".join(str(part.get("format", part.get("type", "?"))) for part in limit)}
        case "uniqueItems":
            return {}
    return {"limit": limit}


def _path(error: ValidationError, root: str, *, name: str | None = None) -> str:
    """Dot/bracket notation from the root: `items[0].city`; the root itself has the name it was given."""
    text = "" if root == "body" else root
    for step in [*error.absolute_path, *([name] if name is not None else [])]:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step[:MAX_NAME]}" if text else str(step)[:MAX_NAME]
    return text or root
