"""Differences between two schemas, seen from the side that writes the values.

Each keyword either narrows or widens what is possible; for a request the first breaks, for a response the
second. A change that this module cannot weigh (another pattern, an unknown keyword) breaks in both.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from sojourn.openapi.changes.differences import WORDS, Difference, Direction, Kind, Pairs, deprecation, words

_LOWER_BOUNDS = ("minimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "maxLength", "maxItems", "maxProperties")
_SWITCHES = ("exclusiveMinimum", "exclusiveMaximum", "uniqueItems")
_WIDER = {("integer", "number"), ("int32", "int64"), ("float", "double")}
_LIST_OF_NAMES = re.compile(r"\^\((?P<names>\w+(\|\w+)*)\)\(,\((?P=names)\)\)\*\$")
_ELSEWHERE = {"deprecated", "x-deprecation", "properties", "required", "items", "additionalProperties"}

_Judge = Callable[[Any, Any], int | None]
"""Old and new value of a keyword (None: absent) to -1 for narrower, 1 for wider, None for neither."""


class SchemaComparison:
    """Compares the schemas of two editions."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def compare(self, old: Any, new: Any, *, direction: Direction, place: str) -> Iterator[Difference]:
        """The differences between two schemas that stand at `place`."""
        before, after = (value.get("$ref", "").rpartition("/")[2] for value in (old, new))
        if before and after and before != after:
            yield Difference(Kind.CLARIFICATION, place, f"{after} in place of {before}")
        opened = self._pairs.open(old, new, direction=direction, place=place)
        if opened is None:
            return
        old, new, place = opened
        if old == new and not _refers(old):
            return
        yield from words(old, new, place=place)
        yield from deprecation(old, new, place=place)
        yield from _keywords(old, new, direction=direction, place=place, announced=self._announced(new))
        yield from self._properties(old, new, direction=direction, place=place)
        yield from self._parts(old, new, direction=direction, place=place)

    def _announced(self, new: dict[str, Any]) -> frozenset[str]:
        """The values of an enumeration that occur only after an operation that the older edition does not have.

        A client of the older edition meets none of them before somebody uses the newer one.
        """
        before = {
            operation.get("operationId")
            for path in self._pairs.old.bundle.get("paths", {}).values()
            for operation in path.values()
            if isinstance(operation, dict)
        }
        announced = new.get("x-only-after", {})
        return frozenset(value for value, operation in announced.items() if operation not in before)

    def _properties(
        self, old: dict[str, Any], new: dict[str, Any], *, direction: Direction, place: str
    ) -> Iterator[Difference]:
        before, after = old.get("properties", {}), new.get("properties", {})
        was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() - after.keys()):
            yield Difference(Kind.BREAKING, f"{place}.{name}", "property removed")
        for name in sorted(after.keys() - before.keys()):
            demanded = direction is Direction.REQUEST and name in is_required
            kind = Kind.BREAKING if demanded else Kind.ADDITIVE
            yield Difference(
                kind, f"{place}.{name}", f"{'required' if name in is_required else 'optional'} property added"
            )
        for name in sorted((is_required - was_required) & (before.keys() | (is_required - after.keys()))):
            yield Difference(direction.narrower(), f"{place}.{name}", "became required")
        for name in sorted((was_required - is_required) & (after.keys() | (was_required - before.keys()))):
            yield Difference(direction.wider(), f"{place}.{name}", "is no longer required")
        for name in sorted(before.keys() & after.keys()):
            yield from self.compare(before[name], after[name], direction=direction, place=f"{place}.{name}")

    def _parts(
        self, old: dict[str, Any], new: dict[str, Any], *, direction: Direction, place: str
    ) -> Iterator[Difference]:
        """Items, further members, and what is composed of several schemas."""
        for name, otherwise in (("items", {}), ("additionalProperties", True)):
            yield from self._part(
                old.get(name, otherwise), new.get(name, otherwise), direction=direction, place=f"{place}.{name}"
            )
        for name, more in (("anyOf", direction.wider()), ("oneOf", direction.wider()), ("allOf", direction.narrower())):
            less = direction.narrower() if more is direction.wider() else direction.wider()
            before, after = list(old.get(name, ())), list(new.get(name, ()))
            if len(before) == len(after):
                for number, (one, other) in enumerate(zip(before, after, strict=True)):
                    yield from self.compare(one, other, direction=direction, place=f"{place}.{name}[{number}]")
            elif not before or not after:  # no such keyword at all is no constraint at all
                kind = direction.narrower() if after else direction.wider()
                yield Difference(kind, place, f"{name} {'added' if after else 'removed'}")
            else:
                yield from (Difference(less, place, f"{name}: a schema removed") for one in before if one not in after)
                yield from (Difference(more, place, f"{name}: a schema added") for one in after if one not in before)

    def _part(self, old: Any, new: Any, *, direction: Direction, place: str) -> Iterator[Difference]:
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self.compare(old, new, direction=direction, place=place)
            return
        breadth = [0 if value is False else 2 if value in (True, {}) else 1 for value in (old, new)]
        if breadth[0] > breadth[1]:
            yield Difference(direction.narrower(), place, "narrowed")
        elif breadth[0] < breadth[1]:
            yield Difference(direction.wider(), place, "widened")


def _refers(value: Any) -> bool:
    """Whether there is a reference inside: equal words may then mean different things."""
    if isinstance(value, dict):
        return "$ref" in value or any(_refers(part) for part in value.values())
    return isinstance(value, list) and any(_refers(part) for part in value)


def _keywords(
    old: dict[str, Any], new: dict[str, Any], *, direction: Direction, place: str, announced: frozenset[str]
) -> Iterator[Difference]:
    for name in sorted((old.keys() | new.keys()) - WORDS - _ELSEWHERE - {"anyOf", "oneOf", "allOf"}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        what = f"{name} {_shown(before)} → {_shown(after)}"
        if name == "default":
            yield Difference(_of_default(before, direction), place, what)
        elif name.startswith("x-"):
            yield Difference(Kind.CLARIFICATION, place, what)
        elif name == "enum" and before and after:
            yield from _enum(before, after, direction=direction, place=place, announced=announced)
        else:
            breadth = _judge(name)(before, after)
            kinds = {-1: direction.narrower(), 1: direction.wider(), None: Kind.BREAKING}
            yield Difference(kinds[breadth], place, what)


def _of_default(before: Any, direction: Direction) -> Kind:
    """Another default is another meaning of leaving a value out; to name what happened anyway is none."""
    return Kind.BREAKING if direction is Direction.REQUEST and before is not None else Kind.CLARIFICATION


def _enum(
    before: list[Any], after: list[Any], *, direction: Direction, place: str, announced: frozenset[str]
) -> Iterator[Difference]:
    for value in before:
        if value not in after:
            yield Difference(direction.narrower(), place, f"enum lost {value!r}")
    for value in after:
        if value not in before:
            kind = Kind.ADDITIVE if value in announced else direction.wider()
            yield Difference(kind, place, f"enum gained {value!r}")


def _judge(name: str) -> _Judge:
    if name in _LOWER_BOUNDS:
        return _lower_bound
    if name in _UPPER_BOUNDS:
        return lambda old, new: _presence(old, new) or (-1 if new < old else 1)
    if name in _SWITCHES:
        return lambda old, new: -1 if new and not old else 1
    if name == "nullable":
        return lambda old, new: 1 if new and not old else -1
    if name in ("type", "format"):
        return lambda old, new: (
            _presence(old, new) or (1 if (old, new) in _WIDER else -1 if (new, old) in _WIDER else None)
        )
    if name == "pattern":
        return lambda old, new: _presence(old, new) or _names(old, new)
    if name == "enum":
        return _presence
    return lambda old, new: None


def _lower_bound(old: Any, new: Any) -> int | None:
    return _presence(old, new) or (-1 if new > old else 1)


def _presence(old: Any, new: Any) -> int | None:
    """A constraint that is new narrows, one that is gone widens; None when both editions have one."""
    return -1 if old is None else 1 if new is None else None


def _names(old: str, new: str) -> int | None:
    """Patterns for names out of a list, joined by commas: more names are wider. None for any other two."""
    before, after = (found and set(found["names"].split("|")) for found in map(_LIST_OF_NAMES.fullmatch, (old, new)))
    if not before or not after:
        return None
    return 1 if before < after else -1 if after < before else None


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
