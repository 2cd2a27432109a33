"""Finds the key set of an issuer by its metadata (discovery).

OpenID Connect Discovery 1.0 §4 puts the metadata below the issuer, RFC 8414 §3 before its path; both are tried.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sojourn.authentication.key_source import DEADLINE_SECONDS, KeySetError, KeySource
from sojourn.settings.strength import is_loopback


class DiscoveredSource:
    """The key set of one issuer. Where it is, is kept until it cannot be read there any more."""

    def __init__(self, issuer: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._issuer = issuer
        self._deadline_seconds = deadline_seconds
        self._place: str | None = None

    async def read(self) -> bytes:
        """The bytes of the key set. Raises KeySetError, after about `deadline_seconds` at the latest."""
        ends = time.monotonic() + self._deadline_seconds
        place = self._place or await self._discover(ends)
        try:
            raw = await _read(place, ends)
        except KeySetError:
            self._place = None
            raise
        self._place = place
        return raw

    async def _discover(self, ends: float) -> str:
        """Where the key set is. Raises KeySetError with what went wrong at each place of the metadata."""
        failures = []
        for place in metadata_places(self._issuer):
            try:
                return key_set_place(await _read(place, ends), self._issuer)
            except KeySetError as error:
                failures.append(str(error))
        raise KeySetError(f"issuer {self._issuer}: " + "; ".join(failures))


async def _read(place: str, ends: float) -> bytes:
    return await KeySource(place, max(ends - time.monotonic(), 0.001)).read()


def metadata_places(issuer: str) -> Iterator[str]:
    """Where an issuer may publish its metadata.

    >>> list(metadata_places("https://idp.example/a/"))[0]
    'https://idp.example/a/.well-known/openid-configuration'
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    yield urlunsplit((parts.scheme, parts.netloc, f"{path}/.well-known/openid-configuration", "", ""))
    yield urlunsplit((parts.scheme, parts.netloc, f"/.well-known/oauth-authorization-server{path}", "", ""))


def key_set_place(raw: bytes, issuer: str) -> str:
    """The `jwks_uri` of an issuer's metadata (RFC 8414 §2, §3.3).

    Raises KeySetError when the metadata is another issuer's, or names no key set that can be had safely.
    """
    try:
        metadata: Any = json.loads(raw)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise KeySetError("the metadata is not a JSON object")
    if metadata.get("issuer") != issuer:
        raise KeySetError(f"the metadata is of the issuer {str(metadata.get('issuer'))[:200]}; both must be the same")
    place = metadata.get("jwks_uri")
    if not isinstance(place, str) or not _is_safe(place):
        raise KeySetError("the metadata names no jwks_uri that is an https URL (http on this machine only)")
    return place


def _is_safe(place: str) -> bool:
    try:
        parts = urlsplit(place)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or ""))
