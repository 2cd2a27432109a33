"""The public keys of the service (RFC 7517). An unknown key id leads to one request at most in each cool-down."""

import threading
from typing import Any

import jwt

from sojourn_verify.clocks import steady
from sojourn_verify.service import Service

ALGORITHMS = frozenset({"EdDSA", "RS256"})
"""With what the service signs. The key, not the token, says which algorithm it is for (RFC 8725 section 3.1)."""


class KeySet:
    """The keys by their ids, read when they are needed. `fetches` counts how often."""

    def __init__(self, service: Service, *, cool_down: float) -> None:
        self._service, self._cool_down = service, cool_down
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()
        self.fetches = 0

    def get(self, kid: str) -> jwt.PyJWK | None:
        """The key with an id, if it is known."""
        return self._keys.get(kid)

    def may_read(self) -> bool:
        """Whether the last request is longer ago than the cool-down."""
        return steady() - self._read_at >= self._cool_down

    def look_for(self, kid: str) -> jwt.PyJWK | None:
        """The key with an id; the key set is read for it if that is allowed. Raises Unreachable."""
        with self._lock:  # others that look for a key meanwhile find it, and do not ask again
            if kid not in self._keys and self.may_read():
                self._read()
        return self._keys.get(kid)

    def read(self) -> None:
        """Read the key set now. Keys that are not in it any more are forgotten. Raises Unreachable."""
        with self._lock:
            self._read()

    def _read(self) -> None:
        self.fetches += 1
        self._read_at = steady()
        try:
            found = self._service.keys()
        except BaseException:
            self._read_at = float("-inf") if not self._keys else self._read_at
            raise
        self._keys = {jwk["kid"]: jwt.PyJWK(jwk) for jwk in found if _is_usable(jwk)}


def _is_usable(jwk: Any) -> bool:
    return isinstance(jwk, dict) and isinstance(jwk.get("kid"), str) and jwk.get("alg") in ALGORITHMS
