"""API keys: those of the environment and those in the database, both known by their hashes only.

A key of ours reads `sj_<id>_<secret><checksum>`. The id finds the row, the secret proves the caller, and the
checksum lets a typing error, or a scanner that looks for leaked keys, be recognised without the database.
"""

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sojourn.domain.clock import to_text
from sojourn.domain.errors import InvalidApiKey
from sojourn.domain.ids import hash_secret, mint_secret, same_secret, uuid7
from sojourn.domain.values import Caller
from sojourn.settings import Settings
from sojourn.storage.database import Database
from sojourn.storage.queries import api_keys

_STORED_KEY = re.compile(r"sj_([0-9a-f]{32})_([A-Za-z0-9_-]{43})([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was accepted: who calls with it. `tenants` is None when it covers every tenant."""

    caller: Caller
    tenants: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key: `text` is shown once, `id` and `secret_hash` are stored."""

    id: str
    text: str
    secret_hash: str


def mint_api_key(now: datetime) -> MintedKey:
    """A new API key with 256 random bits; its id sorts by `now`."""
    key_id, secret = uuid7(now).replace("-", ""), mint_secret()
    return MintedKey(key_id, f"sj_{key_id}_{secret}{_checksum(key_id, secret)}", hash_secret(secret))


class ApiKeys:
    """Tells whose key a header value is. Keys of the environment cover every tenant."""

    def __init__(self, settings: Settings, database: Callable[[], Database]) -> None:
        self._database = database
        self._known: dict[bytes, ApiKey] = {}
        for key in settings.internal_api_keys:
            digest = hashlib.sha256(key.encode())
            self._known[digest.digest()] = ApiKey(Caller("internal", f"env_{digest.hexdigest()[:12]}"), None)

    def recognise(self, header_value: bytes) -> ApiKey | None:
        """The key of the environment that this value of `X-API-Key` is; None for any other.

        Looked up by SHA-256, so timing reveals nothing about the key.
        """
        return self._known.get(hashlib.sha256(header_value).digest())

    async def authenticate(self, header_value: str, now: datetime) -> ApiKey:
        """The stored key behind the value of `X-API-Key`. Raises InvalidApiKey, whatever the reason."""
        match = _STORED_KEY.fullmatch(header_value)
        if match is None or not same_secret(match[3], _checksum(match[1], match[2])):
            raise InvalidApiKey().because("form")
        async with self._database().system() as unit:
            row = await api_keys.find(unit, match[1])
        if row is None or not same_secret(row.secret_hash, hash_secret(match[2])):
            raise InvalidApiKey().because("unknown")
        if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= to_text(now)):
            raise InvalidApiKey().because("revoked" if row.revoked_at is not None else "expired")
        return ApiKey(Caller("internal", row.id), None if row.tenants is None else frozenset(row.tenants))


def _checksum(key_id: str, secret: str) -> str:
    return f"{zlib.crc32(f'{key_id}_{secret}'.encode()):08x}"
