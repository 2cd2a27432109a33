"""Texts, values and bodies of any size that are made to be dear to whoever reads them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

Text = Callable[[int], str]
Body = Callable[[int], bytes]


def _fill(begin: str, part: str, end: str = "") -> Text:
    return lambda size: begin + part * (max(0, size - len(begin) - len(end)) // len(part)) + end


TEXTS: dict[str, Text] = {
    repr(begin + part + "…" + end): _fill(begin, part, end)
    for begin, part, end in (
        ("", "a", "!"), ("", "a", ""), ("", "-a", "!"), ("zh", "-a", ""), ("", "a-", ""), ("", "a.", "!"),
        ("", ".", "a"), ("", "0", "!"), ("", "0", ""), ("", "0.", "a"), ("1", "0e", ""), ("", "1:", ""),
        ("[", "::", "]"), ("", "f:", ""), ("", " ", "a"), ("a", " ", "a"), ("", "\t", "a"), ("", "a@", ""),
        ("", "@", "a"), ("", "/", "a"), ("", "a/", ""), ("", "a_", "!"), ("", "eyJ", ""), ("", "eyJa.", "!"),
        ("eyJ", "a", "."), ("", "sj_0", ""), ("sj_", "0", ""), ("rt_", "a", "!"), ("", "%41", "%"),
        ("", "%", ""), ("", "h1m", "!"), ("", "1h", ""), ("", "é", "!"),
    )
}  # fmt: skip
"""Texts for patterns and formats, for what a body says and for what a log says."""

FIELDS: dict[str, Text] = TEXTS | {
    repr(begin + part + "…" + end): _fill(begin, part, end)
    for begin, part, end in (
        ("", ",", ""), ("", "a,", ""), ("", ", ", "a"), ("", ";", ""), ("a", ";a", ""), ("a/b", ";q", ""),
        ("", "a;a=a,", ""), ("a/b", ";q=0.000", ""), ("", "a/b;q=1.000,", ""), ("", "*/*;q=0,", ""),
        ("", '"', ""), ('"', '\\"', ""), ('a;a="', "\\a", '"'), ('a;a="', '\\"', ""), ("", '"a",', ""),
        ("", '"\\",', ""), ("", "*;q=0,", ""), ("", "zh-hant-tw,", ""), ("en;q=", "0", ""),
        ("", "zh-a-a-a-a-a-a-a-a-a,", ""), ("", "=", ""), ("a", "=a", ""), ("Bearer ", "a", ""),
        ("Bearer ", "a.", ""), ("Bearer ", " ", "a"), ("Bearer eyJhbGciOiJIUzI1NiJ9.", "W1tb", ".a"),
        ("Bearer W1tb", "W1tb", ".a.a"), ("Bearer eyJhbGciOiJIUzI1NiJ9.", "eyJh", ".a"), ("00-", "0", "-0"),
        ("", "00-", ""), ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", "a", ""),
        ("", "identity,", "a"), ("", "chunked,", ""), ("chunked", " ", "a"), ("100-continue", " ", "a"),
    )
}  # fmt: skip
"""Values for header fields: those texts, and lists, parameters, quotes and credentials."""


def _items(*kinds: Callable[[int], Any]) -> Callable[[int], list[Any]]:
    """A list of so many bytes, roughly, with items of each kind in turn."""

    def make(size: int) -> list[Any]:
        each = max(1, sum(len(json.dumps(kind(1000))) + 2 for kind in kinds))
        return [kind(number) for number in range(size // each) for kind in kinds]

    return make


VALUES: dict[str, Callable[[int], Any]] = TEXTS | {
    "a list of numbers": _items(lambda n: n),
    "a list of numbers and texts": _items(lambda n: n, str),
    "a list of objects": _items(lambda n: {"a": n}),
    "a list of lists and objects": _items(lambda n: [n], lambda n: {"a": n}, lambda n: n),
    "a list of one text": _items(lambda n: "a"),
    "a list of texts": _items(lambda n: f"a{n}"),
    "a list of nulls": _items(lambda n: None),
    "an object": lambda size: {f"a{n:06}": n for n in range(size // 18)},
    "an object with long names": lambda size: {f"{n:04}" + "a" * 400: n for n in range(size // 412)},
    "a list in a list in a list": lambda size: [[[[n] for n in range(size // 9)]]],
}
"""Values for the members of a body."""


def _object(count: int) -> str:
    return ",".join(f'"a{n:06}":1' for n in range(count))


BODIES: dict[str, Body] = {
    "a string that never ends": lambda size: b"[" * 40 + b'"' + b'\\"' * (size // 2),
    "a string that never ends, with brackets": lambda size: b"[" * 40 + b'"' + b'["' * (size // 2),
    "a backslash without an end": lambda size: b"[" * 40 + b'"' + b"\\" * size,
    "arrays in arrays": lambda size: b"[" * size,
    "objects in objects": lambda size: b'{"a":' * (size // 5),
    "arrays that end and begin": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
    "brackets in a string": lambda size: b'{"a":"' + b"[" * size + b'"}',
    "quotes in a string": lambda size: b'{"a":"' + b'\\"' * (size // 2) + b'"}',
    "members that nobody knows": lambda size: ("{" + _object(size // 12) + "}").encode(),
    "a member that comes twice, at the end": lambda size: ("{" + _object(size // 12) + ',"z":1,"z":1}').encode(),
    "members that come twice, far inside": lambda size: (
        '{"' + "a" * (size // 2) + '":[' + "1," * (size // 5) + '{"z":1,"z":1}]}'
    ).encode(),
    "a control character behind a list": lambda size: (
        '{"' + "a" * (size // 2) + '":[' + "1," * (size // 5) + '"\\u0000"]}'
    ).encode(),
    "control characters": lambda size: b'{"a":"' + b"\\u0000" * (size // 6) + b'"}',
    "halves of characters": lambda size: b'{"a":"' + b"\\ud800" * (size // 6) + b'"}',
    "letters in escapes": lambda size: b'{"a":"' + b"\\u0061" * (size // 6) + b'","b":"\\u0000"}',
    "a long number": lambda size: b'{"a":' + b"1" * size + b"}",
    "a long fraction": lambda size: b'{"a":0.' + b"1" * size + b"}",
    "a long exponent": lambda size: b'{"a":1e' + b"1" * size + b"}",
    "numbers": lambda size: b"[" + b"1," * (size // 2) + b"1]",
    "whole numbers with fractions": lambda size: b"[" + b"1.00," * (size // 5) + b"1]",
    "numbers beside whole ones": lambda size: b"[" + b"9.00000000000000000000001e9," * (size // 28) + b"1]",
    "white space": lambda size: b" " * size + b"{",
    "lines": lambda size: b"\n" * size + b"{",
    "commas": lambda size: b"{" + b"," * size,
    "no text": lambda size: b'{"a":"' + "é".encode() * (size // 2) + b'\xff"}',
    "a value and another": lambda size: b"{}" * (size // 2),
}
"""Whole bodies."""


Way = tuple[str | int, ...]


def places(schema: Any, way: Way = (), depth: int = 0) -> Iterator[tuple[Way, dict[str, Any]]]:
    """Every place that a body's schema knows, with its schema: members of objects and items of lists, five deep."""
    if not isinstance(schema, dict) or depth > 5:
        return
    if way:
        yield way, schema
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from (found for found in places(part, way, depth + 1) if found[0] != way)
    for name, part in schema.get("properties", {}).items():
        yield from places(part, (*way, name), depth + 1)
    if "items" in schema:
        yield from places(schema["items"], (*way, 0), depth + 1)


def with_value(body: Any, way: Way, value: Any) -> Any:
    """A body that has `value` at a place, and is otherwise as it was."""
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        first = body[0] if isinstance(body, list) and body else None
        return [with_value(first, rest, value)]
    return {**(body if isinstance(body, dict) else {}), step: with_value((body or {}).get(step), rest, value)}
