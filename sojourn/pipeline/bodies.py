"""Request bodies: received within limits, then read as strict JSON (RFC 8259, RFC 7493).

Python's reader is lenient where ours is not: a repeated member, NaN, a number of thousands of digits, a lone
surrogate or a NUL inside a string are violations here, each with its place.
"""

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sojourn.domain.errors import DomainError, Violation
from sojourn.problems.http_errors import ContentTooLarge, MalformedBody, RequestTimeout

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
"""Strings and brackets. A string that never ends is one too: no text makes the scan begin again inside of it."""

_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SAFE_INTEGER = 2**53
_LARGEST_FRACTION = 2**52 - 0.5


class ClientGone(Exception):
    """The client closed the connection before its request was complete: nobody is left to answer."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may cost: bytes, nesting, digits of one number, and seconds to arrive."""

    max_bytes: int
    max_depth: int
    max_digits: int
    timeout_seconds: float


async def read_body(receive: Receive, declared: int | None, *, limits: BodyLimits) -> bytes:
    """The whole body. Raises ContentTooLarge as soon as the limit is passed, RequestTimeout when it is late.

    `declared` is the Content-Length, if there was one: a body that announces itself too large is not read.
    """
    if declared is not None and declared > limits.max_bytes:
        raise ContentTooLarge(limit=limits.max_bytes)
    message = await _next(receive, limits.timeout_seconds)
    if not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limits.max_bytes:
            raise ContentTooLarge(limit=limits.max_bytes)
        return body
    return await _read_rest(receive, message, limits=limits)


async def _read_rest(receive: Receive, message: MutableMapping[str, Any], *, limits: BodyLimits) -> bytes:
    chunks, size = [message.get("body", b"")], len(message.get("body", b""))
    deadline = asyncio.get_running_loop().time() + limits.timeout_seconds
    while message.get("more_body", False):
        if size > limits.max_bytes:
            raise ContentTooLarge(limit=limits.max_bytes)
        message = await _next(receive, deadline - asyncio.get_running_loop().time())
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
    if size > limits.max_bytes:
        raise ContentTooLarge(limit=limits.max_bytes)
    return b"".join(chunks)


async def _next(receive: Receive, seconds: float) -> MutableMapping[str, Any]:
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        raise RequestTimeout() from None
    if message["type"] == "http.disconnect":
        raise ClientGone()
    return message


class JsonReader:
    """Reads JSON bodies under the given limits."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        readers: Any = {
            "parse_int": self._integer,
            "parse_float": self._number,
            "parse_constant": _constant,
        }
        self._decoder = json.JSONDecoder(object_pairs_hook=_object, **readers)
        self._marking = json.JSONDecoder(object_pairs_hook=_marked_object, **readers)

    def read(self, body: bytes) -> Any:
        """The value that `body` holds. Raises MalformedBody with the place of what is wrong."""
        if body.count(b"{") + body.count(b"[") > self._limits.max_depth and self._depth(body) > self._limits.max_depth:
            raise _malformed("json_depth", limit=self._limits.max_depth)
        try:
            text = body.decode()
            try:
                value = self._decoder.decode(text)
            except _RepeatedMember:  # read once more, for the place of it
                place = _place(self._marking.decode(text), _repeated) or []
                raise MalformedBody([Violation(_written(place), "repeated_property")]) from None
        except UnicodeDecodeError:
            raise _malformed("encoding") from None
        except json.JSONDecodeError as error:
            raise _malformed("json_syntax", line=error.lineno, column=error.colno) from None
        if _SUSPICIOUS_ESCAPE.search(body):
            _refuse_control_characters(value)
        return value

    def _integer(self, digits: str) -> int:
        if len(digits) > self._limits.max_digits:
            raise _malformed("json_number", limit=self._limits.max_digits)
        return int(digits)

    def _number(self, digits: str) -> int | float:
        """A number with a zero fraction is an integer to JSON Schema, however it is written."""
        if len(digits) > self._limits.max_digits:
            raise _malformed("json_number", limit=self._limits.max_digits)
        value = float(digits)
        if value - value != 0:
            raise _malformed("json_number", limit=self._limits.max_digits)
        if not value.is_integer():
            return value
        if not _is_whole(digits):
            return _beside(value, digits)
        return int(value) if abs(value) < _SAFE_INTEGER else value

    @staticmethod
    def _depth(body: bytes) -> int:
        """How deep arrays and objects nest; what stands inside strings does not count."""
        depth = deepest = 0
        for token in _TOKENS.finditer(body):
            first = token[0][:1]
            if first in b"[{":
                depth += 1
                deepest = max(deepest, depth)
            elif first in b"]}":
                depth -= 1
        return deepest


def _is_whole(digits: str) -> bool:
    """Whether a number in JSON's notation has no fraction, judged by its digits and not by its nearest float."""
    mantissa, _, exponent = digits.lower().partition("e")
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    significant = (whole + fraction).rstrip("0")
    return not significant or len(whole) + int(exponent or 0) >= len(significant)


def _beside(value: float, digits: str) -> float:
    """The nearest float with a fraction, for the number in `digits`, which has one and was rounded to `value`."""
    if value == 0:
        return math.copysign(math.nextafter(0, 1), value)
    if abs(value) > _LARGEST_FRACTION:
        return math.copysign(_LARGEST_FRACTION, value)
    return math.nextafter(value, math.inf if Decimal(digits) > Decimal(value) else -math.inf)


class _RepeatedMember(Exception):
    """An object has two members of one name."""


class _Marked(dict[str, Any]):
    """An object with two members of one name, `repeated`."""

    repeated: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _RepeatedMember
    return result


def _marked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = _Marked(pairs)
    if len(result) == len(pairs):
        return dict(result)
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            result.repeated = name
            break
        seen.add(name)
    return result


Step = str | int
"""A step of a place inside a value: the name of a member, or the index of an item."""


def _place(value: Any, judge: Callable[[Any], list[Step] | None]) -> list[Step] | None:
    """The steps to the first value that `judge` finds fault with, in the order of the text; None when there is none.

    `judge` gives the steps from the value itself to the fault. The place is put together on the way back: nothing is
    written down for the values that are in order.
    """
    found = judge(value)
    if found is not None:
        return found
    inside: Iterable[tuple[Step, Any]] = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for step, item in inside:
        if isinstance(item, (dict, list, str)) and (found := _place(item, judge)) is not None:
            return [step, *found]
    return None


def _repeated(value: Any) -> list[Step] | None:
    return [value.repeated] if isinstance(value, _Marked) else None


def _control_character(value: Any) -> list[Step] | None:
    """A name that cannot be kept has no name to be shown by: its object is the place."""
    if isinstance(value, str):
        return None if _is_clean(value) else []
    return [] if isinstance(value, dict) and not all(_is_clean(name) for name in value) else None


def _written(steps: list[Step]) -> str:
    """A place as text, such as `x.items[0].a`; the body itself is `body`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".") or "body"


def _constant(name: str) -> Any:
    raise _malformed("json_constant", name=name)


def _malformed(code: str, **params: Any) -> DomainError:
    return MalformedBody([Violation("body", code, params)])


def _refuse_control_characters(value: Any) -> None:
    """NUL and lone surrogates cannot be stored everywhere and mean nothing in an id or a name."""
    if (place := _place(value, _control_character)) is not None:
        raise MalformedBody([Violation(_written(place), "control_character")])


def _is_clean(text: str) -> bool:
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False
