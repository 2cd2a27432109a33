"""Checks the head of a request once it is complete (RFC 9112 §3, §6).

The parser accepts heads that HTTP does not allow. Version, target and framing are checked here, before the application
sees the request.
"""

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Any

from sojourn.domain.errors import DomainError, Violation
from sojourn.domain.short_texts import short_texts
from sojourn.problems.http_errors import MalformedRequest, TransferCodingUnknown, VersionNotSupported

JUDGED = frozenset({b"host", b"expect", b"content-length", b"transfer-encoding"})
"""The header fields that decide how a request is read."""

Fields = Sequence[tuple[bytes, bytes]]

_HOST = re.compile(
    rb"(?:\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[\w\-.~!$&'()*+,;=:]+)\]"
    rb"|(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_ABSOLUTE = re.compile(rb"https?://(?P<authority>[^/?]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_UNRESERVED = re.compile(rb"%(?:2[DdEe]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])")


def fault(version: str, parser: Any, *, target: bytes, judged: Fields) -> DomainError | None:
    """Why a request cannot be served as it stands, or None.

    `parser` knows the method; `judged` has the fields of `JUDGED` in their order, names in lower case.
    VersionNotSupported: neither HTTP/1.0 nor HTTP/1.1 (RFC 9110 §15.6.6). TransferCodingUnknown: anything but `chunked`
    alone (RFC 9112 §6.1). MalformedRequest: a Host that is missing, repeated or no host (RFC 9112 §3.2), a target of no
    form that the method takes, or a transfer coding in HTTP/1.0 or beside a length (RFC 9112 §6.1).
    """
    if version == "1.1" and len(judged) == 1 and judged[0][0] == b"host" and is_host(judged[0][1]):
        return None if _is_target(parser, target) else _bad_head("request", "http_target")
    if version not in ("1.1", "1.0"):
        return VersionNotSupported()
    hosts = codings = lengths = 0
    for name, value in judged:
        if name == b"host":
            hosts += 1
            if not is_host(value):
                return _bad_head("Host", "http_host")
        elif name == b"transfer-encoding":
            codings += 1
            if value.lower() != b"chunked":
                return TransferCodingUnknown()
        elif name == b"content-length":
            lengths += 1
    if hosts > 1 or (not hosts and version == "1.1"):
        return _bad_head("Host", "http_host")
    if codings and (codings > 1 or lengths or version == "1.0"):
        return _bad_head("Transfer-Encoding", "http_syntax")
    return None if _is_target(parser, target) else _bad_head("request", "http_target")


def origin_form(target: bytes) -> bytes:
    """A target that `fault` let pass, without its authority and with `/` for an empty path (RFC 9112 §3.2.2).

    Escapes of unreserved characters are equivalent to the characters (RFC 3986 §6.2.2.2) and become them in the path.
    """
    absolute = _ABSOLUTE.fullmatch(target) if target[:1] not in (b"/", b"*") else None
    if absolute is not None:
        target = absolute["rest"]
        target = target if target.startswith(b"/") else b"/" + target
    path, mark, query = target.partition(b"?")
    if b"%" in path:
        path = _UNRESERVED.sub(_character, path)
    return path + mark + query


def framing(judged: Fields) -> bytes | None:
    """The one header line that says where the body ends, or None when there is no body (RFC 9112 §6.3)."""
    for name, value in judged:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            return name + b": " + value + b"\r\n"
    return None


def declared_length(judged: Fields) -> int:
    """How long the body is said to be; 0 where nothing is said. The parser let digits pass only."""
    return next((int(value) for name, value in judged if name == b"content-length"), 0)


def expects_continue(judged: Fields) -> bool:
    """Whether the client waits for `100 Continue` (RFC 9110 §10.1.1)."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in judged)


@short_texts(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether this is a host with perhaps a port (RFC 9110 §7.2; RFC 3986 §3.2.2). An empty one is."""
    match = _HOST.fullmatch(value)
    if match is None or match["ipv6"] is None:
        return match is not None
    try:
        IPv6Address(match["ipv6"].decode("ascii"))
    except AddressValueError:
        return False
    return True


def _is_target(parser: Any, target: bytes) -> bool:
    if b"#" in target:
        return False
    method: bytes = parser.get_method()
    if target.startswith(b"/"):
        return method != b"CONNECT"
    if target == b"*":
        return method == b"OPTIONS"
    absolute = _ABSOLUTE.fullmatch(target)
    return absolute is not None and method != b"CONNECT" and is_host(absolute["authority"])


def _character(escape: re.Match[bytes]) -> bytes:
    return bytes((int(escape[0][1:], 16),))


def _bad_head(field: str, code: str) -> DomainError:
    return MalformedRequest([Violation(field, code)])
