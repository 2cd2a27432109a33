"""The signature algorithms of bearer tokens (RFC 7518 §3, RFC 8037) and the keys that fit each.

A key is used only with an algorithm of its own type: a public key is never used as an HMAC secret. `none` is not in
the table.
"""

from collections.abc import Iterable

SYMMETRIC = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithm → the least number of bytes its secret may have."""

ASYMMETRIC: dict[str, tuple[str, frozenset[str] | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
}
"""Algorithm → the JWK `kty` and, where there is one, the `crv` of its keys."""

ALGORITHMS = (*SYMMETRIC, *ASYMMETRIC)


def minimum_secret_bytes(algorithms: Iterable[str]) -> int:
    """How long a secret must be to serve all of `algorithms`."""
    return max((SYMMETRIC[name] for name in algorithms if name in SYMMETRIC), default=SYMMETRIC["HS256"])
