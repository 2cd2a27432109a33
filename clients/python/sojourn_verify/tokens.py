"""Tokens whose signature holds: read strictly once, then remembered."""

import re
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jwt

from sojourn_verify.judgement import is_ours, is_whole
from sojourn_verify.outcomes import Session, session

MAX_CHARACTERS = 16384
"""The longest token that is looked at."""

_PART = (
    r"(?=[A-Za-z0-9_-])(?:[A-Za-z0-9_-]{4})*"
    r"(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?"
)
_COMPACT = re.compile(rf"{_PART}\.{_PART}\.{_PART}")
_OPTIONS: Any = {
    "verify_signature": True,
    **{f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")},
}


class Token:
    """A token whose signature holds. Until `good_until` (the service's seconds) it is good at `version`.

    `asked_at` is the version of the refusals at which the service itself said that it is good; -1: it was not asked.
    """

    __slots__ = ("asked_at", "claims", "good_until", "kid", "session", "version")

    def __init__(self, kid: str, claims: Mapping[str, Any]) -> None:
        self.kid = kid
        self.claims = claims
        self.session: Session = session(claims)
        self.version = -1
        self.good_until = float("-inf")
        self.asked_at = -1


class Memory:
    """The tokens that were verified, up to a number; the oldest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Token] = {}
        self._lock = threading.Lock()
        self.get = self._known.get

    def __len__(self) -> int:
        return len(self._known)

    def put(self, text: str, token: Token) -> None:
        """Remember a token."""
        with self._lock:
            while len(self._known) >= self._most:
                del self._known[next(iter(self._known))]
            self._known[text] = token

    def forget(self, before: float) -> None:
        """Drop the tokens that expired before an instant, in seconds since 1970."""
        with self._lock:
            for text in [text for text, token in self._known.items() if token.claims["exp"] < before]:
                del self._known[text]

    def forget_session(self, tenant: str, session_id: str) -> None:
        """Drop the tokens of a session."""
        with self._lock:
            for text, token in list(self._known.items()):
                if (token.session.tenant, token.session.session_id) == (tenant, session_id):
                    del self._known[text]


def key_id(text: str) -> str | None:
    """Which key a token says that it was signed with. None for what is no access token of the service."""
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS or _COMPACT.fullmatch(text) is None:
        return None
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return header["kid"] if is_ours(header) else None


def verified(text: str, kid: str, key: jwt.PyJWK) -> Token | None:
    """The token, if the key signed it; None otherwise. The algorithm is the key's."""
    try:
        claims = jwt.decode(text, key, algorithms=[str(key.algorithm_name)], options=_OPTIONS)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
        return None
    return Token(kid, MappingProxyType(claims)) if is_whole(claims) else None
