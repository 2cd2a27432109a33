"""How each kind of setting reads the text it is given; each raises ValueError with a sentence about it."""

import re
from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import urlsplit

from sojourn.domain.egress import read_allowed
from sojourn.settings.cores import usable_cores
from sojourn.settings.strength import is_loopback


def text_of(value: str) -> str:
    """Any text but an empty one."""
    if not value:
        raise ValueError("is empty")
    return value


def whole_number(value: str) -> int:
    """A whole number of up to twelve digits."""
    if not re.fullmatch(r"[0-9]{1,12}", value, re.ASCII):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def processes(value: str) -> int:
    """A whole number, or `auto`: one for each core that this process may use."""
    if value == "auto":
        return usable_cores()
    try:
        return whole_number(value)
    except ValueError:
        raise ValueError(f"{value!r} is neither a whole number nor `auto`") from None


def truth(value: str) -> bool:
    """`true` or `false`, also as 1/0 and yes/no."""
    if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(f"{value!r} is neither true nor false")
    return value.lower() in ("true", "1", "yes")


def items(value: str) -> tuple[str, ...]:
    """Items separated by commas."""
    return tuple(item.strip() for item in value.split(",") if item.strip())


def hosts_and_networks(value: str) -> tuple[str, ...]:
    """Names of hosts, addresses and networks, separated by commas."""
    found = items(value)
    read_allowed(found)
    return found


def pairs(value: str) -> tuple[str, ...]:
    """Items of the form `from=to`, separated by commas; the last `=` of an item parts it."""
    found = items(value)
    for item in found:
        before, _, after = item.rpartition("=")
        if not before.strip() or not after.strip():
            raise ValueError(f"{item!r} is not of the form from=to")
    return found


def issuers(value: str) -> tuple[str, ...]:
    """Issuer identifiers (RFC 8414 §2): https URLs without query, http on this machine only."""
    found = items(value)
    for item in found:
        parts = urlsplit(item)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not secure or not parts.hostname or parts.query or parts.fragment or parts.username is not None:
            raise ValueError(f"{item!r} is not an https URL without query (http on this machine only)")
    return found


def issuer(value: str) -> str:
    """One such issuer."""
    found = issuers(value)
    if len(found) != 1:
        raise ValueError(f"{value!r} is not one issuer")
    return found[0]


def origins(value: str) -> tuple[str, ...]:
    """Origins as browsers write them (RFC 6454 §6.2): https, http on this machine only."""
    found = items(value)
    for item in found:
        if item in ("*", "null"):
            raise ValueError(f"{item!r} would let every page call: name each origin")
        found_parts = re.fullmatch(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:]+\])(?::([1-9][0-9]{0,4}))?", item)
        scheme, host, port = found_parts.groups() if found_parts else ("", "", None)
        secure = scheme == "https" or (scheme == "http" and is_loopback(host.strip("[]")))
        if not secure or int(port or 0) > 65535:
            raise ValueError(
                f"{item!r} is not an origin such as https://app.example.com: scheme, host in lower case, port where it"
                " is another than the scheme's, nothing behind it (http on this machine only)"
            )
        if port == {"https": "443", "http": "80"}[scheme]:
            raise ValueError(f"{item!r} names the scheme's own port: browsers leave it out")
    return found


def one_of(choices: Any) -> Callable[[str], str]:
    """One of the texts of a Literal type, in any letter case."""
    allowed: tuple[str, ...] = get_args(choices)
    by_name = {name.lower(): name for name in allowed}

    def read(value: str) -> str:
        if value.lower() not in by_name:
            raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        return by_name[value.lower()]

    return read


def base_path(value: str) -> str:
    """An absolute path, without a slash at its end."""
    if not re.fullmatch(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*/?)?", value):
        raise ValueError(f"{value!r} is not an absolute path such as /session/api/v1")
    return value.rstrip("/") or "/"


def public_url(value: str) -> str:
    """An http or https URL, without a slash at its end."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~/-]*)?", value):
        raise ValueError(f"{value!r} is not an http or https URL without query")
    return value.rstrip("/")
