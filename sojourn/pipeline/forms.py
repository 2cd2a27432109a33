"""Form bodies (`application/x-www-form-urlencoded`), as OAuth asks of them (RFC 6749 §3.2, appendix B).

A parameter that the contract does not declare is ignored, one without a value counts as not sent, and one that comes
twice is refused unless the contract says that it is a list.
"""

from collections.abc import Mapping
from typing import Any

from sojourn.domain.errors import Violation
from sojourn.pipeline.parameters import Undecodable, percent_decode
from sojourn.problems.documents import MAX_VIOLATIONS

_LONGEST_NAME = 100
"""Names are read up to this length in characters: no declared one is longer."""


class FormReader:
    """Reads the forms of one operation. `schema` is that of the body: its properties are texts or lists of texts."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._is_list = {name: part.get("type") == "array" for name, part in schema.get("properties", {}).items()}

    def read(self, body: bytes, violations: list[Violation]) -> dict[str, Any]:
        """The declared parameters by name; whatever is wrong goes to `violations`, one more than a problem shows."""
        found: dict[str, Any] = {}
        for pair in body.split(b"&") if body else ():
            raw_name, _, raw_value = pair.partition(b"=")
            name = _name(raw_name)
            if name not in self._is_list or not raw_value:
                continue
            if len(violations) > MAX_VIOLATIONS:
                break
            try:
                value = percent_decode(raw_value, plus_is_space=True)
            except Undecodable as error:
                violations.append(Violation(name, error.code, error.params))
                continue
            if self._is_list[name]:
                found.setdefault(name, []).append(value)
            elif name in found:
                violations.append(Violation(name, "repeated_parameter"))
            else:
                found[name] = value
        return found


def _name(raw: bytes) -> str:
    """A parameter's name; empty, which no parameter is called, for what cannot be read or is too long."""
    if len(raw) > _LONGEST_NAME:
        return ""
    try:
        return percent_decode(raw, plus_is_space=True)
    except Undecodable:
        return ""
