"""JSON Web Key Sets (RFC 7517): kept while their source is down, read again in the background.

Known keys are used without waiting, until they could not be read again for longer than the stale limit; from then on
they count as never read.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from jwt import PyJWK

from sojourn.authentication.key_source import KeySetError, KeySource
from sojourn.domain.errors import Unavailable
from sojourn.settings.algorithms import ASYMMETRIC

logger = logging.getLogger("sojourn.authentication")

REFRESH_SECONDS = 300.0
"""How old a key set may grow before it is read again, so that a withdrawn key stops working."""

RETRY_SECONDS = 30.0
"""The least time between two readings, whatever unknown key ids tokens bring, and the most after one that failed."""

_RSA_BITS = range(2048, 16384 + 1)
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MAX_DIGITS = 400


class ReadsKeys(Protocol):
    """Where a key set comes from. Raises KeySetError."""

    async def read(self) -> bytes: ...


class KeySet:
    """The public keys of a token issuer. `changed` is called whenever a reading brings other keys."""

    def __init__(
        self,
        source: str | ReadsKeys,
        algorithms: Iterable[str],
        *,
        changed: Callable[[], None],
        stale_limit_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source: ReadsKeys = KeySource(source) if isinstance(source, str) else source
        self._algorithms = [name for name in algorithms if name in ASYMMETRIC]
        self._changed = changed
        self._stale_limit_seconds = stale_limit_seconds
        self._monotonic = monotonic
        self._raw: bytes | None = None
        self._keys: list[tuple[str | None, str, PyJWK]] = []
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_current(self) -> bool:
        """Whether the keys may be used: they were read, and not longer ago than the stale limit."""
        return self._monotonic() - self._read_at <= self._stale_limit_seconds

    @property
    def was_read(self) -> bool:
        """Whether the source has answered once."""
        return self._raw is not None

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, sorted; keys without an id are left out."""
        return sorted({kid for kid, _, _ in self._keys if kid is not None})

    def close(self) -> None:
        """Read no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._reading is not None:
            self._reading.cancel()

    def revalidate(self) -> None:
        """Begin a reading in the background when one is due. Waits for nothing."""
        if self._monotonic() - self._read_at > REFRESH_SECONDS:
            self._begin()

    def reload(self) -> None:
        """Begin a reading in the background now, however lately there was one. Waits for nothing."""
        if self._reading is None or self._reading.done():
            self._tried_at = -math.inf
        self._begin()

    async def candidates(self, kid: str | None, algorithm: str) -> list[PyJWK]:
        """The keys that may have signed a token: those of its `kid`, or all that fit when it has none.

        For known keys it waits for nothing; for others for one reading at most. Raises Unavailable when the source was
        never read, or not for longer than the stale limit.
        """
        self.revalidate()
        found = self._matching(kid, algorithm)
        if not found or not self.is_current:
            reading = self._begin()
            if reading is not None:
                await asyncio.shield(reading)
            found = self._matching(kid, algorithm)
        if not self.is_current:
            raise Unavailable(retry_after=int(RETRY_SECONDS))
        return found

    def _matching(self, kid: str | None, algorithm: str) -> list[PyJWK]:
        return [key for its_id, name, key in self._keys if name == algorithm and kid in (None, its_id)]

    def _begin(self) -> asyncio.Task[None] | None:
        """The reading that is under way or begins now; None when one was just tried: another follows."""
        if self._reading is not None and not self._reading.done():
            return self._reading
        wait = self._tried_at + RETRY_SECONDS - self._monotonic()
        if wait > 0:
            self._begin_in(wait)
            return None
        self._tried_at = self._monotonic()
        self._reading = asyncio.get_running_loop().create_task(self._read())
        return self._reading

    def _begin_in(self, seconds: float) -> None:
        """Read again after so long at the latest, whether or not anybody asks by then."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None and not self._timer.cancelled() and loop.time() < self._timer.when() <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._begin)

    async def _read(self) -> None:
        """Read the source. When that fails, the known keys stay."""
        began = self._tried_at
        try:
            self._take(await self._source.read())
            self._read_at = began
        except KeySetError as error:
            logger.warning("the key set was not read: %s", error)
        self._begin_in(REFRESH_SECONDS if self._read_at == began else RETRY_SECONDS)

    def _take(self, raw: bytes) -> None:
        if raw == self._raw:
            return
        self._keys = parse_key_set(raw, self._algorithms)
        self._raw = raw
        self._changed()


async def require_usable(source: str, algorithms: Iterable[str]) -> None:
    """Read a key set once. Raises KeySetError when it cannot be read or holds no key for any of `algorithms`."""
    names = [name for name in algorithms if name in ASYMMETRIC]
    try:
        keys = parse_key_set(await KeySource(source).read(), names)
    except KeySetError as error:
        raise KeySetError(str(error) if source in str(error) else f"{source}: {error}") from None
    if not keys:
        raise KeySetError(f"{source}: no key of it can verify {', '.join(sorted(names))}")


def parse_key_set(raw: bytes, algorithms: Iterable[str]) -> list[tuple[str | None, str, PyJWK]]:
    """Key id, algorithm and key for each algorithm that each key of the set may verify.

    Keys we have no use for, and members that are no keys, are left out (RFC 7517 §5). Raises KeySetError when the text
    is no key set.
    """
    try:
        members = json.loads(raw, parse_int=_integer)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        members = None
    if not isinstance(members, list):
        raise KeySetError("it is not a JSON Web Key Set (RFC 7517 §5)")
    names = list(algorithms)
    return [(kid, name, key) for member in members for kid, name, key in _keys_of(member, names)]


def _keys_of(member: Any, algorithms: list[str]) -> list[tuple[str | None, str, PyJWK]]:
    """The keys of one member of a set. A faulty member does not affect the others."""
    try:
        return [(member.get("kid"), name, _build(member, name)) for name in algorithms if _fits(member, name)]
    except Exception as error:  # the libraries that read keys raise errors of many kinds
        logger.warning("a key of the key set is not usable: %s", type(error).__name__)
        return []


def _fits(member: dict[str, Any], algorithm: str) -> bool:
    """Whether a JWK may verify signatures of `algorithm`: type, curve, `alg`, `use` and `key_ops` agree.

    Null is the same as absent. Raises TypeError for members of the wrong type.
    """
    kty, curves = ASYMMETRIC[algorithm]
    if not isinstance(member.get("kid"), str | None):
        raise TypeError("kid")
    operations = member.get("key_ops")
    if operations is not None and not isinstance(operations, list):
        raise TypeError("key_ops")
    return (
        member.get("kty") == kty
        and (curves is None or member.get("crv") in curves)
        and member.get("alg") in (None, algorithm)
        and member.get("use") in (None, "sig")
        and (operations is None or "verify" in operations)
    )


def _build(member: dict[str, Any], algorithm: str) -> PyJWK:
    """The key. Raises ValueError for an RSA key of a size that is not used and for a key that gives its secret away."""
    if not _PRIVATE_MEMBERS.isdisjoint(member):
        raise ValueError("a private key")
    key = PyJWK(member, algorithm)
    if member["kty"] == "RSA" and key.key.key_size not in _RSA_BITS:
        raise ValueError("RSA of this size")
    return key


def _integer(digits: str) -> float:
    """No member that we read is a number, so one that is too long for Python spoils nothing."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.inf
