"""Parameters: from raw bytes to values the handler can take, with every violation found on the way.

A parameter is read exactly as the contract spells it. `+5`, `1_0`, ` 5 ` and full-width digits are no integers;
a query parameter that is sent twice or that nobody declared is a violation, never ignored.
Only scalars exist in this contract; any other parameter stops the server at start-up.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any
from urllib.parse import unquote_to_bytes

from sojourn.domain.errors import Violation
from sojourn.domain.short_texts import short_texts
from sojourn.pipeline.schemas import MAX_NAME, ContractError, Schema

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BOOLEANS = {"true": True, "false": False}
_MAX_NUMBER_LENGTH = 64


class Undecodable(Exception):
    """The text is no value of the parameter's type, or the bytes are no text."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of one operation, compiled. `not_with`: query parameters that exclude it (`x-not-with`)."""

    name: str
    argument: str
    required: bool
    default: Any
    decode: Callable[[str], Any]
    schema: Schema
    not_with: frozenset[str] = frozenset()

    def read(self, text: str, arguments: dict[str, Any], *, violations: list[Violation]) -> None:
        """Put the value in `text` among the arguments, or what is wrong with it among the violations."""
        try:
            value = self.decode(text)
        except Undecodable as error:
            violations.append(Violation(self.name, error.code, error.params, text))
            return
        if self.schema.accepts(value):
            arguments[self.argument] = value
        else:
            violations.extend(self.schema.explain(value, self.name))

    def leave_out(self, arguments: dict[str, Any], violations: list[Violation]) -> None:
        """What it means that the parameter was not sent: its default, or a violation."""
        if self.required:
            violations.append(Violation(self.name, "required"))
        else:
            arguments[self.argument] = self.default


def argument_of(name: str) -> str:
    """The argument by which a handler takes a parameter: `x_b` for `X-B`; a word of Python's own gets a `_`."""
    argument = name.lower().replace("-", "_")
    return argument + "_" if iskeyword(argument) else argument  # as Connexion does


def compile_parameter(definition: Mapping[str, Any]) -> Parameter:
    """A Parameter from an OpenAPI parameter object. Raises ContractError for what we do not serve."""
    name, schema = definition["name"], definition.get("schema", {})
    decode = _DECODERS.get(schema.get("type", ""))
    if decode is None or definition["in"] not in ("path", "query", "header"):
        raise ContractError(f"parameter {name!r}: only scalar path, query and header parameters are served")
    required = definition.get("required", False)
    return Parameter(
        name=name,
        argument=argument_of(name),
        required=required,
        default=schema.get("default"),
        decode=decode,
        schema=Schema(schema),
        not_with=frozenset(definition.get("x-not-with", ())),
    )


def percent_decode(raw: bytes, plus_is_space: bool = False) -> str:
    """Percent-decoding (RFC 3986 §2.1) that refuses what it cannot read.

    Raises Undecodable for a broken escape, for bytes that are no UTF-8 and for a NUL.
    """
    if plus_is_space and b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        if _BROKEN_ESCAPE.search(raw):
            raise Undecodable("encoding")
        raw = unquote_to_bytes(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Undecodable("encoding") from None
    if "\x00" in text:
        raise Undecodable("control_character")
    return text


def read_query(
    raw: bytes, parameters: Mapping[str, Parameter], *, arguments: dict[str, Any], violations: list[Violation]
) -> None:
    """Read the query string into `arguments`; whatever is wrong goes to `violations`."""
    seen: set[str] = set()
    for pair in raw.split(b"&") if raw else ():
        if not pair:
            continue
        name_bytes, _, value_bytes = pair.partition(b"=")
        try:
            name = _query_name(name_bytes)
        except Undecodable as error:
            violations.append(Violation("query", error.code, error.params))
            continue
        parameter = parameters.get(name)
        if parameter is None:
            violations.append(Violation(name[:MAX_NAME], "unknown_parameter"))
        elif name in seen:
            violations.append(Violation(name, "repeated_parameter"))
        else:
            seen.add(name)
            try:
                parameter.read(percent_decode(value_bytes, plus_is_space=True), arguments, violations=violations)
            except Undecodable as error:
                violations.append(Violation(name, error.code, error.params))
    for name, parameter in parameters.items():
        if name not in seen:
            parameter.leave_out(arguments, violations)
        elif parameter.not_with and (others := seen & parameter.not_with):
            violations.append(Violation(name, "not_together", {"other": min(others)}))


@short_texts(maxsize=256)
def _query_name(raw: bytes) -> str:
    """A parameter's name; the same few come with every request."""
    return percent_decode(raw, plus_is_space=True)


def read_path(
    raw_segments: tuple[bytes, ...],
    parameters: tuple[Parameter, ...],
    *,
    arguments: dict[str, Any],
    violations: list[Violation],
) -> None:
    """Read the templated segments of the path, in their order."""
    for raw, parameter in zip(raw_segments, parameters, strict=True):
        try:
            parameter.read(percent_decode(raw), arguments, violations=violations)
        except Undecodable as error:
            violations.append(Violation(parameter.name, error.code, error.params))


def read_headers(
    sent: Mapping[bytes, bytes],
    parameters: Mapping[bytes, Parameter],
    *,
    arguments: dict[str, Any],
    violations: list[Violation],
) -> None:
    """Read the declared headers; `sent` holds each header once."""
    for key, parameter in parameters.items():
        raw = sent.get(key)
        if raw is None:
            parameter.leave_out(arguments, violations)
            continue
        try:
            parameter.read(raw.decode(), arguments, violations=violations)
        except UnicodeDecodeError:
            violations.append(Violation(parameter.name, "encoding"))


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or text == "-0":
        raise Undecodable("type", type="integer")
    return int(text)


def _number(text: str) -> float:
    if len(text) > _MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        raise Undecodable("type", type="number")
    return float(text)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise Undecodable("type", type="boolean")
    return _BOOLEANS[text]


_DECODERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
