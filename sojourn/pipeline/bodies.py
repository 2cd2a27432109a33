"""Request bodies: received within limits, then read as strict JSON (RFC 8259, RFC 7493).

Python's reader is lenient where ours is not: a repeated member, NaN, a number of thousands of digits, a lone
surrogate or a NUL inside a string are violations here, each with its place.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from domain.errors import DomainError, Violation
from sojourn.http_errors import ContentTooLarge, MalformedBody, RequestTimeout

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SAFE_INTEGER = 2**53


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
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_int=self._integer, parse_float=self._number, parse_constant=_constant
        )

    def read(self, body: bytes) -> Any:
        """The value that `body` holds. Raises MalformedBody with the place of what is wrong."""
        if body.count(b"{") + body.count(b"[") > self._limits.max_depth and self._depth(body) > self._limits.max_depth:
            raise _malformed("json_depth", limit=self._limits.max_depth)
        try:
            value = self._decoder.decode(body.decode())
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
        return int(value) if value.is_integer() and abs(value) < _SAFE_INTEGER else value

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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise MalformedBody([Violation(name, "repeated_property")])
            seen.add(name)
    return result


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
            _refuse_control_characters(item, f"{path}.{name}" if path else name)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
