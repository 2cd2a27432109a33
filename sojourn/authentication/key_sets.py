"""JSON Web Key Sets (RFC 7517): read from a file or fetched from a URL, kept while the source is down.

Only the configured source is ever read. What a token's header says about keys (`jku`, `x5u`, `jwk`) is not.
"""

import asyncio
import json
import logging
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from jwt import PyJWK, PyJWTError

from domain.errors import Unavailable
from sojourn.algorithms import ASYMMETRIC

logger = logging.getLogger("sojourn.authentication")

REFRESH_SECONDS = 300.0
"""How old a key set may grow before it is read again, so that a withdrawn key stops working."""

RETRY_SECONDS = 30.0
"""The least time between two readings, whatever unknown key ids tokens bring."""

_FETCH_TIMEOUT_SECONDS = 5
_MAX_BYTES = 1 << 20
_MIN_RSA_BITS = 2048


class KeySetError(Exception):
    """The source cannot be read or holds no JSON Web Key Set."""


class KeySet:
    """The public keys of the token issuer. `changed` is called whenever a reading brings other keys."""

    def __init__(
        self,
        source: str,
        algorithms: Iterable[str],
        changed: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._algorithms = [name for name in algorithms if name in ASYMMETRIC]
        self._changed = changed
        self._monotonic = monotonic
        self._raw: bytes | None = None
        self._keys: list[tuple[str | None, str, PyJWK]] = []
        self._read_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def is_stale(self) -> bool:
        """Whether the set should be read again before it is used."""
        now = self._monotonic()
        return now - self._read_at > REFRESH_SECONDS and now - self._tried_at > RETRY_SECONDS

    async def refresh(self) -> None:
        """Read the source again, unless that was just tried. Without an answer the keys stay."""
        async with self._lock:
            if self._monotonic() - self._tried_at > RETRY_SECONDS:
                self._tried_at = self._monotonic()
                try:
                    self._take(await asyncio.to_thread(read_source, self._source))
                    self._read_at = self._tried_at
                except KeySetError as error:
                    logger.warning("the key set was not read: %s", error)

    async def candidates(self, kid: str | None, algorithm: str) -> list[PyJWK]:
        """The keys that may have signed a token: those of its `kid`, or all that fit when it has none.

        Raises Unavailable when the source has never been read.
        """
        found = self._matching(kid, algorithm)
        if not found:
            await self.refresh()
            found = self._matching(kid, algorithm)
        if self._raw is None:
            raise Unavailable(retry_after=int(RETRY_SECONDS))
        return found

    def _matching(self, kid: str | None, algorithm: str) -> list[PyJWK]:
        return [key for its_id, name, key in self._keys if name == algorithm and kid in (None, its_id)]

    def _take(self, raw: bytes) -> None:
        if raw == self._raw:
            return
        self._keys = parse_key_set(raw, self._algorithms)
        self._raw = raw
        self._changed()


def read_source(source: str) -> bytes:
    """The bytes of a key set. Blocks. Redirects are not followed. Raises KeySetError."""
    try:
        if source.startswith(("http://", "https://")):
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(source, timeout=_FETCH_TIMEOUT_SECONDS) as answer:
                raw: bytes = answer.read(_MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise KeySetError(f"{source}: {error}") from None
    if len(raw) > _MAX_BYTES:
        raise KeySetError(f"{source}: larger than {_MAX_BYTES} bytes")
    return raw


def parse_key_set(raw: bytes, algorithms: Iterable[str]) -> list[tuple[str | None, str, PyJWK]]:
    """Key id, algorithm and key for each algorithm that each key of the set may verify.

    Keys we have no use for are left out. Raises KeySetError when the text is no key set.
    """
    try:
        members = json.loads(raw)["keys"]
        usable = [member for member in members if isinstance(member, dict)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise KeySetError("it is not a JSON Web Key Set (RFC 7517 §5)") from None
    keys = []
    for member in usable:
        for name in algorithms:
            if _fits(member, name) and (key := _build(member, name)) is not None:
                keys.append((member.get("kid"), name, key))
    return keys


def _fits(member: dict[str, Any], algorithm: str) -> bool:
    """Whether a JWK may verify signatures of `algorithm`: type, curve, `alg`, `use` and `key_ops` agree."""
    kty, curves = ASYMMETRIC[algorithm]
    return (
        member.get("kty") == kty
        and (curves is None or member.get("crv") in curves)
        and member.get("alg", algorithm) == algorithm
        and member.get("use", "sig") == "sig"
        and "verify" in member.get("key_ops", ["verify"])
    )


def _build(member: dict[str, Any], algorithm: str) -> PyJWK | None:
    try:
        key = PyJWK(member, algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError) as error:
        logger.warning("a key of the key set is not usable: %s", type(error).__name__)
        return None
    if member["kty"] == "RSA" and key.key.key_size < _MIN_RSA_BITS:
        logger.warning("a key of the key set is not usable: RSA with fewer than %d bits", _MIN_RSA_BITS)
        return None
    return key


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Never follow: the source is the one that was configured."""
        return
