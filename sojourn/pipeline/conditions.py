"""Conditional requests (RFC 9110 §13): the tag of a response, and whether the client has that response already."""

import hashlib
import re
from base64 import urlsafe_b64encode
from functools import lru_cache

ARGUMENT = "if_none_match"
"""The argument that the pipeline itself takes: no handler needs to know what the client has."""

_OPAQUE = re.compile(r'"([^"]*)"')


def entity_tag(body: bytes) -> bytes:
    """A strong validator: the SHA-256 of the bytes that are sent, so every process and every copy has the same one."""
    return b'"' + urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=") + b'"'


@lru_cache(maxsize=128)
def tag_of_static(body: bytes) -> bytes:
    """The validator of bytes that are sent again and again: they may be megabytes, and are hashed once."""
    return entity_tag(body)


def is_known(if_none_match: str, tag: bytes) -> bool:
    """Whether the client names this response: by `*`, or by its tag, weak or not (RFC 9110 §13.1.2, §8.8.3.2).

    `if_none_match` has the form that the contract asks for: the lines of the request, joined by commas.
    """
    return if_none_match == "*" or tag[1:-1].decode("ascii") in _OPAQUE.findall(if_none_match)
