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


async def read_body(receive: Receive, declared: int | None, limits: BodyLimits) -> bytes:
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
    return await _read_rest(receive, message, limits)


async def _read_rest(receive: Receive, message: MutableMapping[str, Any], limits: BodyLimits) -> bytes:
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
                place = _place_of_repeated(self._marking.decode(text))
                raise MalformedBody([Violation(place or "body", "repeated_property")]) from None
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
        for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', body, re.DOTALL):
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
    names = [name for name, _ in pairs]
    result.repeated = next(name for number, name in enumerate(names) if name in names[:number])
    return result


def _place_of_repeated(value: Any, path: str = "") -> str | None:
    """Where the first repeated member stands, such as `x.items[0].a`; None when there is none in `value`."""
    if isinstance(value, _Marked):
        return _member(path, value.repeated)
    inside: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        inside = ((_member(path, name), item) for name, item in value.items())
    elif isinstance(value, list):
        inside = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    return next((found for place, item in inside if (found := _place_of_repeated(item, place))), None)


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _constant(name: str) -> Any:
    raise _malformed("json_constant", name=name)


def _malformed(code: str, **params: Any) -> DomainError:
    return MalformedBody([Violation("body", code, params)])


def _refuse_control_characters(value: Any, path: str = "") -> None:
    """NUL and lone surrogates cannot be stored everywhere and mean nothing in an id or a name."""
    if isinstance(value, str):
        if "\x00" in value or not _encodable(value):
            raise MalformedBody([Violation(path or "body", "control_character")])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_control_characters(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_control_characters(name, "body")
            _refuse_control_characters(item, _member(path, name))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
