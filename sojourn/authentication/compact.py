"""The compact form of a signed token (RFC 7515 §7.1), read strictly before any library sees it.

A token has one spelling: three parts of base64url without padding (RFC 7515 §2), each ending in zero bits
(RFC 4648 §3.5). What readers would ignore, they could not tell apart from the token that is meant. Header and payload
are JSON as RFC 7493 asks: UTF-8, no member twice, no NaN.
"""

import base64
import re
from typing import Any

from sojourn.domain.errors import InvalidToken
from sojourn.pipeline.bodies import BodyLimits, JsonReader
from sojourn.problems.http_errors import MalformedBody

MAX_CHARACTERS = 16384
"""The longest token that is looked at; a request's whole head may be as long by default."""

_PART = (
    r"(?=[A-Za-z0-9_-])(?:[A-Za-z0-9_-]{4})*"
    r"(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?"
)
_COMPACT = re.compile(rf"{_PART}\.{_PART}\.{_PART}")
_JSON = JsonReader(BodyLimits(max_bytes=MAX_CHARACTERS, max_depth=32, max_digits=64, timeout_seconds=0))


def require_compact(token: str) -> None:
    """Raises InvalidToken for what is not three non-empty parts of base64url, each in its one spelling."""
    if len(token) > MAX_CHARACTERS or _COMPACT.fullmatch(token) is None:
        raise InvalidToken().because("form", "form: not three parts of base64url, or too long (RFC 7515 §7.1)")


def read_compact(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload, not verified yet. Raises InvalidToken for any other form, and for what is not strict JSON."""
    require_compact(token)
    header, payload, _ = token.split(".")
    return _object(header), _object(payload)


def _object(part: str) -> dict[str, Any]:
    try:
        value = _JSON.read(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except MalformedBody:
        raise InvalidToken().because("form", "form: header or payload is not strict JSON") from None
    if not isinstance(value, dict):
        raise InvalidToken().because("form", "form: header or payload is no JSON object")
    return value
