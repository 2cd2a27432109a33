"""Deprecations: responses to requests that use a deprecated operation or parameter say so.

The contract says since when and until when: `deprecated: true` comes with `x-deprecation`, which has two instants (RFC
3339, quoted). A successful response then carries `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), for a parameter
only if the request has it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from sojourn.pipeline.parameters import percent_decode
from sojourn.pipeline.requests import Request
from sojourn.pipeline.schemas import ContractError

HEADERS = ("Deprecation", "Sunset")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since when something is deprecated, and when it goes; both in UTC."""

    since: datetime
    sunset: datetime


@dataclass(frozen=True, slots=True)
class Deprecations:
    """What is deprecated in one operation: itself, query parameters by name, headers by lower-case name."""

    operation: Deprecation | None
    query: Mapping[str, Deprecation]
    headers: Mapping[bytes, Deprecation]

    def announce(self, request: Request) -> list[tuple[bytes, bytes]]:
        """The headers for an answer to `request`, whose parameters are known to be valid: the earliest instants."""
        used = [] if self.operation is None else [self.operation]
        used += [found for name, found in self.headers.items() if name in request.headers]
        if self.query:
            sent = {percent_decode(pair.partition(b"=")[0], plus_is_space=True) for pair in request.query.split(b"&")}
            used += [found for name, found in self.query.items() if name in sent]
        if not used:
            return []
        since = min(found.since for found in used)
        sunset = min(found.sunset for found in used)
        return [
            (b"deprecation", b"@%d" % since.timestamp()),
            (b"sunset", format_datetime(sunset, usegmt=True).encode()),
        ]


def compile_deprecations(
    operation_id: str,
    definition: Mapping[str, Any],
    *,
    parameters: Iterable[Mapping[str, Any]],
    success: Mapping[str, Any],
) -> Deprecations | None:
    """What of an operation is deprecated, or None. `success` is its response of success.

    Raises ContractError when a deprecation lacks its instants, or the answer does not declare the headers.
    """
    operation = _deprecation(operation_id, definition)
    found: dict[str, dict[str, Deprecation]] = {"path": {}, "query": {}, "header": {}}
    for parameter in parameters:
        one = _deprecation(f"{operation_id}: {parameter['name']}", parameter)
        if one is not None:
            found[parameter["in"]][parameter["name"]] = one
    if found["path"]:
        raise ContractError(f"{operation_id}: a part of the path goes with its operation: deprecate that")
    if operation is None and not found["query"] and not found["header"]:
        return None
    if missing := [name for name in HEADERS if name not in success.get("headers", {})]:
        raise ContractError(f"{operation_id}: its success must declare the headers {' and '.join(missing)}")
    headers = {name.lower().encode(): one for name, one in found["header"].items()}
    return Deprecations(operation, found["query"], headers)


def _deprecation(place: str, definition: Mapping[str, Any]) -> Deprecation | None:
    if not definition.get("deprecated", False):
        if "x-deprecation" in definition:
            raise ContractError(f"{place}: x-deprecation stands beside `deprecated: true`")
        return None
    instants = definition.get("x-deprecation", {})
    try:
        since, sunset = (datetime.fromisoformat(instants[name]) for name in ("since", "sunset"))
        if since.utcoffset() is None or since >= sunset:  # an instant without an offset is none
            raise ValueError
    except (KeyError, TypeError, ValueError):
        example = "since: '2026-01-01T00:00:00Z', sunset: '2027-01-01T00:00:00Z'"
        raise ContractError(f"{place}: what is deprecated needs x-deprecation, such as {{{example}}}") from None
    return Deprecation(since, sunset)
