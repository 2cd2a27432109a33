"""Who calls, as Connexion wants to be told: a dictionary, or None for a caller who is refused."""

import hmac
from typing import Any

import jwt

from benchmarks.peers.surroundings import API_KEY, JWT_SECRET


def api_key(key: str) -> dict[str, Any] | None:
    """The service that a key belongs to."""
    return {"sub": "internal"} if hmac.compare_digest(key.encode(), API_KEY.encode()) else None


def bearer(token: str) -> dict[str, Any] | None:
    """The claims of a token."""
    try:
        return dict(jwt.decode(token, JWT_SECRET, algorithms=["HS256"], options={"require": ["exp", "sub"]}))
    except jwt.PyJWTError:
        return None
