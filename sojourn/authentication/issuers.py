"""Chooses the keys that verify a token: those of the issuer that it names, or those configured without an issuer."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sojourn.authentication.discovery import DiscoveredSource
from sojourn.authentication.key_sets import KeySet, ReadsKeys
from sojourn.settings import Settings
from sojourn.settings.algorithms import SYMMETRIC


class Trust(NamedTuple):
    """What a token is verified with: `keys`, or the secrets when that is None, and the `iss` that it must have."""

    keys: KeySet | None
    issuer: str | None


class Issuers:
    """The key sets of the settings. `changed` is called whenever a reading brings other keys."""

    def __init__(
        self, settings: Settings, *, changed: Callable[[], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        def keys(source: str | ReadsKeys) -> KeySet:
            stale_limit_seconds = settings.jwt_jwks_stale_limit.total_seconds()
            return KeySet(
                source,
                settings.algorithms,
                changed=changed,
                stale_limit_seconds=stale_limit_seconds,
                monotonic=monotonic,
            )

        self._issuer = settings.jwt_issuer
        self._has_secret = settings.jwt_secret is not None
        self.configured = None if settings.jwt_jwks is None else keys(settings.jwt_jwks)
        self._discovered = {issuer: keys(DiscoveredSource(issuer)) for issuer in settings.oidc_issuer}

    def of(self, issuer: Any, algorithm: str) -> Trust | None:
        """What a token that names `issuer` is verified with; None for an unknown issuer. A token of a discovered
        issuer is verified with that issuer's keys only.
        """
        if isinstance(issuer, str) and issuer in self._discovered:
            return None if algorithm in SYMMETRIC else Trust(self._discovered[issuer], issuer)
        if algorithm in SYMMETRIC:
            return Trust(None, self._issuer) if self._has_secret else None
        return None if self.configured is None else Trust(self.configured, self._issuer)

    @property
    def names(self) -> list[str]:
        """The issuers that a token may name."""
        return [*self._discovered, *([self._issuer] if self._issuer is not None else [])]

    @property
    def were_read(self) -> bool:
        """Whether each source of keys has answered once."""
        return all(keys.was_read for keys in self._all())

    def begin(self) -> None:
        """Read what is due, in the background. Waits for nothing."""
        for keys in self._all():
            keys.revalidate()

    def reload(self) -> None:
        """Read all of them again now, in the background. Waits for nothing."""
        for keys in self._all():
            keys.reload()

    def close(self) -> None:
        """Read no more."""
        for keys in self._all():
            keys.close()

    def _all(self) -> list[KeySet]:
        return [*self._discovered.values(), *([self.configured] if self.configured is not None else [])]
