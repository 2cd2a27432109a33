"""Responses: what a handler may return, checked against the contract."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import orjson

from sojourn.pipeline import formats
from sojourn.pipeline.schemas import LINEAR_TIME, translate

CHECKED_NATIVELY = frozenset({"date", "date-time", "ipv4", "ipv6"})
"""Formats that jsonschema-rs checks in answers by itself: a list of ten sessions has sixty such values, and asking
Python about each costs more than making the answer. It takes whatever an answer of ours can hold (a test says so)."""


class BrokenPromise(Exception):
    """A response that the contract does not allow."""


class Responses:
    """The declared responses of one operation, compiled on first use."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]], closed: bool) -> None:
        self._definitions = definitions
        self._closed = closed
        self._validators: dict[tuple[int, str], Any] = {}

    def check(self, status: int, media_type: str | None, *, value: Any) -> None:
        """Raises BrokenPromise when status, media type or value are not what the contract declares."""
        if media_type is None:
            if str(status) not in self._definitions or self._definitions[str(status)].get("content"):
                raise BrokenPromise(f"status {status} without content is not declared")
            return
        validator = self._validators.get((status, media_type))
        if validator is None:
            validator = self._validators[status, media_type] = self._compile(status, media_type)
        if isinstance(value, (dict, list)) and not validator.is_valid(value):
            for error in validator.iter_errors(value):
                place, rule = "/".join(map(str, error.instance_path)), "/".join(map(str, error.schema_path))
                raise BrokenPromise(f"{place} breaks {rule}")  # without the value, which may be a secret

    def _compile(self, status: int, media_type: str) -> Any:
        content = self._definitions.get(str(status), {}).get("content", {})
        if media_type not in content:
            raise BrokenPromise(f"status {status} with {media_type} is not declared")
        schema = translate(content[media_type].get("schema", {}), self._closed)
        checks = {name: check for name, check in formats.CHECKS.items() if name not in CHECKED_NATIVELY}
        return jsonschema_rs.Draft7Validator(schema, validate_formats=True, formats=checks, pattern_options=LINEAR_TIME)


def to_json(value: Any) -> bytes:
    """The JSON text of a view."""
    return orjson.dumps(value)


AT_ONCE = 200
"""A list in an answer that has more items is checked and written in parts: other requests are served in between."""


def parts_of(view: Any) -> Iterator[Any]:
    """The view itself, or one with long lists in parts: a fault of an item is found in its part."""
    long = _long_members(view)
    if not long:
        yield view
        return
    without = {**view, **{name: [] for name in long}}
    for name in long:
        for begin in range(0, len(view[name]), AT_ONCE):
            yield {**without, name: view[name][begin : begin + AT_ONCE]}


async def to_json_in_turns(view: Any) -> bytes:
    """What `to_json` gives."""
    long = _long_members(view)
    if not long:
        return to_json(view)
    pieces: list[bytes | memoryview] = []  # put together once: a copy of a megabyte is felt
    for name, value in view.items():
        pieces += (b"," if pieces else b"{", to_json(name), b":")
        if name not in long:
            pieces.append(to_json(value))
            continue
        for begin in range(0, len(value), AT_ONCE):
            pieces += (b"," if begin else b"[", memoryview(to_json(value[begin : begin + AT_ONCE]))[1:-1])
            await asyncio.sleep(0)
        pieces.append(b"]")
    return b"".join((*pieces, b"}"))


def _long_members(view: Any) -> list[str]:
    if not isinstance(view, dict) or list not in map(type, view.values()):
        return []
    return [name for name, value in view.items() if type(value) is list and len(value) > AT_ONCE]
