"""Signed ends of audit chains: JSON Web Signatures (RFC 7515) that anybody with the public key can verify."""

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

_TYPE = "audit-head"
_ALGORITHM = "EdDSA"


class BadHead(Exception):
    """A head that the key did not sign, or that is none."""


def sign(key: Ed25519PrivateKey, head: bytes) -> str:
    """A head (canonical JSON) in the compact form."""
    return jwt.PyJWS().encode(head, key, algorithm=_ALGORITHM, headers={"typ": _TYPE})


def public_key(key: Ed25519PrivateKey) -> dict[str, Any]:
    """The public half as a JSON Web Key (RFC 7517)."""
    found = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    found.pop("key_ops", None)
    return {**found, "alg": _ALGORITHM, "use": "sig"}


def read(jwk: dict[str, Any], signed: str) -> dict[str, Any]:
    """What a head says whose signature holds. Raises BadHead."""
    try:
        found = jwt.PyJWS().decode_complete(signed, jwt.PyJWK(jwk, _ALGORITHM).key, algorithms=[_ALGORITHM])
        said: dict[str, Any] = json.loads(found["payload"])
        if found["header"].get("typ") != _TYPE or set(said) != {"tenant_id", "position", "hash"}:
            raise BadHead
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise BadHead from error
    return said
