"""The first tokens of a session, as the Python peers make them: a signed access token and a random refresh token.

Both are entered in the inventory by their hashes, and the refresh token's state is kept beside the session.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ACCESS_SECONDS = 900
REFRESH_LIFE = timedelta(hours=24)
_key = Ed25519PrivateKey.generate()
_HEADERS = {"typ": "at+jwt", "kid": secrets.token_hex(16)}


class TokenPair(NamedTuple):
    """The two texts, the inventory's ids and the hashes that are kept of them."""

    access: str
    refresh: str
    access_id: str
    refresh_id: str
    access_hash: str
    refresh_hash: str

    def view(self) -> dict[str, Any]:
        """`TokenPairResponse`."""
        return {
            "access_token": self.access,
            "expires_in": ACCESS_SECONDS,
            "refresh_token": self.refresh,
            "token_type": "Bearer",
        }


def make_pair(tenant: str, session: str, body: Mapping[str, Any], now: datetime) -> TokenPair:
    """The tokens of a session that was just created from `body`."""
    issued, access_id = int(now.timestamp()), f"tok_{secrets.token_hex(16)}"
    claims = {
        "iss": "benchmark",
        "sub": body["auth_user_id"],
        "aud": "benchmark",
        "iat": issued,
        "exp": issued + ACCESS_SECONDS,
        "jti": access_id,
        "sid": session,
        "tenant_id": tenant,
        "client_id": body.get("app_id") or "unspecified",
        "roles": [body["role"]] if body.get("role") else [],
        "amr": body.get("amr") or [],
        "auth_time": issued,
        "gen": 0,
    }
    access = jwt.encode(claims, _key, algorithm="EdDSA", headers=_HEADERS)
    refresh = f"rt_{secrets.token_urlsafe(48)}"
    return TokenPair(access, refresh, access_id, f"tok_{secrets.token_hex(16)}", _hash(access), _hash(refresh))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
