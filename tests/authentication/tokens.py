"""Keys and tokens for the tests of authentication, good ones and forged ones."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sojourn.settings import Settings

SECRET = "a-secret-of-at-least-thirty-two-bytes!"
ISSUER, AUDIENCE = "https://issuer.example", "sojourn"
NOW = datetime(2026, 4, 15, 8, tzinfo=UTC)
CLAIMS: dict[str, Any] = {
    "sub": "usr_1",
    "tenant_id": "acme",
    "roles": ["admin"],
    "sid": "sess_1",
    "iss": ISSUER,
    "aud": AUDIENCE,
    "iat": int(NOW.timestamp()) - 60,
    "exp": int(NOW.timestamp()) + 600,
}
PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def settings(**changes: Any) -> Settings:
    """Settings that check everything that can be checked."""
    values: dict[str, Any] = {"jwt_secret": SECRET, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    return Settings(**values | changes)


def token(key: Any = SECRET, algorithm: str = "HS256", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A signed token with the usual claims; a change to None leaves a claim out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm, header)


def forged(header: Any, claims: Any = None, signature: bytes = b"") -> str:
    """A token put together by hand."""
    parts = [
        json.dumps(header).encode(),
        json.dumps(CLAIMS if claims is None else claims).encode(),
        signature,
    ]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def public_jwk(algorithm: str, **changes: Any) -> dict[str, Any]:
    """The JWK of the public key of an algorithm, its `kid` the algorithm's name."""
    maker = jwt.get_algorithm_by_name(algorithm)
    jwk: dict[str, Any] = json.loads(maker.to_jwk(PRIVATE[algorithm].public_key()))
    return jwk | {"kid": algorithm} | changes


def public_pem(algorithm: str) -> bytes:
    """The public key of an algorithm as a PEM text: what an attacker would try as a secret."""
    pem: bytes = PRIVATE[algorithm].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def key_set(*keys: dict[str, Any]) -> bytes:
    """A JSON Web Key Set."""
    return json.dumps({"keys": keys}).encode()
