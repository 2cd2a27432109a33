"""Differences between two editions of the contract, operation by operation."""

from collections.abc import Iterator
from typing import Any

from sojourn.openapi.changes.differences import Difference, Direction, Edition, Kind, Pairs, deprecation, words
from sojourn.openapi.changes.schemas import SchemaComparison
from sojourn.openapi.document import unresolved_operations

_PARAMETER_FORM = ("style", "explode", "allowReserved", "allowEmptyValue", "content")


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """Every difference between two bundles, the breaking ones first."""
    found = set(_Comparison(Edition(old), Edition(new)).differences())
    return sorted(found, key=lambda difference: (-difference.kind, difference.place, difference.what))


class _Comparison:
    def __init__(self, old: Edition, new: Edition) -> None:
        self._old = old
        self._new = new
        self._pairs = Pairs(old, new)
        self._schemas = SchemaComparison(self._pairs)

    def differences(self) -> Iterator[Difference]:
        old, new = self._old.bundle, self._new.bundle
        for name in sorted((old.keys() | new.keys()) - {"paths", "components", "security"}):
            before, after = old.get(name), new.get(name)
            if name == "info":
                before, after = _without(old[name], "version"), _without(new[name], "version")
            if before != after:
                yield Difference(Kind.CLARIFICATION, name, "changed")
        yield from self._schemes()
        before, after = dict(unresolved_operations(old)), dict(unresolved_operations(new))
        yield from (Difference(Kind.BREAKING, place, "operation removed") for place in before.keys() - after.keys())
        yield from (Difference(Kind.ADDITIVE, place, "operation added") for place in after.keys() - before.keys())
        for place in before.keys() & after.keys():
            yield from self._operation(before[place], after[place], place=place)

    def _schemes(self) -> Iterator[Difference]:
        """The ways to authenticate: all but their words is on the wire."""
        before, after = (edition.bundle["components"].get("securitySchemes", {}) for edition in (self._old, self._new))
        for name in sorted(before.keys() | after.keys()):
            one, other = before.get(name), after.get(name)
            if one is None or other is None:
                kind = Kind.ADDITIVE if one is None else Kind.BREAKING
                yield Difference(kind, name, f"security scheme {'added' if one is None else 'removed'}")
                continue
            yield from words(one, other, place=name)
            if _without(one, "description", "bearerFormat") != _without(other, "description", "bearerFormat"):
                yield Difference(Kind.BREAKING, name, "security scheme changed")

    def _operation(self, old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
        yield from words(old, new, place=place)
        yield from deprecation(old, new, place=place)
        if old.get("operationId") != new.get("operationId"):
            yield Difference(Kind.BREAKING, place, f"operationId {old.get('operationId')} → {new.get('operationId')}")
        if old.get("tags") != new.get("tags"):
            yield Difference(Kind.CLARIFICATION, place, "tags changed")
        yield from _alternatives(
            _security(old, self._old), _security(new, self._new), place=place, name="way to authenticate"
        )
        yield from _alternatives(_roles(old), _roles(new), place=place, name="role")
        yield from self._parameters(old, new, place=place)
        yield from self._body(old.get("requestBody"), new.get("requestBody"), place=place)
        yield from self._responses(old["responses"], new["responses"], place=place)

    def _parameters(self, old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
        before, after = self._by_name(old, self._old), self._by_name(new, self._new)
        for key in before.keys() | after.keys():
            here = f"{place} {key}"
            if key not in after:
                yield Difference(Kind.BREAKING, here, "parameter removed")
            elif key not in before:
                required = self._new.resolve(after[key]).get("required", False)
                kind = Kind.BREAKING if required else Kind.ADDITIVE
                yield Difference(kind, here, f"{'required' if required else 'optional'} parameter added")
            else:
                yield from self._parameter(before[key], after[key], place=here)

    def _parameter(self, old: Any, new: Any, *, place: str) -> Iterator[Difference]:
        if (opened := self._pairs.open(old, new, direction=Direction.REQUEST, place=place)) is None:
            return
        old, new, place = opened
        yield from words(old, new, place=place)
        yield from deprecation(old, new, place=place)
        yield from _required(old, new, direction=Direction.REQUEST, place=place)
        for name in _PARAMETER_FORM:
            if old.get(name) != new.get(name):
                yield Difference(Kind.BREAKING, place, f"{name} changed")
        yield from self._schemas.compare(
            old.get("schema", {}), new.get("schema", {}), direction=Direction.REQUEST, place=place
        )

    def _by_name(self, operation: dict[str, Any], edition: Edition) -> dict[str, Any]:
        """The parameters by place and name, as references where they are references."""
        parameters = [(edition.resolve(item), item) for item in operation.get("parameters", ())]
        return {f"{meant['in']} parameter {meant['name']}": item for meant, item in parameters}

    def _body(self, old: Any, new: Any, *, place: str) -> Iterator[Difference]:
        old, new, place = self._old.resolve(old), self._new.resolve(new), f"{place} body"
        if old is None and new is None:
            return
        if new is None:
            yield Difference(Kind.BREAKING, place, "request body removed")
        elif old is None:
            kind = Kind.BREAKING if new.get("required", False) else Kind.ADDITIVE
            yield Difference(kind, place, "request body added")
        else:
            yield from words(old, new, place=place)
            yield from _required(old, new, direction=Direction.REQUEST, place=place)
            yield from self._content(old, new, direction=Direction.REQUEST, place=place)

    def _content(
        self, old: dict[str, Any], new: dict[str, Any], *, direction: Direction, place: str
    ) -> Iterator[Difference]:
        before, after = old.get("content", {}), new.get("content", {})
        for media_type in before.keys() | after.keys():
            here = f"{place} {media_type}"
            if media_type not in after:
                yield Difference(Kind.BREAKING, here, "media type removed")
            elif media_type not in before:
                yield Difference(Kind.ADDITIVE, here, "media type added")
            else:
                one, other = before[media_type], after[media_type]
                yield from self._examples(one.get("examples", {}), other.get("examples", {}), place=here)
                yield from self._schemas.compare(
                    one.get("schema", {}), other.get("schema", {}), direction=direction, place=here
                )

    def _examples(self, old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
        for name in old.keys() | new.keys():
            if name not in new or name not in old:
                yield Difference(Kind.CLARIFICATION, place, f"example {name} {'added' if name in new else 'removed'}")
                continue
            opened = self._pairs.open(
                old[name], new[name], direction=Direction.RESPONSE, place=f"{place} example {name}"
            )
            if opened is not None and opened[0] != opened[1]:
                yield Difference(Kind.CLARIFICATION, opened[2], "changed")

    def _responses(self, old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
        for status in old.keys() | new.keys():
            # 304 comes only to who names a version of the response (RFC 9110 section 15.4.5): nobody else is surprised.
            here, success = f"{place} {status}", status[0] in "123" and status != "304"
            if status not in new:
                yield Difference(Kind.BREAKING if success else Kind.CLARIFICATION, here, "status is no longer answered")
            elif status not in old:
                yield Difference(Kind.BREAKING if success else Kind.ADDITIVE, here, "status added")
            else:
                yield from self._response(old[status], new[status], place=here)

    def _response(self, old: Any, new: Any, *, place: str) -> Iterator[Difference]:
        if (opened := self._pairs.open(old, new, direction=Direction.RESPONSE, place=place)) is None:
            return
        old, new, place = opened
        yield from words(old, new, place=place)
        if old.get("links") != new.get("links"):
            yield Difference(Kind.CLARIFICATION, place, "links changed")
        yield from self._headers(old.get("headers", {}), new.get("headers", {}), place=place)
        yield from self._content(old, new, direction=Direction.RESPONSE, place=place)

    def _headers(self, old: dict[str, Any], new: dict[str, Any], *, place: str) -> Iterator[Difference]:
        for name in old.keys() | new.keys():
            here = f"{place} header {name}"
            if name not in new:
                yield Difference(Kind.BREAKING, here, "header removed")
            elif name not in old:
                yield Difference(Kind.ADDITIVE, here, "header added")
            else:
                yield from self._header(old[name], new[name], place=here)

    def _header(self, old: Any, new: Any, *, place: str) -> Iterator[Difference]:
        if (opened := self._pairs.open(old, new, direction=Direction.RESPONSE, place=place)) is None:
            return
        old, new, place = opened
        yield from words(old, new, place=place)
        yield from deprecation(old, new, place=place)
        yield from _required(old, new, direction=Direction.RESPONSE, place=place)
        yield from self._schemas.compare(
            old.get("schema", {}), new.get("schema", {}), direction=Direction.RESPONSE, place=place
        )


def _required(old: dict[str, Any], new: dict[str, Any], *, direction: Direction, place: str) -> Iterator[Difference]:
    before, after = old.get("required", False), new.get("required", False)
    if after and not before:
        yield Difference(direction.narrower(), place, "became required")
    elif before and not after:
        yield Difference(direction.wider(), place, "is no longer required")


def _security(operation: dict[str, Any], edition: Edition) -> set[str]:
    """The ways to authenticate; empty when anybody may call."""
    requirements = operation.get("security", edition.bundle.get("security", []))
    return {" and ".join(sorted(requirement)) or "nobody" for requirement in requirements}


def _roles(operation: dict[str, Any]) -> set[str]:
    return set(operation.get("x-roles", ()))


def _alternatives(old: set[str], new: set[str], *, place: str, name: str) -> Iterator[Difference]:
    """Alternatives of which a caller needs one; none at all means that no caller needs any."""
    if not old or not new:
        if old or new:
            yield Difference(
                Kind.BREAKING if new else Kind.ADDITIVE, place, f"{name} {'demanded' if new else 'no longer demanded'}"
            )
        return
    yield from (Difference(Kind.BREAKING, place, f"{name} {value} no longer accepted") for value in sorted(old - new))
    yield from (Difference(Kind.ADDITIVE, place, f"{name} {value} accepted too") for value in sorted(new - old))


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key not in names}
