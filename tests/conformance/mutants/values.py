"""What can be wrong with one value of an answer, from what its schema says of it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

DROP = object()
"""Stands for a member that is left out."""
Change = Callable[[Any, dict[str, Any]], Any]
"""From the true value and the mutant's memory to the lie."""


def walk(schema: dict[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any], bool]]:
    """Every member below a schema: its place (`[]` is an item), its schema, whether it must be there."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        for name, inner in part.get("properties", {}).items():
            yield (*place, name), inner, name in part.get("required", ())
            yield from walk(inner, (*place, name))
    if "items" in schema:
        yield from walk(schema["items"], (*place, "[]"))


def changes(schema: dict[str, Any]) -> Iterator[tuple[str, Change]]:
    """The lies about a value of a schema, by kind."""
    yield "left out", lambda value, memory: DROP
    yield "null", lambda value, memory: None
    yield "the same for ever", lambda value, memory: memory.setdefault("first value", value)
    yield "that of the answer before", _previous
    kind = schema.get("type")
    if kind == "string" and schema.get("format") == "date-time":
        yield from _INSTANTS.items()
    elif kind == "string":
        yield from _TEXTS.items()
        if "enum" in schema:
            yield "another of the values", _another(schema["enum"])
    elif kind in ("integer", "number"):
        yield from _NUMBERS.items()
    elif kind == "boolean":
        yield "the opposite", lambda value, memory: not value
        yield "always true", lambda value, memory: True
        yield "always false", lambda value, memory: False
        yield "as text", lambda value, memory: str(value).lower()
    elif kind == "array":
        yield from _LISTS.items()
    elif kind == "object":
        yield "emptied", lambda value, memory: {}


def apply(document: Any, place: tuple[str, ...], change: Change, memory: dict[str, Any], which: str) -> Any:
    """The document with the value at a place changed; of items all, the `first`, the `last`, or `later` ones."""
    if not place:
        return change(document, memory)
    name, rest = place[0], place[1:]
    if name == "[]":
        if not isinstance(document, list):
            return document
        chosen = _CHOSEN[which](len(document))
        return [
            apply(item, rest, change, memory, which) if number in chosen else item
            for number, item in enumerate(document)
        ]
    if not isinstance(document, dict) or name not in document:
        return document
    value = apply(document[name], rest, change, memory, which)
    if value is DROP:
        return {key: item for key, item in document.items() if key != name}
    return {**document, name: value}


_CHOSEN: dict[str, Callable[[int], range]] = {
    "all": range,
    "first": lambda length: range(min(length, 1)),
    "last of several": lambda length: range(length - 1, length) if length > 1 else range(0),
    "later": lambda length: range(1, length),
}
WHICH = tuple(_CHOSEN)


def _previous(value: Any, memory: dict[str, Any]) -> Any:
    before = memory.get("value before", value)
    memory["value before"] = value
    return before


def _another(values: list[Any]) -> Change:
    return lambda value, memory: next((other for other in values if other != value), value)


def _if_text(change: Callable[[str], Any]) -> Change:
    return lambda value, memory: change(value) if isinstance(value, str) else value


def _if_number(change: Callable[[Any], Any]) -> Change:
    return lambda value, memory: change(value) if isinstance(value, int | float) else value


def _if_list(change: Callable[[list[Any]], Any]) -> Change:
    return lambda value, memory: change(value) if isinstance(value, list) else value


def _moved(**by: float) -> Change:
    return _if_text(lambda text: _written(_read(text) + timedelta(**by)))


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _zoned(text: str) -> str:
    return _read(text).astimezone(timezone(timedelta(hours=2))).isoformat()


_INSTANTS: dict[str, Change] = {
    "in another zone": _if_text(_zoned),
    "without its zone": _if_text(lambda text: text.removesuffix("Z")),
    "the digits of another zone": _moved(hours=8),
    "a day later": _moved(days=1),
    "a year earlier": _moved(days=-365),
    "ten minutes earlier": _moved(minutes=-10),
    "a second later": _moved(seconds=1),
    "as a number": _if_text(lambda text: int(_read(text).timestamp())),
    "its date only": _if_text(lambda text: text[:10]),
    "1970": _if_text(lambda text: "1970-01-01T00:00:00Z"),
}
_TEXTS: dict[str, Change] = {
    "emptied": _if_text(lambda text: ""),
    "in upper case": _if_text(str.upper),
    "cut off by one": _if_text(lambda text: text[:-1]),
    "with a blank": _if_text(lambda text: text + " "),
    "as a list": _if_text(lambda text: [text]),
    "another text": _if_text(lambda text: "unknown"),
    "with its last letter changed": _if_text(lambda text: text[:-1] + ("0" if text[-1:] != "0" else "1")),
}
_NUMBERS: dict[str, Change] = {
    "one more": _if_number(lambda number: number + 1),
    "one less": _if_number(lambda number: number - 1),
    "zero": _if_number(lambda number: 0),
    "negative": _if_number(lambda number: -number - 1),
    "as text": _if_number(str),
    "thousandfold": _if_number(lambda number: number * 1000),
    "at most ten": _if_number(lambda number: min(number, 10)),
    "at most one": _if_number(lambda number: min(number, 1)),
    "at least one": _if_number(lambda number: max(number, 1)),
}
_LISTS: dict[str, Change] = {
    "emptied": _if_list(lambda items: []),
    "the other way round": _if_list(lambda items: items[::-1]),
    "without its first": _if_list(lambda items: items[1:]),
    "without its last": _if_list(lambda items: items[:-1]),
    "without its last of several": _if_list(lambda items: items[:-1] if len(items) > 1 else items),
    "its first twice": _if_list(lambda items: [*items[:1], *items]),
    "its last in place of its first": _if_list(lambda items: [*items[-1:], *items[1:]]),
    "at most two": _if_list(lambda items: items[:2]),
    "two exchanged": _if_list(lambda items: [*items[1:2], *items[:1], *items[2:]]),
}
