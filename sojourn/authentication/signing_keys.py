"""The keys that sign access tokens: made, rotated, published (RFC 7517) and retired.

They live in the database, so all processes share them: a new key is published at once and begins to sign later, when
verifiers have fetched it. A retired key is removed at once, and everything it signed is refused.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm, get_default_algorithms

from sojourn.authentication.vault import Vault
from sojourn.domain.clock import to_text
from sojourn.domain.errors import Unavailable
from sojourn.domain.ids import uuid7
from sojourn.storage.database import Database
from sojourn.storage.queries import epochs, signing_keys
from sojourn.storage.queries.signing_keys import SigningKeyRow
from sojourn.storage.unit_of_work import SystemUnit

PUBLISHED_BEFORE_SIGNING = timedelta(minutes=10)
"""How long a rotated-in key is published before it signs: longer than verifiers keep a key set."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 - a name
"""What our tokens say they are (RFC 9068 §2.1)."""

STATUS_LIST_TYPE = "statuslist+jwt"
"""What our status lists say they are (draft-ietf-oauth-status-list-20, section 5.1): never taken for a token."""

LOGOUT_TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a name
"""What our logout tokens say they are (OpenID Connect Back-Channel Logout 1.0 §2.4): never taken for another token."""

_RSA_BITS = 3072
PrivateKey = Ed25519PrivateKey | RSAPrivateKey


class Signer:
    """A key that signs, with all of a token's text that is the same for every token."""

    def __init__(self, kid: str, algorithm: str, *, key: PrivateKey) -> None:
        self.kid = kid
        self._algorithm: Any = get_default_algorithms()[algorithm]
        self._key = key
        self._headers = {
            kind: _segment(orjson.dumps({"alg": algorithm, "kid": kid, "typ": kind}))
            for kind in (TOKEN_TYPE, STATUS_LIST_TYPE, LOGOUT_TOKEN_TYPE)
        }

    def sign(self, claims: Mapping[str, Any], kind: str = TOKEN_TYPE) -> str:
        """A token with these claims: a JSON Web Signature in its compact form (RFC 7515 §3.1)."""
        signed = self._headers[kind] + b"." + _segment(orjson.dumps(claims))
        return (signed + b"." + _segment(self._algorithm.sign(signed, self._key))).decode()


def _segment(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def new_key(vault: Vault, algorithm: str, *, now: datetime, signs_from: datetime) -> SigningKeyRow:
    """A new key, to be stored."""
    kid = uuid7(now)
    private: PrivateKey
    if algorithm == "RS256":
        private = generate_private_key(65537, _RSA_BITS)
        public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        private = Ed25519PrivateKey.generate()
        public = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    public.pop("key_ops", None)
    public |= {"kid": kid, "alg": algorithm, "use": "sig"}
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKeyRow(
        id=kid,
        algorithm=algorithm,
        public_jwk=json.dumps(public),
        sealed_private=vault.seal(kid, pem),
        created_at=to_text(now),
        signs_from=to_text(signs_from),
        retired_at=None,
    )


def new_epoch() -> str:
    """128 random bits, the name of an epoch."""
    return secrets.token_urlsafe(16)


class SigningKeys:
    """The stored keys as a process uses them; each is parsed once."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database
        self._public: dict[str, PyJWK] = {}
        self._signers: dict[str, Signer] = {}

    async def ensure(self, algorithm: str, now: datetime) -> None:
        """Make the first key, where none can sign with this algorithm; with the very first one begins an epoch."""

        async def work(unit: SystemUnit) -> None:
            rows = await signing_keys.all_keys(unit)
            if not rows:
                await epochs.begin(unit, new_epoch())
            if self._signer(rows, now, algorithm=algorithm) is None:
                await signing_keys.add(unit, new_key(self._vault, algorithm, now=now, signs_from=now))

        rows = await self._rows()
        if self._signer(rows, now, algorithm=algorithm) is None:
            await self._database.write_system(work)
        await self._reseal(rows)

    async def _reseal(self, rows: list[SigningKeyRow]) -> None:
        """Seal with our secret what the one before it sealed, so that it is needed no longer."""
        for row in rows:
            if row.retired_at is not None or self._vault.unseal_own(row.id, row.sealed_private) is not None:
                continue
            pem = self._vault.unseal(row.id, row.sealed_private)
            if pem is not None:
                sealed = self._vault.seal(row.id, pem)
                await self._database.write_system(
                    lambda unit, row=row, sealed=sealed: signing_keys.reseal(  # type: ignore[misc]
                        unit, row.id, before=row.sealed_private, after=sealed
                    )
                )

    async def signer(self, unit: SystemUnit, now: datetime, *, key_id: str | None) -> Signer:
        """The key that signs `now`, which may have changed since the last token. Raises Unavailable without one.

        `key_id` is the newest that may sign now. Where there is none (the clock was ahead when the first key was made,
        or the only older key was retired) one that signs next is taken: any key is better than none.
        """
        signer = None if key_id is None else self._signers.get(key_id)
        if signer is None:
            rows = await signing_keys.all_keys(unit)
            signer = self._signer(rows, now, algorithm=None) or self._next_signer(rows)
        if signer is None:
            raise Unavailable()
        return signer

    async def public(self, kid: str) -> PyJWK | None:
        """The key that verifies what `kid` signed; None for a key we never had. It may be retired."""
        if kid not in self._public:
            for row in await self._rows():
                self._public[row.id] = PyJWK(json.loads(row.public_jwk), row.algorithm)
        return self._public.get(kid)

    async def key_set(self) -> dict[str, Any]:
        """The JSON Web Key Set of all keys that are not retired, newest first."""
        rows = [row for row in await self._rows() if row.retired_at is None]
        return {"keys": [json.loads(row.public_jwk) for row in reversed(rows)]}

    async def _rows(self) -> list[SigningKeyRow]:
        async with self._database.system() as unit:
            return await signing_keys.all_keys(unit)

    def _signer(self, rows: list[SigningKeyRow], now: datetime, *, algorithm: str | None) -> Signer | None:
        """The newest key that may sign and that this process can read."""
        text = to_text(now)
        for row in reversed(rows):
            if row.retired_at is None and row.signs_from <= text and algorithm in (None, row.algorithm):
                signer = self._open(row)
                if signer is not None:
                    return signer
        return None

    def _next_signer(self, rows: list[SigningKeyRow]) -> Signer | None:
        """The key that signs next, for when none may sign yet: any key is better than none."""
        opened = (self._open(row) for row in rows if row.retired_at is None)
        return next((signer for signer in opened if signer is not None), None)

    def _open(self, row: SigningKeyRow) -> Signer | None:
        if row.id not in self._signers:
            pem = self._vault.unseal(row.id, row.sealed_private)
            if pem is None:
                return None
            key = serialization.load_pem_private_key(pem, None)
            if not isinstance(key, PrivateKey):
                return None
            self._signers[row.id] = Signer(row.id, row.algorithm, key=key)
        return self._signers[row.id]
