"""Differences between two editions of the contract, and the two documents they are found in."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sojourn.openapi.document import follow


class Kind(IntEnum):
    """What a difference means for clients written against the older edition."""

    CLARIFICATION = 0
    """Words and examples: what is on the wire stays."""
    ADDITIVE = 1
    """Something new that nobody has to know of: clients go on working."""
    BREAKING = 2
    """A client that did right may now be refused, or miss what it was promised."""

    def __str__(self) -> str:
        return self.name.lower()


class Direction(IntEnum):
    """Who writes a value: what may be sent can grow, what may be received can shrink."""

    REQUEST = 0
    RESPONSE = 1

    def narrower(self) -> Kind:
        """What it means that fewer values are possible."""
        return Kind.BREAKING if self is Direction.REQUEST else Kind.ADDITIVE

    def wider(self) -> Kind:
        """What it means that more values are possible."""
        return Kind.ADDITIVE if self is Direction.REQUEST else Kind.BREAKING


@dataclass(frozen=True, order=True, slots=True)
class Difference:
    """One difference: `kind`, where it is (an operation or a component), and what it is."""

    kind: Kind
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind!s:<13} {self.place}: {self.what}"


class Edition:
    """One bundled contract, with its references."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle

    @property
    def version(self) -> tuple[int, ...]:
        """`info.version` as numbers: (major, minor, patch)."""
        return tuple(int(part) for part in self.bundle["info"]["version"].split("."))

    def resolve(self, value: Any) -> Any:
        """What a reference means; anything else is itself."""
        return follow(self.bundle, value)


class Pairs:
    """Two editions side by side. What stands in a component is told of once, under the component's name."""

    def __init__(self, old: Edition, new: Edition) -> None:
        self.old = old
        self.new = new
        self._told: set[tuple[str, str, Direction]] = set()

    def open(self, old: Any, new: Any, *, direction: Direction, place: str) -> tuple[Any, Any, str] | None:
        """What two values mean and the place to name for it; None when that was told of before."""
        name = _reference(new)
        if name is not None and name == _reference(old):
            kind, _, component = name.removeprefix("#/components/").partition("/")
            place = f"{component} ({direction.name.lower()})" if kind == "schemas" else f"{kind}/{component}"
            if (name, place, direction) in self._told:
                return None
            self._told.add((name, place, direction))
        return self.old.resolve(old), self.new.resolve(new), place


def _reference(value: Any) -> str | None:
    return value.get("$ref") if isinstance(value, dict) else None


WORDS = frozenset({"title", "summary", "description", "example", "examples", "externalDocs"})
"""Members that explain and bind nobody."""


def words(old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
    """The differences in what explains: a clarification each."""
    for name in sorted(WORDS & (old.keys() | new.keys())):
        if old.get(name) != new.get(name):
            yield Difference(Kind.CLARIFICATION, place, f"{name} {_verb(old, new, name=name)}")


def deprecation(old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
    """A new deprecation is an additive change; a changed date, or its withdrawal, is a clarification."""
    before, after = old.get("deprecated", False), new.get("deprecated", False)
    if after and not before:
        yield Difference(Kind.ADDITIVE, place, "deprecated")
    elif before and not after:
        yield Difference(Kind.CLARIFICATION, place, "no longer deprecated")
    if old.get("x-deprecation") != new.get("x-deprecation"):
        yield Difference(Kind.CLARIFICATION, place, f"x-deprecation {_verb(old, new, name='x-deprecation')}")


def _verb(old: dict[str, Any], new: dict[str, Any], *, name: str) -> str:
    return "added" if name not in old else "removed" if name not in new else "changed"
