"""Texts that a schema takes and texts that it only just refuses, and a second reading of what it says of texts.

The second reading shares nothing with the program's: whole matches in place of anchors, the standard library's readers
of addresses, instants and UUIDs.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from typing import Any

from hypothesis import strategies as st

EDGES = "\x00\t\n\r\x1b\x1f !\"#%&'+,-./09:;<=?@AZ[\\]^_`az{|}~\x7f\x80\x85\xa0\xad\xb5µé１\u200b\u2028\ufeff\uffff😀"
"""Characters beside which classes of characters begin or end, and those that readers are apt to take for others."""
# fmt: off
INSTANTS = [
    "2026-04-15T08:00:00Z",
    "2026-04-15t08:00:00z",
    "2026-04-15T08:00:00.123456789Z",
    "2026-04-15T08:00:60Z",
    "2016-12-31T23:59:60Z",
    "2026-04-15T08:00:61Z",
    "2026-02-29T08:00:00Z",
    "2024-02-29T08:00:00Z",
    "2026-04-15T24:00:00Z",
    "2026-04-15T08:60:00Z",
    "2026-04-15T08:00:00+23:59",
    "2026-04-15T08:00:00-00:00",
    "2026-04-15T08:00:00+24:00",
    "2026-04-15T08:00:00+0100",
    "2026-04-15T08:00:00",
    "2026-04-15",
    "2026-04-15T08:00Z",
    "20260415T080000Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    "2026-04-15T08:00:00,5Z",
    "2026-W16-3T08:00:00Z",
    "2026-04-15T08:00:00.Z",
    "2026-04-15T08:00:00ZZ",
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "2026-04-15T08:00:00+01:0０",
]
ADDRESSES = [
    "127.0.0.1",
    "127.0.0.01",
    "127.1",
    "0.0.0.0",
    "255.255.255.255",
    "256.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "0x7f.0.0.1",
    "1.2.3.4.",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:1.2.3.4",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9",
    "12345::1",
    "::g",
    "::",
    ":::1",
    "1::2::3",
    "0000:0000:0000:0000:0000:0000:255.255.255.255",
    "::1.2.3",
    "::1.2.3.04",
    "1:2:3:4:5:6:1.2.3.4",
    "[::1]",
]
UUIDS = [
    "01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "01968A3C-5C00-7000-8000-00A1B2C3D4E5",
    "01968a3c5c007000800000a1b2c3d4e5",
    "{01968a3c-5c00-7000-8000-00a1b2c3d4e5}",
    "urn:uuid:01968a3c-5c00-7000-8000-00a1b2c3d4e5",
    "00000000-0000-0000-0000-000000000000",
    "01968a3c-5c00-7000-8000-00a1b2c3d4e",
    "01968a3c-5c007000-8000--00a1b2c3d4e5",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
]
# fmt: on
NETWORKS = [
    *[
        "192.0.2.0/24",
        "192.0.2.7/24",
        "0.0.0.0/0",
        "192.0.2.1/32",
        "192.0.2.1/33",
        "192.0.2.0/024",
        "192.0.2.0/",
        "/24",
    ],
    *["192.0.2.0/+4", "192.0.2.0/255.255.255.0", "192.0.2/24", "2001:db8::/32", "::/0", "::1/128", "::1/129", "::/ 8"],
]
REFERENCES = ["", "/problems/x", "http://[::1]/", "a b", "%zz", "%20", "é", "<x>", "?a=b#c", "\\", "a|b", "{x}"]
KNOWN = {
    "date-time": [*INSTANTS, "2026-04-15 08:00:00Z"],
    "ipv4": ADDRESSES,
    "ipv6": ADDRESSES,
    "ip-network": [*ADDRESSES, *NETWORKS],
    "uuid": UUIDS,
    "uri-reference": REFERENCES,
    "password": ["x"],
}

_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:]{8})(?:\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})*")


def takes(schema: dict[str, Any], text: str) -> bool:
    """Whether a schema of strings takes a text."""
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        return False
    if "enum" in schema and text not in schema["enum"]:
        return False
    if "pattern" in schema and re.fullmatch(inner(schema["pattern"]), text) is None:
        return False
    if "anyOf" in schema and not any(takes(part, text) for part in schema["anyOf"]):
        return False
    return _has_format(schema.get("format", "password"), text)


def inner(pattern: str) -> str:
    """What stands between the anchors of a pattern. Fails for one that says anything about a part of a text only."""
    assert pattern[0] == "^", pattern
    assert pattern[-1] == "$", pattern
    assert not re.search(r"\\[dwsbDWSBpP]|\(\?|[^\\\[]\^|\$.", pattern[1:]), f"{pattern}: read differently elsewhere"
    return f"(?:{pattern[1:-1]})"


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts for a schema: about half of them good, the others wrong in one place or by one character in length."""
    good = st.one_of(*_good(schema))
    least, most = schema.get("minLength", 0), schema.get("maxLength", 64)
    lengths = st.sampled_from(sorted({0, 1, least - 1, least, most - 1, most, most + 1} - {-1}))
    return st.one_of(
        good,
        good,
        st.builds(_spoiled, good, st.sampled_from(EDGES), at=st.integers(0, 70), kind=st.integers(0, 3)),
        st.builds(_stretched, good, lengths),
    )


def _good(schema: dict[str, Any]) -> Iterator[st.SearchStrategy[str]]:
    for part in (schema, *schema.get("anyOf", ())):
        if "enum" in part:
            yield st.sampled_from(part["enum"])
        elif part.get("format", "password") != "password":
            yield st.sampled_from(KNOWN[part["format"]])
        elif "pattern" in part:
            yield st.from_regex(part["pattern"], fullmatch=True)


def _spoiled(text: str, character: str, *, at: int, kind: int) -> str:
    """A text with a character put in, put in place of another, or put behind; or with one less."""
    at = min(at, len(text))
    return (text[:at] + character + text[at:], text[:at] + character + text[at + 1 :], text + character, text[:-1])[
        kind
    ]


def _stretched(text: str, length: int) -> str:
    """A text of a length, its last character but one again and again: what it ends in still ends it."""
    if len(text) >= length or len(text) < 2:
        return (text or "a").ljust(length, (text or "a")[-1])[:length]
    return text[:-1] + text[-2] * (length - len(text)) + text[-1]


def _has_format(name: str, text: str) -> bool:
    match name:
        case "password":
            return True
        case "date-time":
            return _is_instant(text)
        case "uuid":
            return _UUID.fullmatch(text) is not None
        case "uri-reference":
            return _REFERENCE.fullmatch(text) is not None
        case "ipv4" | "ipv6":
            try:
                IPv4Address(text) if name == "ipv4" else IPv6Address(text)
            except AddressValueError:
                return False
            return "%" not in text  # a zone is no part of an address (RFC 4291 §2.2)
        case "ip-network":
            return _is_network(text)
    raise AssertionError(f"a format that nobody checks: {name}")


def _is_network(text: str) -> bool:
    """An address, or one with the length of a prefix in digits."""
    address, slash, length = text.partition("/")
    if slash and (not re.fullmatch("[0-9]{1,3}", length) or str(int(length)) != length):
        return False
    if "%" in address:
        return False
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_instant(text: str) -> bool:
    """RFC 3339 §5.6, with a leap second wherever it is said to be."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return False
    day, time, zone = found.groups()
    try:
        hour, minute, second = map(int, time.split(":"))
        datetime(*map(int, day.split("-")), hour, minute, min(second, 59), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return False
    return len(time.split(":")) == 3 and second <= 60 and (zone in "Zz" or (zone[1:3] < "24" and zone[4:] < "60"))
