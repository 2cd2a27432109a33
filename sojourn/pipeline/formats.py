"""The string formats the contract may use, each checked by one function.

Both validators (the fast one and the explaining one) use these functions. The server does not start if the contract
uses another format, which nothing would check.
"""

import re
import socket
from collections.abc import Callable
from datetime import date, datetime

_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
_URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,255}")


def is_date_time(text: str) -> bool:
    """RFC 3339 §5.6, lower-case `t` and `z` and the leap second 60 included."""
    match = _DATE_TIME.fullmatch(text)
    if match is None or match[2] > "23:59":
        return False
    seconds = "59" if match[3] == "60" else match[3]
    try:
        datetime.fromisoformat(f"{match[1]}T{match[2]}:{seconds}{match[5].upper()}")
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """RFC 3339 §5.6, `full-date`."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_uuid(text: str) -> bool:
    """RFC 9562 §4, either case."""
    return _UUID.fullmatch(text) is not None


def is_ipv4(text: str) -> bool:
    """Dotted quad, as `inet_pton` reads it."""
    return _is_address(socket.AF_INET, text)


def is_ipv6(text: str) -> bool:
    """RFC 4291 §2.2 without a zone, as `inet_pton` reads it."""
    return _is_address(socket.AF_INET6, text)


def is_ip_network(text: str) -> bool:
    """An address, or a network as an address of it and the length of its prefix (RFC 4632 §3.1, RFC 4291 §2.3)."""
    address, slash, length = text.partition("/")
    bits = 32 if is_ipv4(address) else 128 if is_ipv6(address) else -1
    return bits > 0 and (not slash or (_PREFIX.fullmatch(length) is not None and int(length) <= bits))


def is_uri_reference(text: str) -> bool:
    """RFC 3986 §4.1, by its character set."""
    return _URI_REFERENCE.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """An address as people have them: one `@`, something on both sides."""
    return _EMAIL.fullmatch(text) is not None


def _is_address(family: int, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


CHECKS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "uuid": is_uuid,
    "ip-network": is_ip_network,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "uri": is_uri_reference,
    "uri-reference": is_uri_reference,
    "email": is_email,
}

UNCHECKED = frozenset({"password", "binary", "float", "double"})
"""Formats that say something to readers and constrain nothing."""

INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
