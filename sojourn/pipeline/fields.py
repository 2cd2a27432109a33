"""Header fields that are lists or carry parameters, taken apart with their quotes understood (RFC 9110 §5.6)."""

import re

_LISTS = re.compile(r'"(?:[^"\\]|\\.)*"?|,', re.DOTALL)
_PARAMETERS = re.compile(r'"(?:[^"\\]|\\.)*"?|;', re.DOTALL)
_PARAMETER = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*"
    r"(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
    r'|"((?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)")'
)
_QUOTED_PAIR = re.compile(r"\\(.)")


def list_members(text: str) -> list[str]:
    """The members of a list (RFC 9110 §5.6.1) without the space around them; empty ones do not count.

    A comma inside a quoted string separates nothing.
    """
    return [member for member in _split(text, _LISTS) if member]


def with_parameters(text: str) -> tuple[str, list[tuple[str, str] | None]]:
    """A value and its parameters (RFC 9110 §5.6.6): `text/html;q=0.5` is `text/html` with `("q", "0.5")`.

    Value and names are in lower case. A quoted string is given as what it means, its quoted pairs undone. What is no
    parameter is None.
    """
    value, *parameters = _split(text, _PARAMETERS)
    return value.lower(), [_parameter(part) for part in parameters if part]


def _parameter(text: str) -> tuple[str, str] | None:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        return None
    value = match[2] if match[2] is not None else _QUOTED_PAIR.sub(r"\1", match[3])
    return match[1].lower(), value


def _split(text: str, separators: re.Pattern[str]) -> list[str]:
    """The parts between separators; a quoted string, which `separators` matches too, is no separator."""
    parts, start = [], 0
    for match in separators.finditer(text):
        if not match[0].startswith('"'):
            parts.append(text[start : match.start()].strip(" \t"))
            start = match.end()
    parts.append(text[start:].strip(" \t"))
    return parts
